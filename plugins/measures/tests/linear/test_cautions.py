"""Cautions of the linear family: the same from arrays, from memory and from a stream, for every measure touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import identify_measures as measures
from identify_core.testing.representations import represent
from identify_measures.catalogue import CATALOGUE
from identify_measures.linear import correlation
from identify_measures.linear.measuring import evaluate
from identify_measures.options.linear import MatchingOptions
from identify_measures.statistics.gathering import Memory, from_representations

Array = np.ndarray[Any, Any]
PAIRS = [each for each in CATALOGUE.values() if each.function and each.arity == "pair" and each.target]
CPU = torch.device("cpu")


def function(name: str) -> Callable[..., Any]:
    return getattr(measures, name.replace("-", "_"))  # type: ignore[no-any-return]


@pytest.fixture
def few_rows() -> tuple[Array, Array]:
    """Twenty unrelated rows of six columns, each a hundred times in a random order; one latent is constant."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(20), 100)[rng.permutation(2000)]
    x, y = rng.normal(size=(20, 6)), rng.normal(size=(20, 6))
    y[:, 2] = 0.1
    return x[rows], y[rows]


@pytest.mark.parametrize("each", [each for each in PAIRS if each.family == "linear"], ids=lambda each: each.name)
def test_what_touches_a_measure_is_said(each: Any, few_rows: tuple[Array, Array]) -> None:
    warnings = function(each.name)(*few_rows).warnings
    assert ("the 2000 rows of x and y are 20 distinct ones, repeated" in warnings) == (
        "repeated rows" in each.touched_by
    )
    assert ("1 of 6 latents of y is constant" in warnings) == ("constant latents" in each.touched_by)
    x, y = (rows[np.unique(rows[:, 0], return_index=True)[1]][:6] for rows in few_rows)
    said = [
        warning for warning in function(each.name)(x, y).warnings if "unrelated rows agree well there too" in warning
    ]
    assert bool(said) == ("few rows" in each.touched_by)


@pytest.mark.parametrize("rows", [2.0**30, 0.0])
def test_memory_and_stream_say_the_same(rows: float, few_rows: tuple[Array, Array]) -> None:
    found = [represent(each, name) for each, name in zip(few_rows, "xy", strict=True)]
    statistics = from_representations(found, CPU, memory=Memory(rows=rows, span=2.0**14))
    score = evaluate(correlation.PEARSON_MCC, statistics, 0, 1, MatchingOptions())
    assert score.warnings == measures.pearson_mcc(*few_rows).warnings


def test_held_out_halves_share_no_row(few_rows: tuple[Array, Array]) -> None:
    """A quartic map fits twenty unrelated rows; of rows that it was not fitted on it explains nothing."""
    x, y = few_rows
    powers = np.hstack([x, x**2, x**3, x**4])
    assert measures.linear_r2(powers, y).value == pytest.approx(1.0)
    assert measures.linear_r2(powers, y, held_out=True).value < 0.0


@pytest.mark.parametrize("name", ["linear-cka", "pearson-mcc", "linear-r2"])
def test_repeating_the_rows_leaves_the_interval_as_wide(name: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4))
    y = x @ rng.normal(size=(4, 4)) + rng.normal(size=(200, 4))
    once = function(name)(x, y, interval=True).interval
    often = function(name)(np.repeat(x, 50, axis=0), np.repeat(y, 50, axis=0), interval=True).interval
    assert 0.5 < (often.high - often.low) / (once.high - once.low) < 2.0


def test_the_same_rows_have_rank_zero() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))
    score = measures.cca(x, np.full((50, 4), 1 / 3, dtype=np.float32))
    assert score.ranks == (3, 0)
    assert score.reason == "all rows of y are the same"
