"""A Dask cluster: a real scheduler and worker give the arrays of this process; unfit workers are refused in words."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest

from identify_core.errors import IdentifyError, StoreError, UsageError
from identify_core.store import StoredRun
from identify_core.store.folder import Folder
from identify_core.sweeps import cluster
from identify_core.sweeps.cluster import check_workers, dask_client, look_around, perform_on_worker
from identify_core.sweeps.records import StoredSweep
from identify_core.sweeps.units import Unit, run_of
from identify_core.testing.fixtures import CommandLine, Project
from identify_core.version import __version__

Begin = Callable[..., StoredSweep]
MakeUnit = Callable[..., Unit]

needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="no Dask here: pip install distributed")

CLUSTER = """
import json, sys
from distributed import LocalCluster
if __name__ == "__main__":
    settings = {"n_workers": 1, "threads_per_worker": int(sys.argv[1]), "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(host="127.0.0.1", processes=True, **settings) as cluster:
        print(json.dumps(cluster.scheduler_address), flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def start_cluster(toys: Project, tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """`start_cluster(threads)`: the address of a scheduler in a process of its own, with one worker in another."""
    script = tmp_path / "start_cluster.py"
    script.write_text(CLUSTER)
    started: list[subprocess.Popen[str]] = []

    def start(threads: int) -> str:
        process = subprocess.Popen(
            [sys.executable, str(script), str(threads)],
            cwd=tmp_path,  # another folder than the store's, as on another machine
            env={**toys.environment, "DASK_TEMPORARY_DIRECTORY": str(tmp_path / "dask")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        address: str = json.loads(process.stdout.readline())
        return address

    yield start
    for process in started:
        process.communicate("", timeout=60)


@needs_dask
def test_a_cluster_gives_the_arrays_of_this_process(
    start_cluster: Callable[[int], str], identify: CommandLine, toys: Project, begin: Begin, finish: Any
) -> None:
    address = start_cluster(1)
    arguments = ("sweep", "toy", "--over", "model.width=4,2000,5", "--over", "seed=0,1", "--quiet")
    told = identify.json(*arguments, "--executor", "dask", "--scheduler", address, status=1)
    assert [run["status"] for run in told["runs"]] == ["finished"] * 2 + ["failed"] * 2 + ["finished"] * 2
    assert "width 2000" in told["runs"][2]["reason"]
    here = begin("model.width=4,5", "seed=0,1")
    finish(here)
    expected = [StoredRun(run) for _, run in sorted(run_of(toys.store, here.id).items())]
    found = [StoredRun(run) for _, run in sorted(run_of(toys.store, told["sweep"]).items())]
    for ours, theirs in zip(expected, found, strict=True):
        for name, values in ours.weights().items():
            np.testing.assert_array_equal(theirs.weights()[name], values)
    # Ctrl-C reaches the workers through the store.
    slow = (*arguments[:2], "--over", "seed=0,1", "--set", "objective.pause=0.1", "--set", "objective.steps=1000")
    process = identify.start(*slow, "--executor", "dask", "--scheduler", address)
    staging = toys.store.path / "staging"
    end = time.monotonic() + 60
    while not list(staging.glob("*/arrays.zarr/samples/ids")) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(2)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "1 interrupted, 1 waiting" in message
    assert list(staging.glob("*/scratch/objective/checkpoint.safetensors"))
    assert list(toys.store.path.glob("sweeps/*/stop-*")) == []


@needs_dask
def test_a_worker_with_several_threads_is_refused(
    start_cluster: Callable[[int], str], begin: Begin, unit: MakeUnit
) -> None:
    with dask_client(start_cluster(2)) as client, pytest.raises(UsageError, match="does 2 things at once") as caught:
        check_workers(client, unit(begin("seed=0,1")))
    assert "--nthreads 1" in caught.value.hint


@needs_dask
def test_an_address_where_nobody_answers_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(UsageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        dask_client("tcp://127.0.0.1:9")
    with pytest.raises(UsageError, match="no Dask scheduler answers at nonsense://x"):
        dask_client("nonsense://x")


def test_a_missing_package_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="a Dask cluster needs distributed, which is not installed") as caught:
        dask_client("tcp://127.0.0.1:9")
    assert caught.value.hint == "pip install 'identify-core[dask]'"


@attrs.frozen
class Workers:
    """What `check_workers` asks of a client, answered by hand."""

    answers: Mapping[str, Any]

    @property
    def scheduler(self) -> Any:
        return SimpleNamespace(address="tcp://s:1")

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.answers, 1)

    def run(self, *_: Any, on_error: str) -> Mapping[str, Any]:
        assert on_error == "return"
        return self.answers


FIT = {"version": __version__, "sees": True, "problem": ""}


@pytest.mark.parametrize(
    ("answers", "kind", "message"),
    [
        ({}, UsageError, "the Dask scheduler at tcp://s:1 has no workers"),
        ({"w": ModuleNotFoundError("no identify_core")}, UsageError, "w cannot run identify: ModuleNotFoundError: no"),
        ({"w": FIT | {"version": "9.9"}}, UsageError, f"w has identify-core 9.9, and this is {__version__}"),
        ({"v": FIT, "w": FIT | {"sees": False}}, StoreError, "the Dask worker w does not see the store at /"),
        ({"w": FIT | {"problem": "no plugin"}}, UsageError, "w cannot load the spec: no plugin"),
    ],
)
def test_unfit_workers_are_refused(
    begin: Begin, unit: MakeUnit, answers: Mapping[str, Any], kind: type[IdentifyError], message: str
) -> None:
    made = unit(begin("seed=0,1"))
    with pytest.raises(kind, match=message.replace("(", r"\(")) as caught:
        check_workers(Workers(answers), made)
    assert caught.value.hint
    check_workers(Workers({"w": FIT}), made)


def test_a_worker_looks_around(begin: Begin, unit: MakeUnit, toys: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = begin("seed=0,1")
    assert look_around(unit(sweep)) == FIT
    assert look_around(unit(sweep, folder="/nowhere")) == FIT | {"sees": False}
    assert "'toy'" in look_around(unit(sweep, disabled=["toy"]))["problem"]

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Folder, "write", refuse)
    assert look_around(unit(sweep))["problem"] == "it may not write into the store: Permission denied"


def test_a_unit_on_a_worker_stops_when_its_file_is_there(begin: Begin, unit: MakeUnit, toys: Project) -> None:
    sweep = begin("seed=0,1")
    stop_file = toys.path / "stop"
    stop_file.touch()
    assert perform_on_worker(unit(sweep, stop_file=str(stop_file)))["status"] == "interrupted"
    stop_file.unlink()
    assert perform_on_worker(unit(sweep, stop_file=str(stop_file)))["status"] == "finished"
