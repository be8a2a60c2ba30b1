"""Tasks in this process, one after another, or in several of its own, each of which computes one run at a time.

Worker processes are told what to do through a pipe, and the end of that pipe is how they learn that the sweep is gone:
however it ended, they write the checkpoint of their run and leave. Ctrl-C reaches every process of a terminal; the
workers leave it to the sweep, which asks them to stop.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from identify_core.tasks import End, Task, do_task, end_of

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from identify_core.contexts.display import Display

_LEFT_TO_THE_SWEEP = (signal.SIGINT, signal.SIGTERM)
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_TO_LEAVE = 30.0


def run_here(units: Sequence[Task], stop: Callable[[], bool], *, display: Display) -> Generator[End, None, None]:
    """Do units in this process, each with its own progress.

    Args:
        units: in the order in which they are done.
        stop: whether to begin no further one and stop the running one with a checkpoint.
        display: where the runs show their progress.
    """
    for position, unit in enumerate(units, start=1):
        if stop():
            return
        display.message(f"{unit['name']}, {position} of {len(units)}")
        yield do_task(unit, display=display, stop_requested=stop)


def run_in_processes(units: Sequence[Task], stop: Callable[[], bool], *, workers: int) -> Generator[End, None, None]:
    """Do units in several processes; their ends come as they come.

    A process that is killed, as by a machine out of memory, costs its own unit alone.

    Args:
        units: in the order in which they are begun.
        stop: as for `run_here`.
        workers: how many processes; the cores are divided among them.
    """
    waiting = deque(units)
    idle: list[_Worker] = []
    busy: dict[Connection, _Worker] = {}
    left = False
    try:
        while busy or (waiting and not stop()):
            while waiting and len(busy) < workers and not stop():
                worker = idle.pop() if idle else _Worker(workers)
                worker.begin(waiting.popleft())
                busy[worker.connection] = worker
            if stop():
                for worker in busy.values():
                    worker.ask_to_stop()
            for connection in wait(list(busy), timeout=_SECONDS_BETWEEN_LOOKS):
                worker = busy.pop(connection)  # type: ignore[call-overload]
                end, alive = worker.end()
                if alive:
                    idle.append(worker)
                yield end
        left = True
    finally:
        for worker in (*idle, *busy.values()):
            worker.leave(_SECONDS_TO_LEAVE if left else 0.0)


class _Worker:
    """A process of the sweep and this side of its pipe."""

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=_serve, args=(theirs, workers), name="identify-sweep")
        with _signals_held_back():
            self._process.start()
        theirs.close()  # so that the pipe ends when the process does
        self._unit: Task | None = None
        self._asked = False

    def begin(self, unit: Task) -> None:
        self._unit = unit
        with contextlib.suppress(OSError):  # its end says that it is gone
            self.connection.send(unit)

    def ask_to_stop(self) -> None:
        if not self._asked:
            self._asked = True
            with contextlib.suppress(OSError):
                self.connection.send(None)

    def end(self) -> tuple[End, bool]:
        """How its unit ended, and whether it can take another."""
        assert self._unit is not None  # it was busy
        try:
            end: End = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            self.connection.close()
            return end_of(self._unit, "failed", f"its process {_say_exit(self._process.exitcode)}"), False
        return end, True

    def leave(self, seconds: float) -> None:
        self.connection.close()
        self._process.join(seconds)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _say_exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit status {code}"


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """A process that is started in the block begins with these signals blocked, until it has said what they mean."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # It is started with the first process, and starting it unblocks these signals in the process that starts it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _LEFT_TO_THE_SWEEP)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, workers: int) -> None:
    """What a worker process does: units until the pipe ends."""
    for number in _LEFT_TO_THE_SWEEP:
        signal.signal(number, _leave_to_the_sweep)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _LEFT_TO_THE_SWEEP)
    # The linear algebra of numpy and scipy makes its threads when it is loaded, which is after this.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    from identify_core.runs.threads import share_threads

    share_threads(workers)
    stopping = threading.Event()
    units: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, units, stopping), daemon=True).start()
    while (unit := units.get()) is not None:
        end = do_task(unit, stop_requested=stopping.is_set)
        try:
            connection.send(end)
        except OSError:  # the sweep is gone; what the run made is in the store
            return


def _listen(connection: Connection, units: queue.SimpleQueue[Task | None], stopping: threading.Event) -> None:
    unit: Task | None
    while True:
        try:
            unit = connection.recv()
        except (EOFError, OSError):
            unit = None
        if unit is None:
            stopping.set()
        units.put(unit)
        if unit is None:
            return


def _leave_to_the_sweep(*_: Any) -> None:
    """Nothing: the sweep asks to stop through the pipe."""
