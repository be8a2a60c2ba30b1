"""Standard output is kept for results at every level: Python's, C's and that of processes that a plugin starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from identify_core.stdout import kept_for_results

EVERY_LEVEL = """
import ctypes, os, subprocess, sys
from identify_core.stdout import kept_for_results

print("before")
with kept_for_results():
    print("python")
    os.write(1, b"descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('process')"])
    ctypes.CDLL(None).puts(b"c")
    sys.__stdout__.write("underneath\\n")
print("after")
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    # PYTHONUNBUFFERED would leave C's own buffer empty, and nothing to be flushed
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)


@pytest.mark.skipif(os.name != "posix", reason="the C library is found another way there")
def test_what_a_block_prints_at_any_level_goes_to_stderr() -> None:
    done = run(EVERY_LEVEL)
    assert done.stdout == "before\nafter\n"
    assert sorted(done.stderr.split()) == ["c", "descriptor", "process", "python", "underneath"]


def test_an_error_in_a_block_gives_stdout_back() -> None:
    done = run(
        "from identify_core.stdout import kept_for_results\n"
        "try:\n    with kept_for_results(): raise OSError('no')\nexcept OSError: print('back')"
    )
    assert done.stdout == "back\n"


@pytest.mark.skipif(os.name != "posix", reason="descriptors are handed over another way there")
def test_a_process_without_stdout_or_stderr_works() -> None:
    code = (
        "import os\nfrom identify_core.stdout import kept_for_results\nos.close({})\n"
        "with kept_for_results(): print('said')\n"
        "open('{}', 'w').write('done')"
    )
    for descriptor in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", code.format(descriptor, os.devnull)], capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr + done.stdout


def test_blocks_nest(capfd: pytest.CaptureFixture[str]) -> None:
    with kept_for_results():
        with kept_for_results():
            os.write(1, b"inner\n")
        os.write(1, b"outer\n")
    os.write(1, b"result\n")
    captured = capfd.readouterr()
    assert captured.out == "result\n"
    assert captured.err == "inner\nouter\n"
