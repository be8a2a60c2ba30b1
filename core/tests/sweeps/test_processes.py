"""Several processes: the arrays of one, and a process that is killed costs its own run alone."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import numpy as np

from identify_core.contexts.display import SilentDisplay
from identify_core.store import StoredRun
from identify_core.store.locks import read_owner
from identify_core.sweeps.execution import counted
from identify_core.sweeps.processes import run_in_processes
from identify_core.sweeps.records import StoredSweep
from identify_core.sweeps.summary import Row
from identify_core.sweeps.units import Unit, end_of, run_of
from identify_core.testing.fixtures import Project

Begin = Callable[..., StoredSweep]
Finish = Callable[..., list[Row]]

OVER = ("objective.steps=5,10", "seed=0,1")


def arrays(run: StoredRun) -> dict[str, Any]:
    found: dict[str, Any] = dict(run.weights())
    for name, latents in run.latents.items():
        found |= {f"{name}[{replicate}]": latents.values(replicate) for replicate in range(latents.count)}
    for name, (_, values) in run.history().items():
        found[name] = values
    return found


def test_two_processes_give_the_arrays_of_one(begin: Begin, finish: Finish, toys: Project) -> None:
    alone, shared = begin(*OVER), begin(*OVER)
    finish(alone)
    rows = finish(shared, partial(run_in_processes, workers=2))
    assert [row.status for row in rows] == ["finished"] * 4
    first, second = (run_of(toys.store, sweep.id) for sweep in (alone, shared))
    for index in range(1, 5):
        expected, found = (arrays(StoredRun(runs[index])) for runs in (first, second))
        assert expected.keys() == found.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_a_process_that_is_killed_costs_its_own_run_alone(begin: Begin, finish: Finish, toys: Project) -> None:
    sweep = begin("objective.pause=0.2,0.0,0.001", overrides=("objective.steps=200",))

    def kill_the_first() -> None:
        staging = toys.store.path / "staging"
        for _ in range(600):
            for folder in [file.parent for file in staging.glob("*-toy-001-*/spec.toml")]:
                owner = read_owner(staging / f"{folder.name}.lock")
                if owner is not None and owner.pid != os.getpid():
                    os.kill(owner.pid, signal.SIGKILL)
                    return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    rows = finish(sweep, partial(run_in_processes, workers=2))
    killer.join()
    assert [row.status for row in rows] == ["failed", "finished", "finished"]
    assert rows[0].reason == "its process was killed by SIGKILL"
    assert rows[0].run  # what it made so far is there to go on with


def test_a_bar_counts_what_has_ended() -> None:
    counts: list[int] = []

    class Bar:
        def advance(self, n: int = 1) -> None:
            counts.append(n)

    class Display(SilentDisplay):
        @contextmanager
        def progress(self, description: str, total: int | None, unit: str) -> Iterator[Any]:
            assert (description, total, unit) == ("sweep", 3, "runs")
            yield Bar()

    ends = (end_of(cast(Unit, {"index": index, "name": "x"}), "finished") for index in range(3))
    assert [end["index"] for end in counted(ends, 3, Display())] == [0, 1, 2]
    assert counts == [1, 1, 1]
