"""The evaluator `deformable`: known copies, chance, intervals, shares, and the preset's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import identify_core as ic
from identify_core.testing.contexts import make_context
from identify_homotopy.options.distances import DeformableOptions
from identify_homotopy.verdicts.deformable import evaluate, explained_alone

Values = np.ndarray[Any, Any]


def encoder(label: str, values: Values, ids: Values | None = None) -> ic.Representation:
    return ic.Representation(
        label=label,
        run_id="r",
        latents="layer-last",
        replicate=0,
        ids=np.arange(len(values)) if ids is None else ids,
        identified_up_to="",
        shape=(len(values), values.shape[1]),
        load_rows=lambda start, stop: values[start:stop],
    )


def found(folder: Path, *encoders: ic.Representation, **options: Any) -> ic.Finding:
    return evaluate(DeformableOptions(**options), ic.Subject(representations=encoders), make_context(folder))


def draw(n: int = 200, d: int = 4, seed: int = 0) -> Values:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_an_affine_copy_is_deformed_both_ways_a_part_one_way_and_an_independent_one_not(tmp_path: Path) -> None:
    whole, other = draw(), draw(seed=1)
    copy = whole @ draw(4, 4, seed=2) + 3.0
    finding = found(tmp_path, *(encoder(*e) for e in (("w", whole), ("c", copy), ("p", whole[:, :2]), ("o", other))))
    assert finding.arrays["deformed"].values.tolist() == [
        [True, True, True, False],
        [True, True, True, False],
        [False, False, True, False],
        [False, False, False, True],
    ]
    assert finding.summary.startswith("4 of 12 ordered pairs of encoders")
    assert "2 of them with the reverse, too" in finding.summary
    assert finding.arrays["left"].values[0, 3] == pytest.approx(1.0, abs=0.1)


def test_the_value_is_what_noise_leaves_and_the_interval_holds_it(tmp_path: Path) -> None:
    """y = x + e with unit x: the map leaves the part s / sqrt(1 + s²)."""
    x, s = draw(4000), 0.5
    finding = found(tmp_path, encoder("x", x), encoder("y", x + s * draw(4000, seed=1)), permutations=3)
    low, value, high = (float(finding.arrays[name].values[0, 1]) for name in ("low", "left", "high"))
    assert low < s / np.sqrt(1 + s**2) < high
    assert low < value < high < low + 0.04
    assert finding.scalars["median-low"] <= finding.scalars["median"] <= finding.scalars["median-high"]


def test_rows_are_joined_by_id_not_by_place(tmp_path: Path) -> None:
    x, turned = draw(), np.random.default_rng(5).permutation(200)
    finding = found(tmp_path, encoder("x", x), encoder("y", x[turned], turned))
    assert float(finding.arrays["left"].values.max()) < 1e-9


def test_chance_is_at_one_and_no_pair_counts_that_chance_reaches(tmp_path: Path) -> None:
    x = draw(300)
    finding = found(tmp_path, encoder("x", x), encoder("y", draw(300, seed=1)), tolerance=1.0)
    assert finding.arrays["chance"].values == pytest.approx(np.ones((2, 2)), abs=0.1)
    assert finding.scalars["deformed"] == 0


def test_a_map_that_interpolates_is_named(tmp_path: Path) -> None:
    finding = found(tmp_path, encoder("wide", draw(20, 30)), encoder("narrow", draw(20, 2)))
    assert finding.warnings == ("wide: as many columns as fitted sentences, so maps interpolate",)


def test_the_target_alone_explains_columns_and_the_source_rows() -> None:
    columns = np.tile([0.1, 0.4, 0.9, 0.2], (4, 1))
    assert explained_alone(columns, 1) == pytest.approx(1.0)
    assert explained_alone(columns, 0) == pytest.approx(1 / 9)  # the diagonal is missing: rows have different targets
    assert explained_alone(columns.T, 0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("encoders", "message"),
    [
        ([encoder("x", draw())], "there is 1"),
        ([encoder("x", draw()), encoder("y", draw(), np.arange(200) + 1)], "y and x hold different sentences"),
        ([encoder("x", draw(3)), encoder("y", draw(3))], "there are 3 sentences"),
    ],
)
def test_what_cannot_be_judged_is_refused(tmp_path: Path, encoders: list[ic.Representation], message: str) -> None:
    with pytest.raises(ic.IdentifyError) as raised:
        found(tmp_path, *encoders)
    assert message in str(raised.value)
    assert raised.value.hint


def test_the_smoke_preset_begins_with_its_answer(tmp_path: Path) -> None:
    run = ic.run("homotopy", preset="smoke", store=tmp_path)
    finding = next(iter(run.findings.values()))
    assert "ordered pairs of encoders are deformed by an affine map" in finding.summary
    assert "95 % over sentences" in finding.summary
    pairs = {(row[0], row[1]): row[-1] for row in finding.tables["pairs"].rows}
    copies = {pair for pair, said in pairs.items() if said == "yes"}
    names = {name for pair in copies for name in pair}
    assert len(copies) == 2
    assert len(names) == 2
