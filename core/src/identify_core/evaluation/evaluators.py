"""Running evaluators on what a run left, whether it is still being made or has been in a store for a year."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import cached_property
from typing import Any, Protocol

import attrs
import numpy as np
import torch

from identify_core.components import Evaluator, Requirement
from identify_core.contexts.context import Context
from identify_core.data import Samples
from identify_core.data.sample_ids import in_one_type
from identify_core.errors import RunError
from identify_core.evaluation import targets
from identify_core.evaluation.applicability import reason_against_kind
from identify_core.evaluation.grids import grid_finding
from identify_core.evaluation.pairs import Preparations, score_pairs
from identify_core.evaluation.singles import column_finding, score_each
from identify_core.evaluation.subjects import NUMBERED, Representation, RunSubject, Subject
from identify_core.findings import Figure, Finding
from identify_core.replicates import Replicates
from identify_core.spec import Chosen, ResolvedSpec, plain_options
from identify_core.store import StoredFinding, StoredLatents, StoredRun


class FindingWriter(Protocol):
    """Where findings go: a run in the making, or one that gets another finding."""

    def write_finding(self, label: str, finding: Finding, *, evaluator: str, options: dict[str, object]) -> None:
        """Store a finding under its label."""

    def write_figure(self, label: str, figure: Figure) -> None:
        """Save a figure of that finding."""


class Findings(MutableMapping[str, Finding]):
    """Label to finding: those of a stored run, each read when it is asked for, and those made since.

    Args:
        stored: of the run.
    """

    def __init__(self, stored: Mapping[str, StoredFinding]) -> None:
        self._stored = stored
        self._made: dict[str, Finding] = {}

    def __getitem__(self, label: str) -> Finding:
        return self._made[label] if label in self._made else self._stored[label].finding

    def __setitem__(self, label: str, finding: Finding) -> None:
        self._made[label] = finding

    def __delitem__(self, label: str) -> None:
        del self._made[label]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._stored, *self._made]))

    def __len__(self) -> int:
        return len({*self._stored, *self._made})


class Source:
    """A run and the live objects that stand behind it; what is not live is made again from the store at first use.

    Args:
        spec: the run's resolved spec; None for an imported run, which has latents alone.
        run: its stored files.
        samples: if they are at hand.
        replicates: the trained replicates, if they are at hand.
        device: where to compute.
        make_context: gives the context in which samples or modules are made again.
    """

    def __init__(
        self,
        *,
        spec: ResolvedSpec | None,
        run: StoredRun,
        device: torch.device,
        samples: Samples | None = None,
        replicates: Replicates | None = None,
        make_context: Callable[[str], Context] | None = None,
    ) -> None:
        self.spec = spec
        self.run = run
        self.device = device
        self._samples = samples
        self._replicates = replicates
        self._make_context = make_context
        self._preparations: dict[str, Preparations] = {}

    @cached_property
    def samples(self) -> Samples:
        """The run's samples.

        Raises:
            RunError: the dataset gives other samples now than when the run was made.
        """
        if self._samples is not None:
            return self._samples
        if self.spec is None:
            raise self._imported()
        samples = targets.make_samples(self.spec.dataset, self._context("dataset"))
        if samples.fingerprint != self.run.fingerprint:
            raise RunError(
                f"the dataset {self.spec.dataset.registered.qualified_name} gives other samples now than when "
                f"{self.run.id} was made",
                hint="evaluators that need only latents still work; install the versions that run.json names",
            )
        return samples

    @cached_property
    def replicates(self) -> Replicates:
        """The trained replicates, in evaluation mode.

        Raises:
            RunError: the run has no model.
        """
        if self._replicates is not None:
            self._replicates.eval()
            return self._replicates
        if self.spec is None:
            raise self._imported()
        if self.spec.model is None:
            raise RunError(f"the run {self.run.id} has no model, only latents")
        template = self._context("model").build_model(self.samples.shape, replicate=0)
        state = {name: torch.from_numpy(values) for name, values in self.run.weights().items()}
        replicates = Replicates.from_state(template, state, device=self.device, strategy=self.spec.strategy)
        replicates.eval()
        return replicates

    def representations(self, name: str) -> tuple[Representation, ...]:
        """One latents array as representations, one a replicate; each can open the run."""
        found = representations_of(self.run, name)
        if self.spec is None:
            return found
        return tuple(attrs.evolve(each, load_run=lambda: self.run_subject) for each in found)

    @cached_property
    def findings(self) -> Findings:
        """Label to finding: those that the run had, and those of evaluators since."""
        return Findings(self.run.findings)

    def subject(self) -> Subject:
        """All that the run left, for an evaluator of arity `run`."""
        run = self.run_subject
        return Subject(representations=tuple(each for group in run.latents.values() for each in group), run=run)

    @cached_property
    def run_subject(self) -> RunSubject:
        """All that the run left."""
        if self.spec is None:
            raise self._imported()
        model = self.spec.model
        return RunSubject(
            run_id=self.run.id,
            count=self.spec.replicates,
            model_name=model.registered.qualified_name if model else "",
            model_options=model.options if model else None,
            objective_name=self.spec.objective.registered.qualified_name,
            objective_options=self.spec.objective.options,
            load_samples=lambda: self.samples,
            load_replicates=lambda: self.replicates,
            load_history=self.run.history,
            findings=self.findings,
            latents={name: self.representations(name) for name in self.run.latents},
        )

    def preparations(self, name: str) -> Preparations:
        """What pair evaluators prepare from one latents array, shared by all evaluators of the run."""
        if name not in self._preparations:
            self._preparations[name] = Preparations(self.representations(name))
        return self._preparations[name]

    def _imported(self) -> RunError:
        return RunError(
            f"the run {self.run.id} was imported: it has latents, but neither inputs nor networks",
            hint="choose an evaluator of representations or pairs",
        )

    def _context(self, part: str) -> Context:
        if self._make_context is None:
            raise RunError(f"the {part} of {self.run.id} cannot be made again here")
        return self._make_context(part)


def representations_of(run: StoredRun, name: str) -> tuple[Representation, ...]:
    """The replicates of one latents array of a stored run."""
    latents = run.latents[name]
    rows = _rows_of(run, latents)
    factors = {} if rows is None else {key: each.rows(rows) for key, each in run.factors.items()}
    known = run.row_fingerprints
    has: set[Requirement] = {"samples", "history"} if run.summary.plugin else set()
    if has and run.parameters:
        has |= {"weights", "modules", "decoder"}
    fingerprints = None if rows is None or known is None else known[rows]

    def one(latents: StoredLatents, replicate: int) -> Representation:
        return Representation(
            label=f"{name}[{latents.names[replicate] if latents.names else replicate}]",
            run_id=run.id,
            latents=name,
            replicate=replicate,
            ids=latents.ids,
            identified_up_to=latents.identified_up_to,
            shape=latents.sizes[replicate],
            load_rows=lambda start, stop: latents.rows(replicate, start, stop),
            factors=factors,
            fingerprints=fingerprints,
            has_ids=not run.facts.get(NUMBERED, False),
            has=frozenset(has),
            holds="symbols" if latents.kind == "symbols" else "latents",
            undeclared=not latents.kind and not latents.dtype.startswith(("float", "bfloat")),
        )

    return tuple(one(latents, replicate) for replicate in range(latents.count))


def _rows_of(run: StoredRun, latents: StoredLatents) -> np.ndarray[Any, Any] | None:
    """Which of the run's samples the rows of `latents` are; None where they have ids that no sample has."""
    known, wanted = in_one_type((run.ids, latents.ids))
    order = np.argsort(known, kind="stable")
    positions = np.searchsorted(known, wanted, sorter=order).clip(max=len(order) - 1)
    rows = order[positions]
    return rows if np.array_equal(known[rows], wanted) else None


