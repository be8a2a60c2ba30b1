"""One rule says what the values of a factor are, whoever reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core.data import Factor, Samples
from identify_core.data.factors import doubt_of_kind, read_factor
from identify_core.errors import UsageError
from identify_core.factor_kinds import RULE, SAID_KINDS
from identify_core.store import RunWriter, Store, StoredRun


@pytest.mark.parametrize(
    ("values", "kind", "guessed"),
    [
        (np.array([3, 1, 3]), "categorical", True),
        (np.array([3, 1, 3], dtype=np.uint8), "categorical", True),
        (torch.tensor([3, 1, 3]), "categorical", True),
        ([1, 2, 2], "categorical", True),
        (np.array([3.0, 1.0, 3.0]), "continuous", True),
        (np.array([3.5, 1.0, 3.0], dtype=np.float16), "continuous", False),
        (np.array(["a", "b", "a"]), "categorical", False),
        (np.array([b"a", b"b", b"a"]), "categorical", False),
        (np.array(["a", "b", "a"], dtype=object), "categorical", False),
        (np.array([1, 2, 1], dtype=object), "categorical", True),
        (np.array([True, False, True]), "categorical", False),
    ],
)
def test_kinds_that_nobody_said(values: Any, kind: str, guessed: bool) -> None:
    factor = read_factor("f", values)
    assert (factor.kind, factor.guessed) == (kind, guessed)
    assert bool(doubt_of_kind("f", factor)) == guessed
    for said in ("ordinal", "categorical"):
        again = read_factor("f", values, said)
        assert (again.kind, again.guessed, doubt_of_kind("f", again)) == (said, False, "")


def test_bytes_become_text_and_degrees_radians() -> None:
    assert read_factor("f", np.array([b"a", "ä".encode()])).values.tolist() == ["a", "ä"]
    angle = read_factor("angle", np.array([0, 90, 360]), "degrees")
    assert angle.kind == "circular"
    assert not angle.guessed
    np.testing.assert_allclose(angle.values, [0, np.pi / 2, 2 * np.pi])
    assert read_factor("angle", np.array([0.0, 20.0]), "circular").values.tolist() == [0.0, 20.0]


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ([1, 2], "ordnial", "cannot be 'ordnial'; a factor is continuous, circular, ordinal, categorical, degrees"),
        ([[1, 2]], "", r"has the shape \(1, 2\)"),
        ([1.0, np.nan, np.nan], "ordinal", "no value in 2 of 3 rows, the first of them row 1"),
        (["a", "", "b"], "", "no value in 1 of 3 rows, the first of them row 1"),
        (["NaN", "a"], "", "no value in 1 of 2 rows, the first of them row 0"),
        (np.array(["a", None], dtype=object), "", "no value in 1 of 2 rows, the first of them row 1"),
        (np.array(["a", np.nan], dtype=object), "", "no value in 1 of 2 rows"),
        (np.ma.masked_equal([1, 9, 2], 9), "", "no value in 1 of 3 rows, the first of them row 1"),
        ([1.0, np.inf], "", "has 1 infinite values"),
        (["a", "b"], "continuous", "is continuous, so it must hold numbers, not text"),
        ([True, False], "circular", "is circular, so it must hold numbers, not true and false"),
        (np.array([1j, 2]), "", "holds complex128 values, not numbers or text"),
        (np.array(["2020-01-01"], dtype="datetime64[D]"), "", r"holds datetime64\[D\] values"),
        (np.array([{}, {}], dtype=object), "", "holds object values"),
        ([0, 359], "circular", "values up to 359; circular values are in radians, at most 10 turns from 0"),
    ],
)
def test_what_no_factor_can_be(values: Any, kind: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_factor("f", values, kind)


def test_the_rule_names_what_it_does() -> None:
    assert "integers, text, true and false are categorical" in RULE
    assert "degrees" in SAID_KINDS


def test_a_guess_is_kept_with_the_run(tmp_path: Path) -> None:
    factors = {"code": read_factor("code", np.array([4, 2, 4])), "said": read_factor("said", [4, 2, 4], "ordinal")}
    samples = Samples(columns={"x": torch.zeros(3, 1)}, ids=np.arange(3), splits={"all": np.arange(3)}, factors=factors)
    with RunWriter.create(Store(tmp_path), name="guess", plugin="") as writer:
        writer.write_samples(samples)
        writer.write_spec("")
        folder = writer.commit()
    kept: dict[str, Factor] = StoredRun.open(folder).factors
    assert {name: (each.kind, each.guessed) for name, each in kept.items()} == {
        "code": ("categorical", True),
        "said": ("ordinal", False),
    }
    assert samples.rows(np.array([0])).factors["code"].guessed
