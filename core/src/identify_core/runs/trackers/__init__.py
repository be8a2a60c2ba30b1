"""Trackers that follow a run: TensorBoard, Weights & Biases, MLflow; `--track` or IDENTIFY_TRACK names them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from identify_core.errors import UsageError
from identify_core.optional_packages import require_package
from identify_core.suggestions import did_you_mean


class _Tracker(NamedTuple):
    package: str
    module: str
    factory: str


TRACKERS = {
    "mlflow": _Tracker("mlflow", "identify_core.runs.trackers.mlflow", "MlflowTracker"),
    "tensorboard": _Tracker("tensorboard", "identify_core.runs.trackers.tensorboard", "TensorBoardTracker"),
    "wandb": _Tracker("wandb", "identify_core.runs.trackers.wandb", "WandbTracker"),
}


def track_observers(names: Iterable[str]) -> list[Any]:
    """The trackers that were asked for, each implementing the observer hooks; a tracker named twice comes once.

    Only the modules of those trackers are imported, and their package only when the run starts.

    Args:
        names: `tensorboard`, `wandb` or `mlflow`; one text may name several, joined by commas.

    Raises:
        UsageError: there is no such tracker, or its package is not installed.
    """
    wanted = dict.fromkeys(each.strip() for name in names for each in name.split(",") if each.strip())
    return [_make(name) for name in wanted]


def _make(name: str) -> Any:
    if name not in TRACKERS:
        raise UsageError(f"there is no tracker {name!r}", hint=did_you_mean(name, sorted(TRACKERS)))
    tracker = TRACKERS[name]
    require_package(tracker.package, purpose=f"tracking with {name}", extra=name)
    return getattr(importlib.import_module(tracker.module), tracker.factory)()
