"""Observers hear what they ask for; one that fails is dropped with one warning and the others go on."""

from __future__ import annotations

from typing import Any

import attrs

from identify_core import hookimpl
from identify_core.contexts.display import SilentDisplay
from identify_core.plugins import load_registry
from identify_core.runs.observation import Observers


@attrs.frozen
class Recording(SilentDisplay):
    warnings: list[str] = attrs.field(factory=list)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


class Counting:
    def __init__(self) -> None:
        self.steps: list[int] = []
        self.ended: list[str] = []

    @hookimpl
    def identify_run_logged(self, step: int) -> None:
        self.steps.append(step)

    @hookimpl
    def identify_run_finished(self, status: str) -> None:
        self.ended.append(status)


class Failing:
    def __init__(self) -> None:
        self.calls = 0

    @hookimpl
    def identify_run_logged(self, run_id: str, step: int, scalars: Any) -> None:
        self.calls += 1
        raise SystemExit("no network")

    @hookimpl
    def identify_run_finished(self) -> None:
        self.calls += 1


def test_a_failing_observer_is_dropped_with_one_warning() -> None:
    display, counting, failing = Recording(), Counting(), Failing()
    observers = Observers(load_registry(only=("bad", "good"), extra={"bad": failing, "good": counting}).observers())
    observers.started("run", {}, "folder", display)
    for step in range(3):
        observers.logged("run", step, {})
    observers.finished("run", "finished", {}, "folder")
    assert counting.steps == [0, 1, 2]
    assert counting.ended == ["finished"]
    assert failing.calls == 1
    assert len(display.warnings) == 1
    assert "bad failed in identify_run_logged" in display.warnings[0]
    assert "SystemExit: no network" in display.warnings[0]
