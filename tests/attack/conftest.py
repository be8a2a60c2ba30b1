"""A store with all that a store holds, made by the toy plugin, and copies of it to be attacked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from forge import Forge

from identify_core.store import Store, verify_run
from identify_core.testing.fixtures import InstallDistribution, Project

TRAINING = ("--set", "objective.steps=60", "--set", "objective.pause=0.003", "--checkpoint-every", "0.01", "--quiet")


@attrs.frozen(kw_only=True)
class Target:
    """A store to be attacked, and who attacks it.

    Args:
        folder: its folder is `identify-store` in this one.
        forge: starts commands in it.
        run: the id of its finished run.
        staged: the id of its interrupted run.
        sweep: the id of its sweep, of which one run is missing.
    """

    folder: Path
    forge: Forge
    run: str
    staged: str
    sweep: str

    @property
    def store(self) -> Store:
        """The store."""
        return Store(self.folder / "identify-store")

    def start(self, *arguments: str) -> int:
        """Begin a command."""
        return self.forge.start(*arguments, cwd=self.folder)


@pytest.fixture
def forge(project: Project, install_distribution: InstallDistribution) -> Iterator[Forge]:
    """Commands in a project in which the plugin `toy` is installed."""
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"}, modules={})
    with Forge(project.path, project.environment) as forge:
        yield forge


@pytest.fixture
def targets(forge: Forge) -> Callable[[], Target]:
    """`targets()`: another copy of a store with a run, an interrupted run, a comparison and a sweep."""
    for arguments in (
        ("run", "toy", "--name", "whole", *TRAINING),
        ("compare", "whole", "--quiet"),
        ("sweep", "toy", "--over", "seed=0,1", *TRAINING),
    ):
        ended = forge(*arguments)
        assert ended.status == 0, ended.said
    store = Store(forge.folder / "identify-store")
    pid = forge.start("run", "toy", "--name", "staged", *TRAINING, "--set", "objective.pause=0.05")
    while not list((store.path / "staging").glob("*/scratch/objective/checkpoint.safetensors")):
        pass
    forge.kill(pid)
    forge.wait(pid)
    (missing,) = (run for run in store.runs() if run.brief.get("sweep", {}).get("index") == 2)
    store.remove(missing)
    whole, staged = store.find("whole"), store.find("staged")
    (sweep,) = (store.path / "sweeps").iterdir()
    count = 0

    def copy() -> Target:
        nonlocal count
        count += 1
        folder = forge.folder / f"copy-{count}"
        shutil.copytree(store.path, folder / "identify-store", symlinks=True)
        return Target(folder=folder, forge=forge, run=whole.id, staged=staged.id, sweep=sweep.name)

    return copy


def complaints(store: Store) -> list[str]:
    """What is wrong with a store in which nothing runs: damaged runs, and what is left when it has been pruned."""
    found = []
    for run in (*store.runs(), *store.comparisons()):
        if run.status not in ("finished", "interrupted", "failed", "never began"):
            found.append(f"{run.id} is {run.status}: {run.problem}")
        elif run.committed:
            found += [f"{run.id}: {problem}" for problem in verify_run(run)]
    for run in (*store.runs(), *store.comparisons()):
        if not run.committed:
            store.remove(run)
    for path in store.leftovers():
        store.delete_leftover(path)
    left = sorted(os.listdir(store.path / "staging"))
    return found + [f"staging still holds {name}" for name in left]
