"""A run's geodesics in blocks: kept with the run, found again after a kill, and searched on a Dask cluster."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import numpy as np
import pytest

from identify_core import Interrupted, OptionsError, Store, Subject, UsageError
from identify_core.testing.command_line import CommandLine
from identify_core.testing.contexts import make_context
from identify_metric.evaluators import distances
from identify_metric.options.evaluators import DistancesOptions, StabilityOptions

StartCluster = Callable[..., str]


def test_blocks_give_what_one_search_gives_and_are_kept(subject: tuple[Subject, object], tmp_path: Path) -> None:
    study, _ = subject
    whole = distances.evaluate(DistancesOptions(pairs="all", points=5, starts=1), study, make_context(tmp_path / "a"))
    context = make_context(tmp_path / "b")
    options = DistancesOptions(pairs="all", points=5, starts=1, block=4)
    found = distances.evaluate(options, study, context)
    for name in ("length", "curves", "straight", "energy"):
        np.testing.assert_allclose(found.arrays[name].values, whole.arrays[name].values, rtol=1e-4, atol=1e-4)
    kept = sorted(context.scratch.glob("geodesics/*/*.npz"))
    assert len(kept) == 6  # ten pairs of two models
    before = {path: path.stat().st_mtime_ns for path in kept}
    kept[0].unlink()  # as if the run had been stopped before it
    again = distances.evaluate(options, study, context)
    np.testing.assert_array_equal(again.arrays["length"].values, found.arrays["length"].values)
    now = {path: path.stat().st_mtime_ns for path in sorted(context.scratch.glob("geodesics/*/*.npz"))}
    assert {path for path in kept if now[path] != before[path]} == {kept[0]}
    for other in ({"pair_seed": 1}, {"ensemble": "single"}):  # another search has a folder of its own
        distances.evaluate(attrs.evolve(options, **other), study, context)
    assert len(list(context.scratch.glob("geodesics/*"))) == 6


def test_what_blocks_allow(subject: tuple[Subject, object], tmp_path: Path) -> None:
    study, _ = subject
    context = make_context(tmp_path)
    options = DistancesOptions(pairs="all", points=4, starts=1, block=4)
    found = distances.evaluate(options, study, context)
    paths = distances.evaluate(attrs.evolve(options, graph=2), study, context)
    np.testing.assert_allclose(paths.arrays["length"].values, found.arrays["length"].values, rtol=1e-3)
    with pytest.raises(OptionsError, match="stops by a sum over all pairs, and cannot be searched in blocks"):
        distances.evaluate(attrs.evolve(options, method="original"), study, context)


@pytest.mark.parametrize("options", [DistancesOptions, StabilityOptions])
def test_a_scheduler_that_a_run_from_elsewhere_names_is_not_called_unasked(options: type) -> None:
    """What a scheduler answers is unpickled, and can run code."""
    assert attrs.fields_dict(options)["scheduler"].metadata["names_code"]


@pytest.mark.slow
def test_a_killed_search_goes_on_to_the_same_bytes(identify: CommandLine) -> None:
    few = {
        "replicates": 2,
        "dataset.test": 20,
        "objective.epochs": 1,
        "evaluators": '[{type = "distances", pairs = "all", points = 6, starts = 1, block = 2}]',
    }
    sets = [each for key, value in few.items() for each in ("--set", f"{key}={value}")]
    whole = ("--store", "whole", "run", "metric", "--preset", "smoke", *sets, "--quiet")
    identify(*whole)
    process = identify.start("--store", "killed", *whole[2:])
    found: list[Path] = []
    end = time.monotonic() + 120
    while len(found) < 3:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end, "it never came so far"
        found = list((identify.folder / "killed" / "staging").glob("*/scratch/evaluators/*/geodesics/*/*.npz"))
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (run,) = identify.json("--store", "killed", "runs", "ls")["runs"]
    assert run["status"] == "interrupted"
    identify("--store", "killed", "resume", run["id"], "--quiet")
    one, two = (
        next(iter(Store(identify.folder / name).open("@last").findings.values())).finding.arrays
        for name in ("whole", "killed")
    )
    assert one.keys() == two.keys()
    for name, array in one.items():
        assert np.asarray(array.values).tobytes() == np.asarray(two[name].values).tobytes(), name


@pytest.fixture
def start_cluster() -> Iterator[StartCluster]:
    """Starts a Dask cluster and gives its address."""
    distributed = pytest.importorskip("distributed")
    with ExitStack() as stack:

        def start(workers: int, threads: int = 1, *, processes: bool = False) -> str:
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=threads, processes=processes, dashboard_address="127.0.0.1:0"
            )
            address: str = stack.enter_context(cluster).scheduler_address
            return address

        yield start


@pytest.mark.parametrize("processes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_cluster_searches_the_blocks_of_a_run(
    subject: tuple[Subject, object], tmp_path: Path, start_cluster: StartCluster, *, processes: bool
) -> None:
    """The very bytes of a search without one; with processes the decoders have to be pickled."""
    study, _ = subject
    options = DistancesOptions(pairs="all", points=4, starts=1, doublings=0, block=4)
    here = distances.evaluate(options, study, make_context(tmp_path / "here"))
    there = attrs.evolve(options, scheduler=start_cluster(1, processes=processes))
    found = distances.evaluate(there, study, make_context(tmp_path / "there"))
    for name, array in here.arrays.items():
        np.testing.assert_array_equal(found.arrays[name].values, array.values, err_msg=name)


def test_a_search_on_a_cluster_is_stopped_and_refused(
    subject: tuple[Subject, object], tmp_path: Path, start_cluster: StartCluster
) -> None:
    study, _ = subject
    options = DistancesOptions(pairs="all", points=4, starts=1, doublings=0, block=4, scheduler=start_cluster(1))
    stopped = make_context(tmp_path / "stopped", stop_requested=lambda: True)
    with pytest.raises(Interrupted, match="the blocks that came back are kept"):
        distances.evaluate(options, study, stopped)
    for address, said in (
        (start_cluster(0), "has no workers"),
        (start_cluster(1, 2), "does 2 things at once in one process"),
        ("nonsense://x", "no Dask scheduler answers at nonsense"),
    ):
        with pytest.raises(UsageError, match=said):
            distances.evaluate(attrs.evolve(options, scheduler=address), study, make_context(tmp_path / "none"))
