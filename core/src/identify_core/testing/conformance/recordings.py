"""Recordings of a run: findings as evaluators gave them, and whether they left alone what they were given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import torch

from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.evaluation.subjects import Subject
from identify_core.findings import Figure, Finding
from identify_core.spec import Chosen, ResolvedSpec
from identify_core.store import RunWriter, Store


@attrs.frozen(kw_only=True)
class Record:
    """What one run was seen to do.

    Args:
        findings: label to finding, as it was handed to the store.
        figures: (label, figure name) of each figure that was handed to it.
        changed: evaluator's label to what of its subject it changed.
    """

    findings: dict[str, Finding] = attrs.field(factory=dict)
    figures: list[tuple[str, str]] = attrs.field(factory=list)
    changed: dict[str, list[str]] = attrs.field(factory=dict)


class RecordingWriter(RunWriter):
    """The run's own writer, which also notes what it is given."""

    record: Record

    @classmethod
    def begin(cls, store: Store, spec: ResolvedSpec, record: Record) -> RecordingWriter:
        """Begin a run that is recorded."""
        writer = cls.create(store, name=spec.name, plugin=spec.plugin)
        assert isinstance(writer, RecordingWriter)  # `create` makes one of its own class
        writer.record = record
        return writer

    def write_finding(self, label: str, finding: Finding, *, evaluator: str, options: Any) -> None:
        """Store a finding under its label."""
        super().write_finding(label, finding, evaluator=evaluator, options=options)
        self.record.findings[label] = finding

    def write_figure(self, label: str, figure: Figure) -> None:
        """Save a figure of that finding."""
        super().write_figure(label, figure)
        self.record.figures.append((label, figure.name))


@attrs.frozen(kw_only=True)
class _Watched(Evaluator):
    """An evaluator whose subject is looked at before and after it is called."""

    notice: Callable[[list[str]], None]

    def load(self) -> Callable[..., Any]:
        target = super().load()

        def watched(options: Any, subject: Subject, context: Context) -> Any:
            before = dict(_state(subject))
            result = target(options, subject, context)
            if isinstance(result, Iterator):  # the body of a generator runs only here
                result = list(result)
            after = dict(_state(subject))
            self.notice([name for name, value in before.items() if not torch.equal(value, after[name])])
            return result

        return watched


def watch(chosen: Chosen, record: Record) -> Chosen:
    """The same evaluator, what it changes of a run being noted."""
    component = chosen.registered.component
    if component.arity != "run":
        return chosen
    fields = {field.name: getattr(component, field.name) for field in attrs.fields(type(component))}
    watched = _Watched(**fields, notice=lambda names: record.changed.setdefault(chosen.label, []).extend(names))
    return attrs.evolve(chosen, registered=attrs.evolve(chosen.registered, component=watched))


def _state(subject: Subject) -> Iterator[tuple[str, torch.Tensor]]:
    run = subject.run
    if run is None:
        return
    for name, column in run.samples.columns.items():
        if isinstance(column, torch.Tensor):
            yield f"the samples' column {name!r}", column.clone()
    if run.model_name:
        for name, value in run.replicates.state().items():
            yield f"the replicates' {name}", value.clone()
        yield "the replicates' mode", torch.tensor(run.replicates.training)
