"""The toy plugin as an installed one, so that the processes of a sweep find it too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from identify_core.contexts.display import SilentDisplay
from identify_core.plugins import load_registry
from identify_core.sweeps.combinations import Plan, plan_sweep
from identify_core.sweeps.execution import Conditions, Executor, sweep_over
from identify_core.sweeps.processes import run_here
from identify_core.sweeps.records import StoredSweep, write_sweep
from identify_core.sweeps.summary import Row
from identify_core.sweeps.units import Unit
from identify_core.testing.fixtures import InstallDistribution, Project

MakePlan = Callable[..., Plan]


@pytest.fixture
def toys(project: Project, install_distribution: InstallDistribution) -> Project:
    """A project in which the plugin `toy` is installed."""
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"}, modules={})
    return project


@pytest.fixture
def plan(toys: Project) -> MakePlan:
    """`plan("seed=0,1", overrides=("objective.steps=5",))`: the plan of a sweep of the toy plugin."""

    def make(*over: str, **given: Any) -> Plan:
        return plan_sweep(load_registry(only=["toy"]), **{"plugin": "toy", "over": over, **given})

    return make


@pytest.fixture
def begin(toys: Project, plan: MakePlan) -> Callable[..., StoredSweep]:
    """The record of a new sweep in the project's store; takes what `plan` takes."""
    return lambda *over, **given: write_sweep(toys.store, plan(*over, **given))


@pytest.fixture
def finish(toys: Project) -> Callable[..., list[Row]]:
    """`finish(sweep)`: do what is left of a sweep, in this process unless an executor is given."""

    def go_on(sweep: StoredSweep, executor: Executor | None = None, **conditions: Any) -> list[Row]:
        display = SilentDisplay()

        def here(units: Sequence[Unit], stop: Callable[[], bool]) -> Any:
            return run_here(units, stop, display=display)

        return sweep_over(
            sweep,
            toys.store,
            executor or here,
            Conditions(**conditions),
            display=display,
            stop_requested=lambda: False,
        )

    return go_on


def unit_of(sweep: StoredSweep, store: Path, index: int = 1, **more: Any) -> Unit:
    """A combination of a sweep as a unit of work."""
    entry = sweep.combinations[index - 1]
    unit: Unit = {
        "do": "identify_core.sweeps.units:perform",
        "look": "identify_core.sweeps.units:look",
        "store": str(store.resolve()),
        "folder": str(sweep.folder.resolve()),
        "sweep": sweep.id,
        "index": index,
        "name": entry["name"],
        "values": dict(entry["values"]),
        "spec_file": str(sweep.spec_file(index).resolve()),
        "trusted": [],
        "signature": "",
        "disabled": [],
        "enabled": [],
        "files": [],
        "track": [],
        "seconds_between_checkpoints": 30.0,
        "force": False,
        "stop_file": "",
    }
    unit.update(more)  # type: ignore[typeddict-item]
    return unit


@pytest.fixture
def unit(toys: Project) -> Callable[..., Unit]:
    """`unit(sweep, 2, stop_file="...")`: a combination of a sweep in the project's store as a unit of work."""
    return lambda sweep, index=1, **more: unit_of(sweep, toys.store.path, index, **more)
