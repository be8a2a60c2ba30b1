"""A comparison: representations named, lined up, run through pair evaluators, drawn and stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch

from identify_core.comparisons.joins import Lined, line_up
from identify_core.comparisons.opening import with_runs
from identify_core.comparisons.references import Group
from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.contexts.device import resolve_device
from identify_core.contexts.display import Display, SilentDisplay
from identify_core.errors import PluginError, UsageError
from identify_core.evaluation import targets
from identify_core.evaluation.applying import COMPARED, reason_against, say_undeclared, takes
from identify_core.evaluation.grids import different, grid_finding, meets
from identify_core.evaluation.pairs import Grid, Preparations, score_pairs
from identify_core.evaluation.subjects import Holds, Subject
from identify_core.findings import Finding
from identify_core.plugins import Registry
from identify_core.spec import FORMAT, Chosen, plain_options
from identify_core.spec.choice import chosen_with
from identify_core.store import RunWriter, Store
from identify_core.store.provenance import Clock, describe_machine


@attrs.frozen(kw_only=True)
class Request:
    """What is compared and how.

    Args:
        groups: the representations, by run or file.
        evaluators: the evaluators of pairs and groups to run.
        name: what the comparison is called.
        seed: of the evaluators' random streams: splits, permutations, bootstraps.
        device: as in a spec.
        trust_ids: whether equal ids are taken for equal samples although the inputs differ.
        expect: the rung up to which every pair must be identified; empty for no expectation.
        partial: whether a join that keeps less than a tenth of the smallest is meant.
        registry: where the specs of the runs behind the representations are looked up, for evaluators that need their
            networks or samples; without it no run is opened.
        trusted: code and files that such a spec may name.
    """

    groups: Sequence[Group]
    evaluators: Sequence[Chosen]
    name: str = "comparison"
    seed: int = 0
    device: str = "auto"
    trust_ids: bool = False
    expect: str = ""
    partial: bool = False
    registry: Registry | None = None
    trusted: Sequence[str] = ()

    def line_up(self) -> Lined:
        """The representations on their common rows.

        Raises:
            UsageError: they cannot be lined up.
        """
        representations = [each for group in self.groups for each in group.representations]
        return line_up(representations, trust_ids=self.trust_ids, partial=self.partial)


@attrs.frozen(kw_only=True)
class Comparison:
    """A comparison that was made.

    Args:
        id: its id in the store.
        folder: where it lies.
        findings: label to finding.
        lined: the representations on their common rows.
        skipped: qualified name of each evaluator that does not apply, with the reason.
        failures: label of each evaluator that failed, with the reason; the others are kept.
        judged: whether an evaluator said of the pairs up to which rung they are identified.
        below: the pairs that are not identified up to the expected rung, as (label, label, what was found).
    """

    id: str
    folder: Path
    findings: dict[str, Finding]
    lined: Lined
    skipped: dict[str, str]
    failures: dict[str, str] = attrs.field(factory=dict)
    judged: bool = False
    below: tuple[tuple[str, str, str], ...] = ()


def standard_evaluators(registry: Registry, *, holds: Holds = "latents", every: bool = False) -> list[Chosen]:
    """The evaluators that run where none is named, with their default options, in their plugins' order.

    Args:
        registry: where they are looked up.
        holds: what the representations hold.
        every: all evaluators of pairs and groups rather than the standard ones.

    Raises:
        PluginError: no plugin offers any.
    """
    chosen = [
        chosen_with(registry, each, each.component.options(), each.name)
        for each in registry.components("evaluator")
        if isinstance(each.component, Evaluator)
        and each.component.arity in COMPARED
        and (every or each.component.standard)
        and takes(each.component, holds)
    ]
    if not chosen:
        of = "representations" if holds == "latents" else holds
        hint = "pip install identify-measures"
        if holds == "symbols":
            hint = "`identify import --as symbols`, then `identify evaluate`: measures against factors take symbols"
        raise PluginError(f"no plugin offers a measure for pairs of {of}", hint=hint)
    return chosen


def applicable(evaluators: Sequence[Chosen], lined: Lined) -> tuple[list[Chosen], dict[str, str]]:
    """The evaluators that can study these representations, and why the others cannot."""
    chosen, skipped = [], {}
    for each in evaluators:
        reason = reason_against(each.registered.component, lined.representations)
        if reason:
            skipped[each.registered.qualified_name] = reason
        else:
            chosen.append(each)
    return chosen, skipped


def compare(
    request: Request,
    store: Store,
    *,
    display: Display | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Comparison:
    """Make a comparison and store it; an evaluator that fails costs no other.

    Nothing is drawn: figures and the page are made from what is stored when somebody wants them.

    Raises:
        UsageError: the representations cannot be lined up, or no evaluator applies, or the expectation needs a ladder.
        IdentifyError: every evaluator failed; nothing is stored.
        Interrupted: the user stopped it; nothing is stored.
        StoreError: the store cannot be written.
    """
    display = display or SilentDisplay()
    lined = request.line_up()
    chosen, skipped = applicable(request.evaluators, lined)
    if not chosen:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise UsageError(f"no evaluator applies to these representations: {reasons}")
    device = resolve_device(request.device)
    clock = Clock()
    with RunWriter.create(store, name=request.name, plugin="", kind="comparison") as writer:
        context = Context(
            device=device,
            dtype=torch.float64 if device.type != "mps" else torch.float32,
            seed=request.seed,
            count=len(lined.representations),
            scratch=writer.scratch,
            display=display,
            stop_requested=stop_requested,
        )
        if lined.warning:
            context.warn(lined.warning)
        if undeclared := say_undeclared(lined.representations):
            context.warn(undeclared)
        if request.registry is not None:
            lined = with_runs(lined, store, request.registry, context, trusted=request.trusted)
        try:
            writer.write_spec(_request_as_toml(request, chosen))
            grids, findings, failed = _score(writer, chosen, lined, context)
            below = _below(grids, request.expect) if grids or not failed else ()
            if not findings:
                targets.raise_failure(failed)
            failures = {label: targets.reason_of(error) for label, error in failed.items()}
            writer.write_document(_document(request, lined, skipped, failures, device, clock, context))
        except BaseException:
            writer.close()
            store.remove(store.find(writer.id, kind="comparison"))
            raise
        folder = writer.commit()
    return Comparison(
        id=writer.id,
        folder=folder,
        findings=findings,
        lined=lined,
        skipped=skipped,
        failures=failures,
        judged=any(grid.verdicts for grid in grids),
        below=below,
    )


def _request_as_toml(request: Request, chosen: Sequence[Chosen]) -> str:
    """What was asked, complete enough to ask it again."""
    import tomli_w

    return tomli_w.dumps(
        {
            "format": FORMAT,
            "name": request.name,
            "seed": request.seed,
            "device": request.device,
            "trust_ids": request.trust_ids,
            "expect": request.expect,
            "representations": [each.label for group in request.groups for each in group.representations],
            "evaluators": [{**each.as_dict(), "label": each.label} for each in chosen],
        }
    )


def _score(
    writer: RunWriter,
    chosen: Sequence[Chosen],
    lined: Lined,
    context: Context,
) -> tuple[list[Grid], dict[str, Finding], dict[str, Exception]]:
    """Every evaluator's grid and finding, stored as soon as it is there, and what those raised that failed."""
    preparations = Preparations(lined.representations)
    grids: list[Grid] = []
    findings: dict[str, Finding] = {}
    failed: dict[str, Exception] = {}
    for each in chosen:
        with targets.apart(each.label, failed, context.display):
            for label, finding, grid in _found(each, preparations, context):
                writer.write_finding(
                    label, finding, evaluator=each.registered.qualified_name, options=plain_options(each.options)
                )
                for warning in finding.warnings:
                    context.warn(f"{label}: {warning}")
                grids += [grid] if grid else []
                findings[label] = finding
    return grids, findings, failed


