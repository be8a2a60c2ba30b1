"""Running evaluators on what a run left, whether it is still being made or has been in a store for a year."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Protocol

import numpy as np
import torch

from identify_core.components import Evaluator
from identify_core.data import Factor, Samples
from identify_core.errors import RunError
from identify_core.findings import Figure, Finding
from identify_core.replicates import Replicates
from identify_core.run import calling
from identify_core.run.context import Context
from identify_core.run.subject import Representation, RunSubject, Subject
from identify_core.spec import Chosen, ResolvedSpec, plain_options
from identify_core.store import StoredLatents, StoredRun


class FindingWriter(Protocol):
    """Where findings go: a run in the making, or one that gets another finding."""

    def write_finding(self, label: str, finding: Finding, *, evaluator: str, options: dict[str, object]) -> None:
        """Store a finding under its label."""

    def write_figure(self, label: str, figure: Figure) -> None:
        """Save a figure of that finding."""


class Source:
    """A run and the live objects that stand behind it; what is not live is made again from the store at first use.

    Args:
        spec: the run's resolved spec.
        run: its stored files.
        samples: if they are at hand.
        replicates: the trained replicates, if they are at hand.
        device: where to compute.
        make_context: gives the context in which samples or modules are made again.
    """

    def __init__(
        self,
        *,
        spec: ResolvedSpec,
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

    @cached_property
    def samples(self) -> Samples:
        """The run's samples.

        Raises:
            RunError: the dataset gives other samples now than when the run was made.
        """
        if self._samples is not None:
            return self._samples
        samples = calling.make_samples(self.spec.dataset, self._context("dataset"))
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
        if self.spec.model is None:
            raise RunError(f"the run {self.run.id} has no model, only latents")
        template = self._context("model").build_model(self.samples.shape, replicate=0)
        state = {name: torch.from_numpy(values) for name, values in self.run.weights().items()}
        replicates = Replicates.from_state(template, state, device=self.device)
        replicates.eval()
        return replicates

    def representations(self, name: str) -> tuple[Representation, ...]:
        """One latents array as representations, one a replicate."""
        return representations_of(self.run, name)

    def subjects(self, component: Evaluator) -> Iterator[Subject]:
        """What an evaluator is to study in this run, by its arity.

        `pair` evaluators get every pair of replicates of the same latents; `representation` ones each of them.
        """
        everything = {name: self.representations(name) for name in self.run.latents}
        if component.arity == "run":
            yield Subject(
                representations=tuple(each for group in everything.values() for each in group),
                run=RunSubject(
                    run_id=self.run.id,
                    count=self.spec.replicates,
                    model_name=self.spec.model.registered.qualified_name if self.spec.model else "",
                    model_options=self.spec.model.options if self.spec.model else None,
                    load_samples=lambda: self.samples,
                    load_replicates=lambda: self.replicates,
                    load_history=self.run.history,
                    findings={label: stored.finding for label, stored in self.run.findings.items()},
                    latents=everything,
                ),
            )
        elif component.arity == "representation":
            for group in everything.values():
                for each in group:
                    yield Subject(representations=(each,))
        else:
            for group in everything.values():
                for i, first in enumerate(group):
                    for second in group[i + 1 :]:
                        yield Subject(representations=(first, second))

    def _context(self, part: str) -> Context:
        if self._make_context is None:
            raise RunError(f"the {part} of {self.run.id} cannot be made again here")
        return self._make_context(part)


def representations_of(run: StoredRun, name: str) -> tuple[Representation, ...]:
    """The replicates of one latents array of a stored run."""
    latents = run.latents[name]
    factors = _factors_at(run, latents)

    def one(latents: StoredLatents, replicate: int) -> Representation:
        return Representation(
            label=f"{name}[{replicate}]",
            run_id=run.id,
            latents=name,
            replicate=replicate,
            ids=latents.ids,
            identified_up_to=latents.identified_up_to,
            shape=latents.sizes[replicate],
            load_rows=lambda start, stop: latents.rows(replicate, start, stop),
            factors=factors,
            fingerprint=run.fingerprint,
        )

    return tuple(one(latents, replicate) for replicate in range(latents.count))


def _factors_at(run: StoredRun, latents: StoredLatents) -> dict[str, Factor]:
    """The run's factors for the rows of `latents`, in their order."""
    if not run.factors:
        return {}
    order = np.argsort(run.ids)
    rows = order[np.searchsorted(run.ids, latents.ids, sorter=order)]
    return {name: Factor(values=factor.values[rows], kind=factor.kind) for name, factor in run.factors.items()}


def evaluate_into(writer: FindingWriter, chosen: Chosen, source: Source, context: Context) -> list[str]:
    """Run one evaluator on a run, write its findings and draw their figures.

    Returns:
        The labels under which findings were written.
    """
    component = chosen.registered.component
    if not isinstance(component, Evaluator):
        raise RunError(f"{chosen.registered.qualified_name} is no evaluator")
    labels = []
    for subject in source.subjects(component):
        for finding in calling.find(chosen, subject, context):
            label = finding_label(chosen, component, subject, finding)
            figures = calling.draw(chosen, finding, context)
            writer.write_finding(
                label, finding, evaluator=chosen.registered.qualified_name, options=plain_options(chosen.options)
            )
            for figure in figures:
                writer.write_figure(label, figure)
            labels.append(label)
            for warning in finding.warnings:
                context.warn(f"{label}: {warning}")
    return labels


def finding_label(chosen: Chosen, component: Evaluator, subject: Subject, finding: Finding) -> str:
    """The evaluator's label, the representations that it is about and the finding's name, where there are several."""
    parts = [chosen.label]
    if component.arity != "run":
        parts.append("-".join(f"{each.latents}-{each.replicate}" for each in subject.representations))
    if finding.name:
        parts.append(finding.name)
    return ".".join(parts)
