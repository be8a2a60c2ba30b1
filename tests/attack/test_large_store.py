"""A store of ten thousand runs, made of one real run.json, and what looking at it costs; prints the figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from measuring import measure

from identify_core.store import Store
from identify_core.store.folder import Folder
from identify_core.store.records import read_record, write_record
from identify_core.testing.fixtures import Project

RUNS = 10_000
FIND = """
import resource, sys, time
from pathlib import Path
from identify_core.store import Store
found = Store(Path(sys.argv[1])).find(sys.argv[2]).id
print(found, time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
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


def find(store: Store, reference: str) -> tuple[str, float, float]:
    """The id that a reference means, with the CPU seconds and the megabytes of a process that does nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", FIND, str(store.path), reference], capture_output=True, text=True, check=True
    )
    identifier, seconds, kilobytes = done.stdout.split()
    return identifier, float(seconds), float(kilobytes) / 1024


@pytest.mark.slow
def test_ten_thousand_runs(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run = project.run("toy", preset="smoke")
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", lambda descriptor: None)
        store = make_large_store(project.path / "large", run.folder)
    at = ("--store", str(store.path))

    def cost(*arguments: str) -> tuple[str, float, float]:
        ended = measure([*at, *arguments], folder=project.path, environment=project.environment)
        assert ended.status == 0, ended.err
        return ended.out, ended.cpu, ended.memory

    made = cost("runs", "ls")
    listed = cost("runs", "ls")
    whole = cost("runs", "verify", "20260101-000000-many-00007", "--json")
    last = cost("runs", "verify", "@last", "--json")
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
    assert f"many-{RUNS:05d}" in last[0]
    assert listed[1] < 3
    assert listed[2] < 150
    assert made[2] < 150
    assert whole[1] < 0.3
    assert last[1] < 0.3
