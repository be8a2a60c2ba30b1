"""Weights & Biases: a run's scalars as it goes on, its spec as config; nothing leaves the machine unless asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from identify_core.hookspecs import hookimpl
from identify_core.runs.trackers.names import flat_spec, tagged, tracking_folder

PROJECT_VARIABLE = "WANDB_PROJECT"
MODE_VARIABLE = "WANDB_MODE"


class WandbTracker:
    """Writes `<store>/tracking/wandb`; `wandb sync` sends it later. WANDB_MODE=online sends it at once.

    The project is `identify` unless WANDB_PROJECT says otherwise.
    """

    name = "wandb"

    def __init__(self) -> None:
        self._run: Any = None

    @hookimpl
    def identify_run_started(self, run_id: str, spec: Mapping[str, Any], folder: str) -> None:
        """Open the run, offline unless WANDB_MODE says otherwise."""
        import wandb

        place = tracking_folder(folder, self.name)
        place.mkdir(parents=True, exist_ok=True)
        mode: Any = os.environ.get(MODE_VARIABLE, "offline")
        self._run = wandb.init(
            project=os.environ.get(PROJECT_VARIABLE, "identify"),
            id=run_id,
            name=str(spec.get("name", run_id)),
            config=dict(flat_spec(spec)),
            dir=str(place.parent),  # wandb adds its own name,
            mode=mode,
            resume="allow" if mode == "online" else None,
            settings=wandb.Settings(silent=True, console="off"),
        )
        # Steps of its own: an evaluator counts from the beginning again, which wandb's own counter would refuse.
        self._run.define_metric("*", step_metric="step")

    @hookimpl
    def identify_run_logged(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Send one step's values."""
        self._run.log({"step": step, **dict(tagged(scalars))})

    @hookimpl
    def identify_run_finished(self, status: str, scalars: Mapping[str, Any]) -> None:
        """Keep the headline numbers as the run's summary, and close."""
        self._run.summary.update({"status": status, **dict(tagged(scalars))})
        self._run.finish(exit_code=0 if status == "finished" else 1)
