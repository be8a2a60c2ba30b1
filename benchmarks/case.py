"""One benchmark: the same work done by this project and by a stated plain baseline, in the same process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, kw_only=True)
class Case:
    """A pair of callables that do the same work.

    Args:
        name: what the work is, with its size.
        baseline_name: what it is compared with.
        ours: does the work; called several times.
        baseline: does the same work the plain way; called after each call of `ours`.
        expected: the ratio baseline / ours that is promised; None where nothing is.
        agree: raises where the two results differ; called once with both results.
        baseline_fraction: which fraction of the work the baseline does; its time is divided by it. Below 1 only where
            the whole would take minutes, and the printed row says so.
        repeats: how often both are timed, in turn; the median of the ratios counts.
        on_device: does the work on a device, for the column of the GPU.
        note: anything a reader should know.
    """

    name: str
    baseline_name: str
    ours: Callable[[], Any]
    baseline: Callable[[], Any]
    expected: float | None
    agree: Callable[[Any, Any], None]
    baseline_fraction: float = 1.0
    repeats: int = 3
    on_device: Callable[[torch.device], Any] | None = None
    note: str = ""
