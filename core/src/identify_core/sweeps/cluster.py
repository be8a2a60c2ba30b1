"""Tasks on a Dask cluster that exists already: its workers are looked at first, and what they are given is plain.

A unit is one task. A run sets the random state and the standard output of its process, so that a worker does one at a
time, and the workers write into the sweep's own store, which must be a folder that all of them see.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from identify_core.components import load_target
from identify_core.errors import IdentifyError, StoreError, UsageError
from identify_core.optional_packages import optional_package
from identify_core.store.folder import Folder
from identify_core.tasks import End, Task, do_task, end_of
from identify_core.version import __version__

_SECONDS_TO_CONNECT = 10.0
_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_BETWEEN_LOOKS_OF_A_WORKER = 1.0


def dask_client(address: str) -> Any:
    """A client of the scheduler at an address such as `tcp://10.0.0.1:8786`.

    Raises:
        UsageError: the package `distributed` is missing, or no scheduler answers there.
    """
    distributed = _import_distributed()
    try:
        return distributed.Client(address, timeout=_SECONDS_TO_CONNECT)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address}: {error}",
            hint="start one with `dask scheduler`; it prints its address, such as tcp://10.0.0.1:8786",
        ) from error


def run_on_dask(units: Sequence[Task], stop: Callable[[], bool], *, client: Any) -> Generator[End, None, None]:
    """Do units on the workers of a cluster; their ends come as they come.

    Args:
        units: in the order in which they are begun.
        stop: whether to begin no further one and stop the running ones with a checkpoint.
        client: what `dask_client` gave.

    Raises:
        UsageError: there are no workers, or one cannot do a unit.
        StoreError: a worker does not see the store.
    """
    distributed = _import_distributed()
    if not units:
        return
    check_workers(client, units[0])
    token = secrets.token_hex(4)
    stop_file = Path(units[0]["folder"]) / f"stop-{token}"  # which tells the workers to stop
    told: list[Task] = [{**unit, "stop_file": str(stop_file)} for unit in units]
    left = {
        client.submit(perform_on_worker, unit, key=f"identify-{unit['name']}-{token}", pure=False): unit
        for unit in told
    }
    try:
        while left:
            if stop():
                _mark(stop_file)
            with contextlib.suppress(TimeoutError):
                distributed.wait(list(left), timeout=_SECONDS_BETWEEN_LOOKS, return_when="FIRST_COMPLETED")
            for future in [each for each in left if each.done()]:
                yield _end(future, left.pop(future))
    except BaseException:
        _mark(stop_file)  # and stays: the workers' runs still have to see it
        client.cancel(list(left))
        raise
    _unmark(stop_file)


def check_one_at_a_time(client: Any) -> None:
    """Make sure that there are workers, and that each does one thing at a time.

    Random state and torch's forward derivatives belong to a process, so that two threads of one spoil each other's.

    Raises:
        UsageError: there are none, or one does several things at once.
    """
    threads: Mapping[str, int] = client.nthreads()
    if not threads:
        raise UsageError(
            f"the Dask scheduler at {client.scheduler.address} has no workers",
            hint=f"start one on each machine: dask worker {client.scheduler.address} --nthreads 1",
        )
    for worker, count in threads.items():
        if count != 1:
            raise UsageError(
                f"the Dask worker {worker} does {count} things at once in one process, and a run needs a process of "
                "its own",
                hint="start workers with --nthreads 1, several on a machine with --nworkers",
            )


def check_workers(client: Any, unit: Task) -> None:
    """Make sure that every worker can do a unit, before the first one begins.

    Raises:
        UsageError: there are no workers, or one does several things at once, has another version of identify-core, or
            cannot load the unit's spec.
        StoreError: a worker does not see the store.
    """
    check_one_at_a_time(client)
    for worker, seen in client.run(look_around, unit, on_error="return").items():
        if isinstance(seen, BaseException):
            raise UsageError(
                f"the Dask worker {worker} cannot run identify: {type(seen).__name__}: {seen}",
                hint=f"install identify-core {__version__} and the sweep's plugins where the workers run",
            )
        if seen["version"] != __version__:
            raise UsageError(
                f"the Dask worker {worker} has identify-core {seen['version']}, and this is {__version__}",
                hint="install the same version on both",
            )
        if not seen["sees"]:
            raise StoreError(
                f"the Dask worker {worker} does not see the store at {unit['store']}",
                hint="name a folder that all workers share with --store",
            )
        if seen["problem"]:
            raise UsageError(
                f"the Dask worker {worker} cannot load the spec: {seen['problem']}",
                hint="install the sweep's plugins where the workers run",
            )


def look_around(unit: Task) -> dict[str, Any]:
    """What a worker says of itself: its version, whether it sees and may write the store, whether the spec loads."""
    folder = Path(unit["folder"])
    seen = {"version": __version__, "sees": folder.is_dir(), "problem": ""}
    if not seen["sees"]:
        return seen
    mark = folder / f"seen-{secrets.token_hex(4)}"
    try:
        _mark(mark)
        _unmark(mark)
        load_target(unit["look"])(unit)
    except OSError as error:
        seen["problem"] = f"it may not write into the store: {error.strerror or error}"
    except IdentifyError as error:
        seen["problem"] = "; ".join((error.message, *getattr(error, "problems", ())))
    return seen


def perform_on_worker(unit: Task) -> End:
    """Do a unit as a task, stopping with a checkpoint when its stop file appears."""
    stop_file = Path(unit["stop_file"])
    looked, there = float("-inf"), False

    def stop() -> bool:
        nonlocal looked, there
        if not there and time.monotonic() - looked >= _SECONDS_BETWEEN_LOOKS_OF_A_WORKER:
            looked, there = time.monotonic(), stop_file.exists()
        return there

    return do_task(unit, stop_requested=stop)


def _mark(file: Path) -> None:
    with Folder.open(file.parent) as folder:
        folder.write(file.name, b"")


def _unmark(file: Path) -> None:
    with Folder.open(file.parent) as folder:
        folder.remove(file.name)


def _import_distributed() -> Any:
    """The package, which is an extra and has no types."""
    return optional_package("distributed", purpose="a Dask cluster", extra="dask")


def _end(future: Any, unit: Task) -> End:
    if future.status == "finished":
        end: End = future.result()
        return end
    error = future.exception() if future.status == "error" else None
    reason = f"{type(error).__name__}: {error}" if error is not None else f"the cluster lost it ({future.status})"
    return end_of(unit, "failed", reason)
