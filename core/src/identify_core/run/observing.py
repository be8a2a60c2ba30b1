"""Observers: plugins and trackers that are told of a run; one that fails is dropped for the rest of the run."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from identify_core.run.display import Display, SilentDisplay


class Observers:
    """Objects with any of `identify_run_started`, `identify_run_logged`, `identify_run_finished`.

    Args:
        named: (name, object) pairs; the name is what a warning calls it.
    """

    def __init__(self, named: Iterable[tuple[str, Any]] = ()) -> None:
        self._named = list(named)
        self._display: Display = SilentDisplay()

    def started(self, run_id: str, spec: Mapping[str, Any], folder: str, display: Display) -> None:
        """A run begins."""
        self._display = display
        self._tell("identify_run_started", run_id=run_id, spec=spec, folder=folder)

    def logged(self, run_id: str, step: int, scalars: Mapping[str, Any]) -> None:
        """Values at a step; the context sees to it that this is called a few times a second at most."""
        self._tell("identify_run_logged", run_id=run_id, step=step, scalars=scalars)

    def finished(self, run_id: str, status: str, scalars: Mapping[str, Any], folder: str) -> None:
        """A run ended."""
        self._tell("identify_run_finished", run_id=run_id, status=status, scalars=scalars, folder=folder)

    def _tell(self, hook: str, **arguments: Any) -> None:
        for name, observer in list(self._named):
            implementation = getattr(observer, hook, None)
            if implementation is None:
                continue
            try:
                implementation(**_wanted(implementation, arguments))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an observer must never cost a run
                self._named.remove((name, observer))
                self._display.warning(
                    f"the observer {name} failed in {hook} and is not told of this run any more: "
                    f"{type(error).__name__}: {error}"
                )


def _wanted(implementation: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that an implementation names, as pluggy does it."""
    named = inspect.signature(implementation).parameters
    return {name: value for name, value in arguments.items() if name in named}
