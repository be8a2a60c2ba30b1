"""Sizes of arrays from outside, judged from their metadata before anything is allocated."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from identify_core.errors import UsageError


def memory_budget() -> int:
    """Bytes that one array may take when it must be read as a whole: half of this machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def judge_size(name: str, shape: Sequence[int], itemsize: int, *, what: str = "as a whole") -> int:
    """The bytes that an array of this shape takes.

    Raises:
        UsageError: the sizes make no sense, or are beyond the memory budget.
    """
    if any(size < 0 for size in shape) or itemsize < 1:
        raise UsageError(f"{name} is damaged: its shape {tuple(shape)} makes no sense")
    needed, budget = math.prod(shape) * itemsize, memory_budget()
    if needed > budget:
        raise UsageError(
            f"{name} claims the shape {tuple(shape)} and takes {needed / 2**30:.3g} GiB of memory {what}, more than "
            f"the {budget / 2**30:.3g} GiB that half of this machine's memory is",
            hint="write it as a Zarr array or .npy file, in chunks of rows: those are read a block of rows at a time",
        )
    return needed


def judge_bytes(name: str, announced: int, there: int) -> None:
    """Refuse a file that holds fewer bytes of values than its header announces.

    Raises:
        UsageError: with both counts.
    """
    if there < announced:
        raise UsageError(
            f"{name} is truncated: its header announces {announced} bytes of values, and {there} are there",
            hint="copy or download it again",
        )
