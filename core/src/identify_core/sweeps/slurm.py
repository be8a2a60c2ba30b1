"""Tasks as one Slurm job array: a generated script, a file for each task, and a file for how each ended.

The command waits where it was started, so that it ends with its table and its exit status as anywhere else. The jobs
write into its own store, which must be a folder that all nodes see at the same path. A run sets the random state of its
process, so that a job does one unit.
"""

from __future__ import annotations

import json
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from identify_core.errors import UsageError
from identify_core.store.folder import Folder
from identify_core.sweeps.cluster import perform_on_worker
from identify_core.tasks import End, Task, end_of

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_QUESTIONS = 15.0
_SECONDS_FOR_A_FILE_TO_BE_SEEN = 30.0
"""A file that another machine has written may be seen late."""


def script_of(folder: Path, count: int, options: Sequence[str]) -> str:
    """The job array's script, which also runs by hand: `sbatch job.sh`.

    Args:
        folder: of the units' files, which all nodes see.
        count: how many units there are.
        options: further lines for Slurm, such as `--time=2:00:00`.
    """
    lines = [f"--array=0-{count - 1}", "--job-name=identify", f"--output={folder / 'output-%a.txt'}", *options]
    command = [sys.executable, "-m", "identify_core.sweeps.slurm", str(folder)]
    directives = "\n".join(f"#SBATCH {_quoted(line)}" for line in lines)
    return f'#!/bin/sh\n{directives}\nexec {shlex.join(command)} "$SLURM_ARRAY_TASK_ID"\n'


def run_on_slurm(
    units: Sequence[Task], stop: Callable[[], bool], *, options: Sequence[str] = ()
) -> Generator[End, None, None]:
    """Submit units as a job array and wait for them; their ends come as they come.

    Args:
        units: one a job, in the array's order.
        stop: whether to stop the running ones with a checkpoint and withdraw the others.
        options: what the array's script says to Slurm beyond what it needs.

    Raises:
        UsageError: there is no `sbatch` here, or it does not take the script.
    """
    if not units:
        return
    where = Path(units[0]["folder"]) / f"slurm-{secrets.token_hex(4)}"
    stop_file = where / "stop"
    with Folder.open(where, make=True) as files:
        for k, unit in enumerate(units):
            told: Task = {**unit, "stop_file": str(stop_file)}
            files.write(f"unit-{k}.json", json.dumps(told).encode())
        files.write("job.sh", script_of(where, len(units), options).encode())
        job = _submit(where / "job.sh")
        left = dict(enumerate(units))
        try:
            yield from _wait(files, job, left, stop)
        finally:
            if left:
                files.write("stop", b"")  # and stays: the jobs still have to see it
    shutil.rmtree(where)


def _wait(files: Folder, job: str, left: dict[int, Task], stop: Callable[[], bool]) -> Generator[End, None, None]:
    """The ends of units as their files appear; of one whose job is gone without a word, that it failed."""
    asked, gone_since, stopped = time.monotonic(), float("inf"), False
    while left:
        if stop() and not stopped:
            stopped = True
            files.write("stop", b"")
            _call("scancel", "--state=PENDING", job)
        for k in _ended(files, left):
            yield json.loads(files.read(f"end-{k}.json"))
            del left[k]
        now = time.monotonic()
        if left and now - asked >= _SECONDS_BETWEEN_QUESTIONS:
            asked = now
            gone_since = float("inf") if _is_there(job) else min(gone_since, now)
        if now - gone_since >= _SECONDS_FOR_A_FILE_TO_BE_SEEN:
            for k in list(left):
                yield _lost(files.path, k, left.pop(k), job, stopped=stopped)
        if left:
            time.sleep(_SECONDS_BETWEEN_LOOKS)


def _ended(files: Folder, left: dict[int, Task]) -> list[int]:
    names = {entry.name for entry in files.scan()}
    return [k for k in left if f"end-{k}.json" in names]


def _lost(folder: Path, k: int, unit: Task, job: str, *, stopped: bool) -> End:
    if stopped:
        return end_of(unit, "interrupted", "stopped before it began")
    output = folder / f"output-{k}.txt"
    return end_of(unit, "failed", f"the job {job}_{k} ended and left no result; Slurm's output is in {output}")


def _submit(script: Path) -> str:
    """The job's number."""
    done = _call("sbatch", "--parsable", str(script))
    if done is None:
        raise UsageError(
            "--executor slurm needs the command sbatch, which is not on the path",
            hint="start the sweep on a node from which jobs can be submitted",
        )
    if done.returncode:
        raise UsageError(
            f"sbatch does not take the job array {script}: {' '.join(done.stderr.split()) or 'it says nothing'}",
            hint="its account, partition and limits are said with --slurm, as in --slurm --partition=gpu",
        )
    return done.stdout.strip().partition(";")[0]


def _is_there(job: str) -> bool:
    """Whether Slurm still has jobs of the array; where it does not answer, it is taken to have."""
    done = _call("squeue", "--noheader", "--jobs", job)
    if done is None:
        return True
    return bool(done.stdout.strip()) if done.returncode == 0 else "Invalid job id" not in done.stderr


def _call(*command: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None


def _quoted(line: str) -> str:
    return f'"{line}"' if " " in line else line


def perform_in_job(folder: Path, k: int) -> End:
    """Do a unit of the array in its job, and say in a file how it ended."""
    unit: Task = json.loads((folder / f"unit-{k}.json").read_text(encoding="utf-8"))
    end = perform_on_worker(unit)
    with Folder.open(folder) as files:
        files.write(f"end-{k}.json", json.dumps(end).encode())
    return end


def _main(arguments: Sequence[str]) -> Any:
    folder, k = arguments
    return 0 if perform_in_job(Path(folder), int(k))["status"] == "finished" else 1


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
