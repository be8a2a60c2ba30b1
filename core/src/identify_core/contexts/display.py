"""What a run shows while it goes on: progress bars, live values and messages, all on stderr."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import attrs


class Progress(Protocol):
    """One bar."""

    def advance(self, n: int = 1) -> None:
        """Count n more units as done."""

    def describe(self, text: str) -> None:
        """Replace the words next to the bar."""


class Display(Protocol):
    """Where a run's progress and messages go."""

    def message(self, text: str) -> None:
        """One line of news."""

    def warning(self, text: str) -> None:
        """One line that the user should not miss."""

    def values(self, step: int, scalars: Mapping[str, Any]) -> None:
        """The latest logged values, a few times a second at most."""

    def progress(self, description: str, total: int | None, unit: str) -> Any:
        """A context manager that gives a `Progress`."""


class _SilentProgress:
    def advance(self, n: int = 1) -> None:
        """Nothing is shown."""

    def describe(self, text: str) -> None:
        """Nothing is shown."""


@attrs.frozen
class SilentDisplay:
    """Shows nothing: for tests, libraries and `--quiet`."""

    def message(self, text: str) -> None:
        """Nothing is shown."""

    def warning(self, text: str) -> None:
        """Nothing is shown; the warning is still kept with the run."""

    def values(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Nothing is shown."""

    @contextmanager
    def progress(self, description: str, total: int | None, unit: str) -> Iterator[Progress]:
        """A bar that shows nothing."""
        yield _SilentProgress()


class _TerminalProgress:
    def __init__(self, bars: Any, task: Any, display: TerminalDisplay) -> None:
        self._bars = bars
        self._task = task
        self._display = display
        display._current = self

    def advance(self, n: int = 1) -> None:
        self._bars.advance(self._task, n)

    def describe(self, text: str) -> None:
        self._bars.update(self._task, description=text)

    def show_values(self, text: str) -> None:
        self._bars.update(self._task, values=text)


class TerminalDisplay:
    """Rich progress bars on a terminal; plain lines where stderr is not a terminal.

    Args:
        console: a rich console that writes to stderr.
    """

    def __init__(self, console: Any) -> None:
        self._console = console
        self._current: _TerminalProgress | None = None

    def message(self, text: str) -> None:
        """One line of news."""
        self._console.print(text, highlight=False, markup=False)

    def warning(self, text: str) -> None:
        """One line that the user should not miss."""
        self._console.print(f"warning: {text}", style="yellow", highlight=False, markup=False)

    def values(self, step: int, scalars: Mapping[str, Any]) -> None:
        """The medians over replicates, next to the bar."""
        if self._current is not None:
            self._current.show_values(summarise_values(scalars))

    @contextmanager
    def progress(self, description: str, total: int | None, unit: str) -> Iterator[Progress]:
        """A bar with its count, its rate of time and the latest values."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        if not self._console.is_terminal:
            self.message(f"{description} …" if total is None else f"{description}: {total} {unit} …")
        bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn(unit, style="dim", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}", style="dim", markup=False),
            console=self._console,
            transient=True,
            refresh_per_second=4,
            disable=not self._console.is_terminal,
        )
        with bars:
            task = bars.add_task(description, total=total, values="")
            outer = self._current
            try:
                yield _TerminalProgress(bars, task, self)
            finally:
                self._current = outer


def summarise_values(scalars: Mapping[str, Any]) -> str:
    """The first three of some logged values, each as its median over replicates."""
    return "  ".join(f"{name} {_median(value):.3g}" for name, value in list(scalars.items())[:3])


def _median(value: Any) -> float:
    if isinstance(value, (list, tuple)):
        finite = sorted(v for v in value if v == v)
        return finite[len(finite) // 2] if finite else float("nan")
    return float(value)
