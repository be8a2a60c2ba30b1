"""Working side by side: independent fits on as many threads as there are cores."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sklearn.exceptions import ConvergenceWarning

T = TypeVar("T")
S = TypeVar("S")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[T], S], items: Iterable[T], *, jobs: int = 0) -> list[S]:
    """The results of `work` in the order of `items`; scikit-learn's fits leave the interpreter's lock.

    A fit that stops before it converged says so in its result, not in a warning: filters of warnings are shared by all
    threads, so they are set here, around all of them.

    Args:
        work: what is done with each.
        items: independent of each other.
        jobs: how many at a time; 0 for as many as there are cores.
    """
    todo = list(items)
    count = min(jobs or cores(), len(todo))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if count <= 1:
            return [work(item) for item in todo]
        with ThreadPoolExecutor(max_workers=count) as pool:
            return list(pool.map(work, todo))
