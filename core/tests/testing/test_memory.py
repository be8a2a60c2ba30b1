"""The peak of a piece of code is its own, whatever the process held before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from identify_core.testing import memory
from identify_core.testing.memory import peak_memory

# In a process of its own: from one with a long past the system may take memory back while it is looked at.
MEASURE = """
from identify_core.testing.memory import peak_memory
held = b"x" * int(200e6)  # the process was higher before
del held
with peak_memory() as peak:
    held = b"x" * int(50e6)
    del held
print(peak.kilobytes)
"""


@pytest.mark.skipif(not memory.RESET.exists(), reason="this system does not reset the peak of a process's memory")
def test_a_peak_is_that_of_the_code_alone() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    assert 40_000 < int(done.stdout) < 60_000


def test_another_system_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "RESET", memory.STATUS / "nothing")
    with pytest.raises(pytest.skip.Exception, match="does not reset the peak"), peak_memory():
        pass
