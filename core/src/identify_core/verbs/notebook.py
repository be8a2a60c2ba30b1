"""The display of a notebook: one bar that is drawn again in place, and messages as lines below each other."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

from identify_core.contexts.display import Progress, summarise_values

_SECONDS_BETWEEN = 0.25


class NotebookDisplay:
    """Progress as HTML in the output of a cell; messages and warnings on standard error."""

    def __init__(self) -> None:
        self._current: _NotebookProgress | None = None

    def message(self, text: str) -> None:
        """One line of news."""
        sys.stderr.write(f"{text}\n")

    def warning(self, text: str) -> None:
        """One line that the user should not miss."""
        sys.stderr.write(f"warning: {text}\n")

    def values(self, step: int, scalars: Mapping[str, Any]) -> None:
        """The medians over replicates, next to the bar."""
        if self._current is not None:
            self._current.show_values(summarise_values(scalars))

    @contextmanager
    def progress(self, description: str, total: int | None, unit: str) -> Iterator[Progress]:
        """A bar with its count and the latest values, which is gone when it is done."""
        outer, self._current = self._current, _NotebookProgress(description, total, unit)
        try:
            yield self._current
        finally:
            self._current.clear()
            self._current = outer


class _NotebookProgress:
    def __init__(self, description: str, total: int | None, unit: str) -> None:
        screen: Any = importlib.import_module("IPython.display")
        self._html = screen.HTML
        self._description, self._total, self._unit = description, total, unit
        self._done, self._values, self._drawn = 0, "", time.monotonic()
        self._handle = screen.display(self._bar(), display_id=True)

    def advance(self, n: int = 1) -> None:
        self._done += n
        self._draw()

    def describe(self, text: str) -> None:
        self._description = text
        self._draw()

    def show_values(self, text: str) -> None:
        self._values = text
        self._draw()

    def clear(self) -> None:
        self._handle.update(self._html(""))

    def _draw(self) -> None:
        if time.monotonic() - self._drawn > _SECONDS_BETWEEN:
            self._drawn = time.monotonic()
            self._handle.update(self._bar())

    def _bar(self) -> Any:
        known = f' value="{self._done}" max="{self._total}"' if self._total else ""
        count = f"{self._done}/{self._total} {self._unit}" if self._total else self._unit
        words = " ".join(filter(None, (count, self._values)))
        return self._html(f"<div>{escape(self._description)} <progress{known}></progress> {escape(words)}</div>")
