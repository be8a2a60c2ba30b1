"""A store of ten thousand runs, made of one real run.json, and what looking at it costs; prints the figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from identify_core.store import Store
from identify_core.store.folder import Folder
from identify_core.store.records import read_record, write_record
from identify_core.testing.fixtures import Project

RUNS = 10_000
# The most memory of the process itself: what wait4 gives counts what it was forked from.
SAY = """
import sys, time
def say():
    with open("/proc/self/status") as file:
        memory = next(line.split()[1] for line in file if line.startswith("VmHWM"))
    print(time.process_time(), memory, file=sys.stderr)
"""
LIST = f"""{SAY}
from identify_core.cli.root import run_command_line
status = run_command_line(["--store", sys.argv[1], "runs", "ls"])
say()
sys.exit(status)
"""
FIND = f"""{SAY}
from pathlib import Path
from identify_core.store import Store
print(Store(Path(sys.argv[1])).find(sys.argv[2]).id)
say()
"""


def make_large_store(path: Path, like: Path) -> Store:
    """A store whose runs all have the run.json of `like` but for id and number of commit; the last says it is older."""
    store = Store(path).create()
    record = read_record(like / "run.json")
    with Folder.open(path / "runs") as runs:
        for number in range(1, RUNS + 1):
            identifier = f"20260101-000000-many-{number:05d}"
            runs.make_new(identifier)
            created = "1999-01-01T00:00:00.000000Z" if number == RUNS else record["created"]
            with runs.enter(identifier) as folder:
                write_record(folder, "run.json", {**record, "id": identifier, "sequence": number, "created": created})
    return store


def cost(script: str, *arguments: str) -> tuple[str, float, float]:
    """What a process prints, with its CPU seconds and its megabytes, start-up included."""
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    seconds, kilobytes = done.stderr.split()[-2:]
    return done.stdout, float(seconds), float(kilobytes) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
@pytest.mark.slow
def test_ten_thousand_runs(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = project.run("toy", preset="smoke")
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", lambda descriptor: None)
        store = make_large_store(project.path / "large", run.folder)
    at = str(store.path)
    made = cost(LIST, at)
    listed = cost(LIST, at)
    whole = cost(FIND, at, "20260101-000000-many-00007")
    last = cost(FIND, at, "@last")
    with capfd.disabled():
        for what, (_, seconds, megabytes) in {
            "runs ls without an index": made,
            "runs ls": listed,
            "a whole id": whole,
            "@last": last,
        }.items():
            print(f"\n{RUNS} runs, {what}: {seconds:.2f} CPU s, {megabytes:.0f} MB", end="")  # noqa: T201
    assert made[0] == listed[0]
    assert listed[0].count("\n") == RUNS + 2
    assert last[0].strip().endswith(f"many-{RUNS:05d}")
    assert listed[1] < 3
    assert listed[2] < 150
    assert made[2] < 150
    assert whole[1] < 0.3
    assert last[1] < 0.3
