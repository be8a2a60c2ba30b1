"""TensorBoard: a run's scalars as it goes on, its spec as text and hyperparameters, its findings' numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from identify_core.hookspecs import hookimpl
from identify_core.runs.trackers.names import flat_spec, tagged, tracking_folder

_FLUSH_SECONDS = 10


class TensorBoardTracker:
    """Writes `<store>/tracking/tensorboard/<run id>`, which `tensorboard --logdir <store>/tracking/tensorboard` shows.

    A resumed run goes on in the same folder; steps that the interruption undid are hidden.
    """

    name = "tensorboard"

    def __init__(self) -> None:
        self._writer: Any = None
        self._spec: Mapping[str, Any] = {}
        self._folder = ""
        self._fresh = True

    @hookimpl
    def identify_run_started(self, run_id: str, spec: Mapping[str, Any], folder: str) -> None:
        """Write the spec down."""
        self._spec = spec
        self._folder = str(tracking_folder(folder, self.name) / run_id)
        self._writer = self._open(purge_step=None)
        # Four blanks make markdown, which TensorBoard renders, show text as it is.
        lines = json.dumps(spec, indent=2, default=str, ensure_ascii=False).splitlines()
        self._writer.add_text("spec", "\n".join(f"    {line}" for line in lines))
        self._writer.flush()
        self._fresh = True

    @hookimpl
    def identify_run_logged(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Write one step's values."""
        if self._fresh:
            # The first step tells where a resumed run starts again.
            self._writer.close()
            self._writer = self._open(purge_step=step)
            self._fresh = False
        for tag, value in tagged(scalars):
            self._writer.add_scalar(tag, value, step)

    @hookimpl
    def identify_run_finished(self, status: str, scalars: Mapping[str, Any]) -> None:
        """Write the headline numbers as the metrics of the spec's hyperparameters, and close."""
        from torch.utils.tensorboard.summary import hparams

        metrics = {f"finding/{tag}": value for tag, value in tagged(scalars) if math.isfinite(value)}
        settings = {**dict(flat_spec(self._spec)), "status": status}
        for summary in hparams(settings, metrics):  # type: ignore[no-untyped-call]
            self._writer.file_writer.add_summary(summary)
        for tag, value in metrics.items():
            self._writer.add_scalar(tag, value, 0)
        self._writer.close()

    def _open(self, purge_step: int | None) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(self._folder, purge_step=purge_step, flush_secs=_FLUSH_SECONDS)