def evaluate_into(writer: FindingWriter, chosen: Chosen, source: Source, context: Context) -> list[str]:
    """Run one evaluator on a run, write its findings and draw their figures.

    A `pair` evaluator sees every pair of replicates of the same latents, a `representation` one each of them; what they
    say is gathered in one finding for each latents array. A `group` evaluator sees all replicates of the same latents.

    Returns:
        The labels under which findings were written.
    """
    labels = []
    for label, finding, figures in _findings(chosen, source, context):
        writer.write_finding(
            label, finding, evaluator=chosen.registered.qualified_name, options=plain_options(chosen.options)
        )
        source.findings[label] = finding
        for figure in figures:
            writer.write_figure(label, figure)
        for warning in finding.warnings:
            context.warn(f"{label}: {warning}")
        labels.append(label)
    return labels


def _findings(chosen: Chosen, source: Source, context: Context) -> Iterator[tuple[str, Finding, list[Figure]]]:
    """Each finding of an evaluator with its label and its figures."""
    component = chosen.registered.component
    if not isinstance(component, Evaluator):
        raise RunError(f"{chosen.registered.qualified_name} is not an evaluator")
    if component.arity == "run":
        for finding in targets.find(chosen, source.subject(), context):
            label = ".".join(part for part in (chosen.label, finding.name) if part)
            yield label, finding, _draw(label, chosen, finding, context)
        return
    names = list(source.run.latents)
    for name in names:
        base = chosen.label if len(names) == 1 else f"{chosen.label}.{name}"
        if reason := reason_against_kind(component, source.representations(name)):
            context.warn(f"{base} is left out: {reason}")
            continue
        if component.arity == "group":
            subject = Subject(representations=source.representations(name), run=source.run_subject)
            for finding in targets.find(chosen, subject, context):
                label = ".".join(part for part in (base, finding.name) if part)
                yield label, finding, _draw(label, chosen, finding, context)
            continue
        if component.arity == "pair":
            finding = grid_finding(score_pairs(chosen, source.preparations(name), context))
        else:
            finding = column_finding(score_each(chosen, source.representations(name), context))
        yield base, finding, _draw(base, chosen, finding, context)


def _draw(label: str, chosen: Chosen, finding: Finding, context: Context) -> list[Figure]:
    return targets.drawn(label, lambda: targets.draw(chosen, finding, context), context)
