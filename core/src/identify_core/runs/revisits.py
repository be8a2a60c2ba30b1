"""Revisiting a stored run: further evaluators on what it left, kept with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import torch

from identify_core.contexts.device import resolve_device
from identify_core.contexts.display import Display, SilentDisplay
from identify_core.errors import StoreError, UsageError
from identify_core.evaluation import targets
from identify_core.evaluation.evaluators import evaluate_into
from identify_core.evaluation.reopened import Reopened
from identify_core.runs.threads import SMALL, fitting_threads
from identify_core.spec import Chosen, ResolvedSpec, plain_options
from identify_core.store import RunAppender, Store, StoredRun
from identify_core.store.scratch import scratch_for


@attrs.frozen(kw_only=True)
class Revisited:
    """What a revisit left.

    Args:
        labels: of the findings that are kept with the run now.
        failures: label of each evaluator that failed, with the reason.
    """

    labels: tuple[str, ...]
    failures: dict[str, str]


@attrs.frozen(kw_only=True)
class Revisit:
    """A stored run that gets further findings.

    Args:
        store: the store that holds it.
        run: the committed run.
        spec: its resolved spec; None for an imported run.
        evaluators: what to run.
        device: where to compute, as in a spec.
        display: where progress is shown.
        stop_requested: whether the user asked to stop.
        replace: whether a finding of the same label is replaced.
        render: makes the run's page again; None leaves the page as it was.
    """

    store: Store
    run: StoredRun
    spec: ResolvedSpec | None
    evaluators: Sequence[Chosen]
    device: str = "auto"
    display: Display = attrs.field(factory=SilentDisplay)
    stop_requested: Callable[[], bool] = lambda: False
    replace: bool = False
    render: Callable[[StoredRun], str] | None = None

    def evaluate(self) -> Revisited:
        """Run the evaluators on the run and keep what they find with it; one that fails costs no other.

        What an evaluator has done survives an interruption: the same call goes on from there.

        Raises:
            StoreError: a label exists and may not be replaced, or the run cannot be written.
            UsageError: no latents of the run hold what the evaluators take.
            IdentifyError: no evaluator found anything; the error is that of the only one, or lists them all.
        """
        for chosen in self.evaluators:
            if chosen.label in self.run.findings and not self.replace:
                raise StoreError(
                    f"the run {self.run.id} already has a finding {chosen.label!r}",
                    hint="give another --label, or --replace it",
                )
        appender = RunAppender(self.store, self.run.summary, replace=self.replace)
        with fitting_threads(self.run.parameters or SMALL):
            revisited = self._evaluate(appender)
        if self.render is not None:
            render = self.render
            appender.write_report(lambda folder: render(StoredRun.open(folder)))
        return revisited

    def _evaluate(self, appender: RunAppender) -> Revisited:
        device = resolve_device(self.device, dtype=self._dtype)
        labels: list[str] = []
        failures: dict[str, Exception] = {}
        for chosen in self.evaluators:
            with (
                targets.apart(chosen.label, failures, self.display),
                scratch_for(self.store, self.run.id, _fingerprint(chosen)) as scratch,
            ):
                labels += self._evaluate_one(chosen, appender, device, scratch)
        if failures and not labels:
            targets.raise_failure(failures)
        if not labels:
            names = ", ".join(each.registered.qualified_name for each in self.evaluators)
            raise UsageError(
                f"{names} found nothing: no latents of {self.run.id} hold what is taken",
                hint="the warnings say what each takes and what the latents hold",
            )
        return Revisited(
            labels=tuple(labels), failures={label: targets.reason_of(error) for label, error in failures.items()}
        )

    def _evaluate_one(self, chosen: Chosen, appender: RunAppender, device: torch.device, scratch: Path) -> list[str]:
        reopened = Reopened(
            store=self.store,
            run=self.run,
            spec=self.spec,
            device=device,
            display=self.display,
            stop_requested=self.stop_requested,
        )
        return evaluate_into(appender, chosen, reopened.source(scratch), reopened.context(scratch / "evaluator"))

    @property
    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = getattr(torch, self.spec.dtype if self.spec else "float32")
        return dtype


def _fingerprint(chosen: Chosen) -> str:
    """What tells two evaluations apart, so that one never goes on with what another began."""
    content = [chosen.label, chosen.registered.qualified_name, plain_options(chosen.options)]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]
