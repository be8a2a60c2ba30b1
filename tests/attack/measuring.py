"""What a verb costs as a process of its own, and whether it ended as a verb should."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import attrs

# `identify`, which writes its own peak to a file as it ends: what wait4 gives begins with the peak of what forked it.
SAYING_ITS_PEAK = """
import atexit, os, runpy, sys
path = sys.argv.pop(1)
def say():
    with open("/proc/self/status") as file, open(path, "w") as peak:
        peak.write(next(line.split()[1] for line in file if line.startswith("VmHWM")))
def leave(status, leave=os._exit):
    say()
    leave(status)
os._exit = leave
atexit.register(say)
runpy.run_module("identify_core", run_name="__main__", alter_sys=True)
"""


@attrs.frozen(kw_only=True)
class Ended:
    """How a process ended.

    Args:
        status: its exit status; negative for a signal.
        out: what it printed on stdout.
        err: what it printed on stderr.
        cpu: CPU seconds, user and system.
        memory: the most memory that it held by itself, in MB; infinite if it was killed.
    """

    status: int
    out: str
    err: str
    cpu: float
    memory: float

    def complaints(self, *, benign: Ended, seconds: float = 1.0, megabytes: float = 50.0) -> list[str]:
        """What is wrong with how a verb took hostile input, next to the same verb on a benign one."""
        found = []
        said = self.out + self.err
        if self.status not in (0, 1, 2, 3, 4):
            found.append(f"exit status {self.status}")
        if "Traceback" in said:
            found.append(f"a traceback: {said.strip().splitlines()[-1][:200]}")
        if self.err.count("error: ") > 1 or len(said) > len(benign.out + benign.err) + 20_000:
            found.append(f"{self.err.count('error: ')} errors and {len(said)} characters")
        if self.cpu > benign.cpu + seconds:
            found.append(f"{self.cpu:.2f} CPU seconds, the benign one {benign.cpu:.2f}")
        if self.memory > benign.memory + megabytes:
            found.append(f"{self.memory:.0f} MB, the benign one {benign.memory:.0f}")
        return found


def measure(arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Ended:
    """Run `identify` with these arguments to its end, or for two minutes."""
    with TemporaryFile() as out, TemporaryFile() as err, TemporaryDirectory() as own:
        peak = Path(own, "peak")
        # the process's own limit ends it where it hangs, so that wait4 always has an answer
        start = ["timeout", "--foreground", "120", sys.executable, "-P", "-c", SAYING_ITS_PEAK, str(peak)]
        process = subprocess.Popen([*start, *arguments], cwd=folder, env=dict(environment), stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        memory = float(peak.read_text()) / 1024 if peak.exists() else math.inf
    return Ended(
        status=process.returncode,
        out=texts[0],
        err=texts[1],
        cpu=usage.ru_utime + usage.ru_stime,
        memory=memory,
    )
