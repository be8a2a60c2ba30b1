"""A store of ten thousand runs, made of one real run.json, and what looking at it costs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from identify_core.store import Store
from identify_core.store.folder import Folder
from identify_core.store.records import read_record, write_record

_MEASURE = textwrap.dedent(
    """
    import resource, sys
    from identify_core.cli import main
    try:
        main()
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)
    """
)


def make_large_store(path: Path, like: Path, count: int) -> Store:
    """A store whose runs all have the run.json of `like` but for id, name and the number of their commit."""
    store = Store(path).create()
    record = read_record(like / "run.json")
    with Folder.open(path / "runs") as runs:
        for number in range(1, count + 1):
            identifier = f"20260101-{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}-many-{number:05d}"
            runs.make_new(identifier)
            with runs.enter(identifier) as folder:
                write_record(folder, "run.json", {**record, "id": identifier, "sequence": number})
    return store


def cost_of(store: Store, *arguments: str) -> tuple[str, float, float]:
    """What a command prints, its CPU seconds and its megabytes, start of the program included."""
    command = [sys.executable, "-c", _MEASURE, "--store", str(store.path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stderr.split()[-2:])
    return done.stdout, seconds, megabytes


def cost_of_start() -> float:
    """CPU seconds of the program doing nothing."""
    done = subprocess.run([sys.executable, "-c", _MEASURE, "--version"], capture_output=True, text=True, check=True)
    return float(done.stderr.split()[-2])
