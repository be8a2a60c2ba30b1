"""Observers: plugins and trackers that are told of a run; one that fails is dropped for the rest of the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from identify_core.contexts.display import Display, SilentDisplay
from identify_core.stdout import kept_for_results


class Observer(Protocol):
    """One plugin's implementation of one hook, as the registry hands it out."""

    @property
    def owner(self) -> str:
        """The plugin's name."""

    @property
    def hook(self) -> str:
        """The hook's name."""

    def __call__(self, **arguments: Any) -> None:
        """Tell it; whatever it raises comes through."""


class Observers:
    """Those who want to know of a run.

    Args:
        observers: the implementations, each callable by itself.
    """

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = list(observers)
        self._display: Display = SilentDisplay()

    def started(self, run_id: str, spec: Mapping[str, Any], folder: str, display: Display) -> None:
        """A run begins; `display` hears of observers that fail."""
        self._display = display
        self._tell("identify_run_started", run_id=run_id, spec=spec, folder=folder)

    def logged(self, run_id: str, step: int, scalars: Mapping[str, Any]) -> None:
        """Values at a step; the context sees to it that this is called a few times a second at most."""
        self._tell("identify_run_logged", run_id=run_id, step=step, scalars=scalars)

    def finished(self, run_id: str, status: str, scalars: Mapping[str, Any], folder: str) -> None:
        """A run ended."""
        self._tell("identify_run_finished", run_id=run_id, status=status, scalars=scalars, folder=folder)

    def _tell(self, hook: str, **arguments: Any) -> None:
        for observer in [each for each in self._observers if each.hook == hook]:
            try:
                with kept_for_results():
                    observer(**arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - an observer must never cost a run
                self._observers = [each for each in self._observers if each.owner != observer.owner]
                self._display.warning(
                    f"the observer {observer.owner} failed in {hook} and is not told of this run any more: "
                    f"{type(error).__name__}: {error}"
                )
