"""What trackers share: where they write, one tag for each replicate, and the spec as flat hyperparameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = "tracking"


def tracking_folder(run_folder: str, tracker: str) -> Path:
    """The tracker's folder next to the runs of the store: `<store>/tracking/<tracker>`.

    It is not inside the run: a run moves when it is finished, and belongs to its checksums alone.

    Args:
        run_folder: `<store>/staging/<id>` or `<store>/runs/<id>`.
        tracker: the tracker's name.
    """
    return Path(run_folder).resolve().parent.parent / FOLDER / tracker


def tagged(scalars: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Each value with its tag: `loss`, or `loss/replicate-03` for one of several, so that tags sort like replicates."""
    for name, value in scalars.items():
        if isinstance(value, (list, tuple)):
            digits = len(str(len(value) - 1))
            for replicate, each in enumerate(value):
                yield f"{name}/replicate-{replicate:0{digits}d}", float(each)
        elif isinstance(value, (int, float)):
            yield name, float(value)


def flat_spec(spec: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    """The spec's values under dotted names such as `objective.steps`; tables in lists under their label or place."""
    for key, value in spec.items():
        yield from _flat(f"{prefix}{key}", value)


def _flat(name: str, value: Any) -> Iterator[tuple[str, bool | int | float | str]]:
    if isinstance(value, Mapping):
        yield from flat_spec(value, f"{name}.")
    elif isinstance(value, (list, tuple)) and any(isinstance(each, Mapping) for each in value):
        for place, each in enumerate(value):
            label = each.get("label", place) if isinstance(each, Mapping) else place
            yield from _flat(f"{name}.{label}", each)
    elif isinstance(value, (bool, int, float, str)):
        yield name, value
    elif value is not None:
        yield name, str(value)
