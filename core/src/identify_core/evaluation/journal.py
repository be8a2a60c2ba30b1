"""A journal: what a pair evaluator gave to each pair, in a file that a crash leaves whole up to its last lines.

Each line holds a digest and, as JSON, a pair, its result and the warnings that came with it. Numbers are read back as
they were written, so that a grid that is made of a journal is the grid that the evaluator gave.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from identify_core.scores import ByRole, Chance, Interval, Score, Verdict
from identify_core.store.files import explained, from_plain, to_plain

Pair = tuple[int, int]
Result = Score | Mapping[str, Score] | Verdict

_SECONDS_BETWEEN_WRITES = 2.0
_DIGITS = 16


@attrs.frozen(kw_only=True)
class Entry:
    """What an evaluator gave to one pair.

    Args:
        pair: the numbers of the two representations.
        result: the score, the scores by name, or the verdict.
        warnings: what it warned of while it was at the pair.
    """

    pair: Pair
    result: Result
    warnings: tuple[str, ...] = ()


class Journal:
    """Entries by pair, those that an earlier process wrote included.

    Args:
        file: where they are kept; None keeps them in memory alone.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._unwritten: list[Entry] = []
        self._last = time.monotonic()
        self.entries: dict[Pair, Entry] = {}
        if file is not None and file.is_file():
            self.entries = {each.pair: each for each in read_lines(file.read_text(encoding="utf-8", errors="replace"))}

    def add(self, entry: Entry) -> None:
        """Keep an entry; what has not been written for some seconds is written."""
        self.entries[entry.pair] = entry
        self._unwritten.append(entry)
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        """Write all entries that were not written yet.

        Raises:
            StoreError: the file cannot be written.
        """
        self._last = time.monotonic()
        if self._file is None or not self._unwritten:
            return
        # A line break comes first, too: the last line of a process that was killed may lack its own.
        text = "\n" + write_lines(self._unwritten)
        with explained("write the comparison", self._file), self._file.open("a", encoding="utf-8") as file:
            file.write(text)
        self._unwritten = []


def write_lines(entries: Iterable[Entry]) -> str:
    """Entries as text, one a line."""
    lines = []
    for each in entries:
        content = {"pair": each.pair, "result": _as_plain(each.result), "warnings": each.warnings}
        text = json.dumps(to_plain(content))
        lines.append(f"{_digest(text)} {text}\n")
    return "".join(lines)


def read_lines(text: str) -> Iterator[Entry]:
    """The entries of all whole lines; a line that is damaged or broken off gives none, and its pair is done again."""
    for line in text.splitlines():
        digest, _, content = line.partition(" ")
        if content and digest == _digest(content):
            read = from_plain(json.loads(content))
            first, other = read["pair"]
            yield Entry(pair=(first, other), result=_as_result(read["result"]), warnings=tuple(read["warnings"]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _as_plain(result: Result) -> dict[str, Any]:
    if isinstance(result, Verdict):
        nested = {name: _all_plain(each) for name, each in result.controls.items()}
        both = {name: _all_plain(each) for name, each in result.directions.items()}
        fields = attrs.asdict(result, recurse=False) | {"controls": nested, "directions": both}
        return {"verdict": fields | {"residuals": _all_plain(result.residuals)}}
    if isinstance(result, Score):
        return {"score": attrs.asdict(result)}
    return {"scores": _all_plain(result)}


def _all_plain(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: attrs.asdict(each) for name, each in scores.items()}


def _as_result(plain: Mapping[str, Any]) -> Result:
    ((kind, content),) = plain.items()
    if kind == "score":
        return _score(content)
    if kind == "scores":
        return _scores(content)
    return Verdict(
        **dict(content)
        | {
            "lowest": tuple(content["lowest"]),
            "warnings": tuple(content["warnings"]),
            "residuals": _scores(content["residuals"]),
            "controls": {name: _scores(each) for name, each in content["controls"].items()},
            "directions": {name: _scores(each) for name, each in content["directions"].items()},
        }
    )


def _scores(plain: Mapping[str, Any]) -> dict[str, Score]:
    return {name: _score(each) for name, each in plain.items()}


def _score(plain: Mapping[str, Any]) -> Score:
    told = plain["invariant_to"]
    by_role = isinstance(told, Mapping)
    sequences: dict[str, Any] = {name: tuple(plain[name]) for name in ("bounds", "widths", "ranks", "warnings")}
    return Score(
        **dict(plain)
        | sequences
        | {
            "invariant_to": ByRole(**{role: tuple(rungs) for role, rungs in told.items()}) if by_role else tuple(told),
            "interval": None if plain["interval"] is None else Interval(**plain["interval"]),
            "chance": None if plain["chance"] is None else Chance(**plain["chance"]),
        }
    )
