"""A stored run with all that stands behind it: its samples and networks are made again where they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import torch

from identify_core.contexts.context import Context
from identify_core.contexts.display import Display
from identify_core.evaluation import targets
from identify_core.evaluation.evaluators import Source
from identify_core.spec import ResolvedSpec
from identify_core.store import Store, StoredRun


@attrs.frozen(kw_only=True)
class Reopened:
    """A committed run and where it is looked at.

    Args:
        store: the store that holds it.
        run: the run.
        spec: its resolved spec; None for an imported run.
        device: where to compute.
        display: where progress is shown.
        stop_requested: whether the user asked to stop.
    """

    store: Store
    run: StoredRun
    spec: ResolvedSpec | None
    device: torch.device
    display: Display
    stop_requested: Callable[[], bool]

    def source(self, scratch: Path) -> Source:
        """Its latents, and samples and networks at first use, which are made in contexts below `scratch`."""
        return Source(
            spec=self.spec, run=self.run, device=self.device, make_context=lambda part: self.context(scratch / part)
        )

    def context(self, scratch: Path) -> Context:
        """A context with the run's seed, dtype, count and model."""
        scratch.mkdir(parents=True, exist_ok=True)
        spec = self.spec
        return Context(
            device=self.device,
            dtype=getattr(torch, spec.dtype if spec else "float32"),
            seed=spec.seed if spec else 0,
            count=spec.replicates if spec else int(self.run.document.get("replicates", 0)),
            scratch=scratch,
            build=None if spec is None or spec.model is None else targets.model_builder(spec.model),
            open_run=lambda reference: self.store.open(reference, statuses=("finished",)),
            display=self.display,
            stop_requested=self.stop_requested,
        )
