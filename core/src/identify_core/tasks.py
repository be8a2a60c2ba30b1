"""A task: a piece of work in plain values, the same in every process that does it, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypedDict

from identify_core.components import load_target


class Loading(TypedDict):
    """What `load_registry` takes in a process that does tasks.

    Keys:
        disabled: plugins or distributions that are switched off.
        enabled: those that are switched on.
        files: the absolute paths of plugin files.
    """

    disabled: list[str]
    enabled: list[str]
    files: list[str]


class Task(TypedDict):
    """What every task says, in plain types.

    Keys:
        index: its number.
        name: what it is called.
        do: `"module:function"`, called as `do(task, display=, stop_requested=) -> End`.
        look: `"module:function"`, called as `look(task)` before any is done; it raises IdentifyError where this process
            cannot do it, because it lacks a plugin.
        store: the store's absolute path.
        folder: an absolute path below the store; every process that does tasks sees it and writes into it.
        stop_file: a file that says, by being there, that everything is to stop; empty for none.
    """

    index: int
    name: str
    do: str
    look: str
    store: str
    folder: str
    stop_file: str


class End(TypedDict):
    """How a task ended, in plain types.

    Keys:
        index: the task's number.
        name: what it is called.
        status: finished, failed, interrupted, or running where another process is at it.
        reason: why, unless it is finished.
        failures: label of each evaluator that failed, with the reason.
        warnings: what it warned of, where no display has shown it.
        content: what it gives back, as text.
    """

    index: int
    name: str
    status: str
    reason: str
    failures: dict[str, str]
    warnings: list[str]
    content: str


Stop = Callable[[], bool]
Executor = Callable[[Sequence[Task], Stop], Generator[End, None, None]]
"""Does tasks, one after another or several at once, and gives their ends as they come."""


def do_task(task: Task, **more: Any) -> End:
    """Do a task in this process."""
    end: End = load_target(task["do"])(task, **more)
    return end


def end_of(task: Task, status: str, reason: str = "", **more: Any) -> End:
    """The end of a task."""
    ended: End = {
        "index": task["index"],
        "name": task["name"],
        "status": status,
        "reason": reason,
        "failures": {},
        "warnings": [],
        "content": "",
    }
    ended.update(more)  # type: ignore[typeddict-item]
    return ended
