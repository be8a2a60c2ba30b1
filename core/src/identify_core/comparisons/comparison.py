"""A comparison: representations named, lined up, run through pair evaluators, drawn and stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import torch

from identify_core.comparisons.joins import Lined, line_up
from identify_core.comparisons.references import Group
from identify_core.comparisons.stored_requests import Asked
from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.contexts.device import resolve_device
from identify_core.contexts.display import Display, SilentDisplay
from identify_core.errors import PluginError
from identify_core.evaluation.applicability import COMPARED, reason_against, takes
from identify_core.evaluation.subjects import Holds
from identify_core.findings import Finding
from identify_core.plugins import Registry
from identify_core.spec import Chosen
from identify_core.spec.choice import chosen_with


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
        asked: what the groups were opened from, so that the comparison can be gone on with and spread; None for groups
            that were made otherwise.
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
    asked: Asked | None = None
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


def make_context(
    request: Request,
    *,
    count: int,
    scratch: Path,
    display: Display | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Context:
    """What an evaluator of a comparison is run in; every evaluator, in every process, draws the same numbers."""
    device = resolve_device(request.device)
    return Context(
        device=device,
        dtype=torch.float64 if device.type != "mps" else torch.float32,
        seed=request.seed,
        count=count,
        scratch=scratch,
        display=display or SilentDisplay(),
        stop_requested=stop_requested,
    )
