"""The most memory that a piece of code takes on top of what its process holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


@attrs.define
class Peak:
    """What a piece of code took.

    Args:
        kilobytes: the highest resident memory on top of what was resident before, in KiB; known once it has ended.
    """

    kilobytes: int = 0


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the peak of the code under `with`, whatever the process held at its highest before.

    `getrusage` cannot: its peak only rises, and it begins with that of the process that forked this one. Linux alone
    resets a peak; elsewhere the test that asks is skipped.
    """
    if not RESET.exists():
        pytest.skip("this system does not reset the peak of a process's memory")
    RESET.write_text("5")
    before, peak = _kilobytes("VmRSS"), Peak()
    yield peak
    peak.kilobytes = _kilobytes("VmHWM") - before


def _kilobytes(field: str) -> int:
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
