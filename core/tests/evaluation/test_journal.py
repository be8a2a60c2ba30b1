"""A journal gives back what was written, number for number, and loses only what is damaged."""

from __future__ import annotations

import math
from pathlib import Path

import attrs
import numpy as np
import pytest

from identify_core.evaluation.journal import Entry, Journal, read_lines, write_lines
from identify_core.scores import ByRole, Chance, Interval, Score, Verdict

SCORE = Score(
    measure="m", value=1 / 3, larger_is="better", bounds=(-math.inf, 1.0), is_metric=False, invariant_to=("linear",),
    n=4, widths=(2, 3), estimator="e", dtype="float32", ranks=(2, 2),
    interval=Interval(low=0.1, high=0.7, level=0.95, method="j"),
    chance=Chance(mean=0.2), warnings=("ties",),
)  # fmt: skip
DIRECTED = attrs.evolve(
    SCORE, invariant_to=ByRole(source=("affine",), target=()), interval=None, chance=None, value=math.nan, reason="flat"
)
VERDICT = Verdict(
    residuals={"linear": SCORE, "affine": DIRECTED}, tolerance=0.05, lowest=("linear",), warnings=("few rows",),
    controls={"shuffled": {"linear": SCORE}}, directions={"forward": {"linear": DIRECTED}}, left_out={"isometry": "no"},
)  # fmt: skip
ENTRIES = [
    Entry(pair=(0, 0), result=SCORE),
    Entry(pair=(0, 1), result={"a": SCORE, "b": DIRECTED}, warnings=("slow",)),
    Entry(pair=(1, 1), result=VERDICT),
]


def test_entries_are_read_back_as_they_were(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for entry in ENTRIES:
        journal.add(entry)
    journal.write()
    again = Journal(tmp_path / "journal").entries
    assert list(again) == [(0, 0), (0, 1), (1, 1)]
    assert [repr(each) for each in again.values()] == [repr(each) for each in ENTRIES]  # NaN is not equal to itself


def test_numbers_of_numpy_are_kept(tmp_path: Path) -> None:
    value = np.float32(1) / np.float32(3)
    entry = Entry(pair=(0, 0), result=attrs.evolve(SCORE, value=value))
    (read,) = read_lines(write_lines([entry]))
    assert isinstance(read.result, Score)
    assert read.result.value == float(value)


@pytest.mark.parametrize("end", ["cut", "flipped"])
def test_a_damaged_line_costs_its_own_pair(tmp_path: Path, end: str) -> None:
    file = tmp_path / "journal"
    text = write_lines(ENTRIES)
    file.write_text(text[:-40] if end == "cut" else text.replace("few rows", "few Rows"))
    journal = Journal(file)
    assert list(journal.entries) == [(0, 0), (0, 1)]
    journal.add(ENTRIES[2])
    journal.write()
    assert list(Journal(file).entries) == [(0, 0), (0, 1), (1, 1)]
