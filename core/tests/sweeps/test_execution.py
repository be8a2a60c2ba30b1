"""Sweeping: what is finished is left alone, what failed is tried again, and one sweep is run by one process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import pytest

from identify_core.contexts.display import SilentDisplay
from identify_core.errors import Interrupted, StoreError
from identify_core.sweeps.processes import run_here
from identify_core.sweeps.records import StoredSweep, find_sweep
from identify_core.sweeps.summary import Row, count_statuses, read_rows, varying_scalars
from identify_core.sweeps.units import End, Unit, end_of
from identify_core.testing.fixtures import Project

Begin = Callable[..., StoredSweep]
Finish = Callable[..., list[Row]]


def recorded(names: list[str], *, stop_after: int = 100) -> Any:
    """Does units in this process and notes which; asks to stop after some."""

    def executor(units: Sequence[Unit], stop: Callable[[], bool]) -> Iterator[End]:
        for end in run_here(units, lambda: stop() or len(names) >= stop_after, display=SilentDisplay()):
            names.append(end["name"])
            yield end

    return executor


def test_a_sweep_that_was_stopped_goes_on_with_what_is_left(begin: Begin, finish: Finish, toys: Project) -> None:
    sweep = begin("seed=0,1,2")
    done: list[str] = []
    with pytest.raises(Interrupted, match=f"the sweep {sweep.id} was stopped: 1 finished, 2 waiting") as caught:
        finish(sweep, recorded(done, stop_after=1))
    assert caught.value.hint == f"go on with `identify sweep --resume {sweep.id}`"
    assert caught.value.exit_code == 130
    rows = finish(sweep, recorded(done))
    assert done == ["toy-001", "toy-002", "toy-003"]
    assert [row.status for row in rows] == ["finished"] * 3
    assert [run.name for run in toys.store.runs()] == done
    assert toys.store.leftovers() == []


def test_a_failed_run_leaves_the_others_alone_and_is_tried_again(begin: Begin, finish: Finish, toys: Project) -> None:
    sweep = begin("model.width=2000,4")
    rows = finish(sweep)
    assert [row.status for row in rows] == ["failed", "finished"]
    assert (rows[0].run, "width 2000" in rows[0].reason) == ("", True)
    again: list[str] = []
    finish(find_sweep(toys.store, "@last"), recorded(again))
    assert again == ["toy-001"]
    assert find_sweep(toys.store, "@last").ends.keys() == {"1"}


@pytest.mark.parametrize("over", ["model.width=2000,4,5", "evaluators.whole.fail=true,false"])
def test_the_first_failure_stops_the_others_where_that_is_asked_for(begin: Begin, finish: Finish, over: str) -> None:
    rows = finish(begin(over), keep_going=False)
    assert [row.is_whole for row in rows] == [False] * len(rows)
    assert {row.status for row in rows[1:]} == {"waiting"}


def test_a_run_that_succeeds_at_last_has_failed_no_more(begin: Begin, finish: Finish, toys: Project) -> None:
    sweep = begin("seed=0,1")

    def fail(units: Sequence[Unit], stop: Callable[[], bool]) -> Iterator[End]:
        for unit in units:
            yield end_of(unit, "failed", "a bad day")

    rows = finish(sweep, fail)
    assert [(row.status, row.reason) for row in rows] == [("failed", "a bad day")] * 2
    rows = finish(find_sweep(toys.store, "@last"))
    assert [(row.status, row.reason) for row in rows] == [("finished", "")] * 2
    assert find_sweep(toys.store, "@last").ends == {}


def test_an_interrupt_that_comes_twice_keeps_what_is_known(begin: Begin, finish: Finish, toys: Project) -> None:
    sweep = begin("seed=0,1")

    def abort(units: Sequence[Unit], stop: Callable[[], bool]) -> Iterator[End]:
        yield end_of(units[0], "failed", "a bad day")
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="1 failed, 1 waiting"):
        finish(sweep, abort)
    assert find_sweep(toys.store, "@last").ends == {"1": "a bad day"}


def test_one_process_runs_a_sweep(begin: Begin, finish: Finish, toys: Project) -> None:
    sweep = begin("seed=0,1")
    with (
        toys.store.lock(sweep.id),
        pytest.raises(StoreError, match=f"the sweep {sweep.id} is being run by process"),
    ):
        finish(sweep)
    assert toys.store.runs() == []


def test_news_of_every_run_are_told(begin: Begin, toys: Project) -> None:
    from identify_core.sweeps.execution import Conditions, sweep_over

    told: list[str] = []

    class Display(SilentDisplay):
        def message(self, text: str) -> None:
            told.append(text)

        def warning(self, text: str) -> None:
            told.append(f"! {text}")

    def executor(units: Sequence[Unit], stop: Callable[[], bool]) -> Generator[End, None, None]:
        yield end_of(units[0], "finished", warnings=["it is a toy"])
        yield end_of(units[1], "failed", "a bad day")
        yield end_of(units[2], "running", "another process is at it")

    sweep = begin("seed=0,1,2")
    with pytest.raises(Interrupted):
        sweep_over(sweep, toys.store, executor, Conditions(), display=Display(), stop_requested=lambda: False)
    assert told == [
        "toy-001 is finished",
        "! toy-001: it is a toy",
        "! toy-002 failed: a bad day",
        "toy-003 is running: another process is at it",
    ]


def test_the_headline_numbers_that_vary(begin: Begin, finish: Finish, toys: Project) -> None:
    sweep = begin("seed=0,1", overrides=("objective.steps=5",))
    rows = finish(sweep)
    names = varying_scalars(rows)
    assert "whole/best" in names
    assert "whole/steps" not in names  # five in both
    assert "whole/steps" in varying_scalars(rows[:1])
    assert count_statuses(rows) == "2 finished"
    assert read_rows(toys.store, sweep) == rows