def _found(chosen: Chosen, preparations: Preparations, context: Context) -> Iterator[tuple[str, Finding, Grid | None]]:
    """Each finding of an evaluator with its label, and the grid that it was made of where it studies pairs."""
    if chosen.registered.component.arity == "pair":
        grid = score_pairs(chosen, preparations, context)
        yield chosen.label, grid_finding(grid), grid
        return
    subject = Subject(
        representations=preparations.representations,
        prepared=preparations.of(chosen, context),
        indices=tuple(range(len(preparations.representations))),
    )
    for finding in targets.find(chosen, subject, context):
        yield ".".join(part for part in (chosen.label, finding.name) if part), finding, None


def _document(
    request: Request,
    lined: Lined,
    skipped: dict[str, str],
    failures: dict[str, str],
    device: torch.device,
    clock: Clock,
    context: Context,
) -> dict[str, Any]:
    groups = [group.name for group in request.groups for _ in group.representations]
    return {
        "representations": [
            {
                "label": each.label,
                "group": group,
                "run": each.run_id,
                "latents": each.latents,
                "replicate": each.replicate,
                "width": each.shape[1],
                "identified_up_to": each.identified_up_to,
            }
            for each, group in zip(lined.representations, groups, strict=True)
        ],
        "rows": lined.rows,
        "left_out": lined.left_out,
        "skipped": skipped,
        "failures": failures,
        "expect": request.expect,
        "seed": request.seed,
        "provenance": describe_machine(device),
        "seconds": clock.seconds(),
        "warnings": context.warnings,
    }


def _below(grids: Sequence[Grid], expect: str) -> tuple[tuple[str, str, str], ...]:
    if not expect:
        return ()
    ladders = [grid for grid in grids if grid.verdicts]
    if not ladders:
        raise UsageError(
            f"nothing says whether the pairs are identified up to {expect}: no evaluator is a ladder",
            hint="--evaluator measures:ladder",
        )
    return tuple(
        (grid.labels[i], grid.labels[j], " or ".join(verdict.lowest) or "no rung")
        for grid in ladders
        for (i, j), verdict in different(grid, grid.verdicts).items()
        if not meets(verdict, expect)
    )
