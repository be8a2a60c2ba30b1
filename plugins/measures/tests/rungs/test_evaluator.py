"""The ladder as `identify compare` runs it: over pairs of representations, with controls made once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core import Representation, UsageError, at_least
from identify_core.testing.contexts import make_context
from identify_core.testing.grids import Grid, grid_finding, make_grid
from identify_core.testing.representations import represent
from identify_measures.evaluators import ladder as module
from identify_measures.options.ladder import LadderOptions

Array = np.ndarray[Any, Any]


def score(folder: Path, *representations: Representation, **options: Any) -> Grid:
    context = make_context(folder, count=len(representations))
    return make_grid("measures:ladder", LadderOptions(**options), representations, context)


@pytest.fixture
def replicates() -> list[Representation]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5))
    claim = "permutation-scaling"
    return [
        represent(x, "run:0", identified_up_to=claim),
        represent((x * np.exp(rng.normal(size=5)))[:, ::-1].astype(np.float32), "run:1", identified_up_to=claim),
        represent(x @ rng.normal(size=(5, 5)), "run:2", identified_up_to=claim),
    ]


def test_verdicts_are_held_against_what_runs_claim(tmp_path: Path, replicates: list[Representation]) -> None:
    finding = grid_finding(score(tmp_path, *replicates))
    rows = {row[:2]: row[2:5] for row in finding.tables["ladder"].rows}
    assert rows[("run:0", "run:1")] == (
        "permutation-positive-scaling",
        "permutation-scaling",
        "more identified than claimed",
    )
    assert rows[("run:0", "run:2")] == ("linear", "permutation-scaling", "less identified than claimed")


def test_a_finding_holds_both_directions_the_controls_and_what_was_left_out(
    tmp_path: Path, replicates: list[Representation]
) -> None:
    finding = grid_finding(score(tmp_path, *replicates, rungs=("permutation", "affine")))
    table = finding.tables["directions"]
    assert table.columns == ("representation", "other", "rung", "there", "back", "with itself", "rows shuffled")
    assert len(table.rows) == 6
    for row in table.rows:
        there, back, itself, shuffled = row[3:]
        index = int(str(row[0])[-1]), int(str(row[1])[-1])
        value = finding.arrays[f"{row[2]}-value"].values[index]
        assert value == max(there, back)
        assert itself < 1e-20
        assert shuffled == finding.arrays[f"{row[2]}-chance"].values[index]
    assert finding.conventions["estimator of affine"].startswith("least squares with intercept, where a column with")
    assert finding.conventions["linear left out"] == "it was not asked for"
    assert "two decoders" in finding.conventions["isometry left out"]


def test_controls_of_one_representation_are_made_once(
    tmp_path: Path, replicates: list[Representation], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    plain = module.measure_itself

    def counted(x: Any, *rest: Any, **more: Any) -> Any:
        made.append(x.label)
        return plain(x, *rest, **more)

    monkeypatch.setattr(module, "measure_itself", counted)
    grid = score(tmp_path, *replicates)
    assert sorted(made) == ["run:0", "run:1", "run:2"]
    for i in range(3):
        assert grid.verdicts[i, i].lowest == ("identity",)


def test_the_same_seed_gives_the_same_numbers_whatever_else_is_compared(
    tmp_path: Path, replicates: list[Representation]
) -> None:
    alone = score(tmp_path, *replicates[:2])
    among = score(tmp_path, *replicates)
    for rung, table in alone.scores.items():
        assert table[0, 1].value == among.scores[rung][0, 1].value


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    short = represent(np.zeros((3, 2)), "short")
    with pytest.raises(UsageError, match="short has 3 rows; the ladder needs at least 4"):
        score(tmp_path, short, short)


def test_costs_grow_with_rows_but_memory_does_not() -> None:
    small = module.estimate(LadderOptions(), [(100_000, 64), (100_000, 64)])
    large = module.estimate(LadderOptions(), [(10_000_000, 64), (10_000_000, 64)])
    assert large.work.operations > 50 * small.work.operations
    assert large.bytes == small.bytes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rungs": ("rotation",)}, "'rotation' is not a rung"),
        ({"rungs": ("affine", "affine")}, "rungs names a rung twice"),
        ({"tolerance": 0.0}, "tolerance must be above 0"),
        ({"lipschitz": 0.5}, f"lipschitz must be {at_least(1)}"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LadderOptions(**options)
