"""Revisiting a stored run: further evaluators on what it left, kept with it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import torch

from identify_core.device import resolve_device
from identify_core.errors import IdentifyError, RunError, StoreError
from identify_core.report.page import render_page
from identify_core.run import calling
from identify_core.run.context import Context
from identify_core.run.display import Display, SilentDisplay
from identify_core.run.evaluating import Source, evaluate_into
from identify_core.run.threads import SMALL, fitting_threads
from identify_core.spec import Chosen, ResolvedSpec, plain_options
from identify_core.store import RunAppender, Store, StoredRun
from identify_core.store.layout import SCRATCH


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
    """

    store: Store
    run: StoredRun
    spec: ResolvedSpec | None
    evaluators: Sequence[Chosen]
    device: str = "auto"
    display: Display = attrs.field(factory=SilentDisplay)
    stop_requested: Callable[[], bool] = lambda: False
    replace: bool = False

    def evaluate(self) -> list[str]:
        """Run the evaluators on the run and keep what they find with it.

        What an evaluator has done survives an interruption: the same call goes on from there.

        Returns:
            The labels of the findings.

        Raises:
            StoreError: a label exists and may not be replaced, or the run cannot be written.
        """
        for chosen in self.evaluators:
            if chosen.label in self.run.findings and not self.replace:
                raise StoreError(
                    f"the run {self.run.id} already has a finding {chosen.label!r}",
                    hint="give another --label, or --replace it",
                )
        appender = RunAppender(self.store, self.run.summary, replace=self.replace)
        weights = self.run.weights()
        parameters = sum(values.size for name, values in weights.items() if name.startswith("parameters/"))
        with fitting_threads(parameters if weights else SMALL):
            labels = self._evaluate(appender)
        shutil.rmtree(self.run.folder / SCRATCH, ignore_errors=True)
        appender.write_report(render_page(StoredRun.open(self.run.folder), status="finished"))
        return labels

    def _evaluate(self, appender: RunAppender) -> list[str]:
        device = resolve_device(self.device, dtype=self._dtype)
        labels: list[str] = []
        for chosen in self.evaluators:
            scratch = self.run.folder / SCRATCH / _fingerprint(chosen)
            source = Source(
                spec=self.spec,
                run=self.run,
                device=device,
                make_context=lambda part, scratch=scratch: self._context(device, scratch / part),  # type: ignore[misc]
            )
            try:
                labels += evaluate_into(appender, chosen, source, self._context(device, scratch / "evaluator"))
            except IdentifyError:
                raise
            except Exception as error:
                raise RunError(
                    f"{chosen.registered.qualified_name} failed: {type(error).__name__}: {error}",
                    hint="identify --debug evaluate ... shows where; report it to the plugin's author",
                ) from error
            shutil.rmtree(scratch, ignore_errors=True)
        return labels

    @property
    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = getattr(torch, self.spec.dtype if self.spec else "float32")
        return dtype

    def _context(self, device: torch.device, scratch: Path) -> Context:
        scratch.mkdir(parents=True, exist_ok=True)
        spec = self.spec
        return Context(
            device=device,
            dtype=self._dtype,
            seed=spec.seed if spec else 0,
            count=spec.replicates if spec else int(self.run.document.get("replicates", 0)),
            scratch=scratch,
            build=None if spec is None or spec.model is None else calling.model_builder(spec.model),
            open_run=lambda reference: self.store.open(reference, statuses=("finished",)),
            display=self.display,
            stop_requested=self.stop_requested,
        )


def _fingerprint(chosen: Chosen) -> str:
    """What tells two evaluations apart, so that one never goes on with what another began."""
    content = json.dumps([chosen.registered.qualified_name, plain_options(chosen.options)], sort_keys=True, default=str)
    return f"{chosen.label}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
