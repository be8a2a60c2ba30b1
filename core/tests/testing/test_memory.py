"""The peak of a piece of code is its own, whatever the process held before."""

from __future__ import annotations

import pytest

from identify_core.testing import memory
from identify_core.testing.memory import peak_memory


def test_a_peak_is_that_of_the_code_alone() -> None:
    held = b"x" * int(200e6)  # the process was higher before
    del held
    with peak_memory() as peak:
        held = b"x" * int(50e6)
        del held
    assert 40_000 < peak.kilobytes < 60_000


def test_another_system_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "RESET", memory.STATUS / "nothing")
    with pytest.raises(pytest.skip.Exception, match="does not reset the peak"), peak_memory():
        pass
