"""What holds for every measure of two representations: the order of rows, scales, many rows and the fewest."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import identify_measures as measures
from identify_core import Score, Subject, load_target
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent
from identify_measures.catalogue import CATALOGUE, Measure
from identify_measures.inputs import InputError
from identify_measures.linear.canonical import expected_mean_correlation
from identify_measures.linear.correlation import chance_held_out
from identify_measures.samplewise.dissimilarities import sampled_pairs
from identify_measures.samplewise.neighbours import chance_overlap
from identify_measures.samplewise.ranks import tied_part
from identify_measures.statistics.gathering import Memory, from_representations

Array = np.ndarray[Any, Any]
PAIRS = [
    each
    for each in CATALOGUE.values()
    if each.arity == "pair" and each.family in ("linear", "samples") and "dissimilarities" not in each.requires
]
MORE: dict[str, Callable[..., Score]] = {
    "pearson-mcc held out": partial(measures.pearson_mcc, held_out=True),
    "weak-mcc held out": partial(measures.weak_mcc, held_out=True),
    "weak-mcc of ranks": partial(measures.weak_mcc, correlation_of="ranks"),
    "spearman-mcc held out": partial(measures.spearman_mcc, held_out=True),
    "linear-r2 held out": partial(measures.linear_r2, held_out=True),
    "linear-r2 uniform": partial(measures.linear_r2, average="uniform"),
    "rbf-cka debiased": partial(measures.rbf_cka, debiased=True),
    "mutual-knn euclidean": partial(measures.mutual_knn, similarity="euclidean"),
    "mutual-knn inner product": partial(measures.mutual_knn, similarity="inner-product"),
    "rsa euclidean": partial(measures.rsa, dissimilarity="euclidean"),
    "rsa pearson": partial(measures.rsa, comparison="pearson"),
    "rsa cosine": partial(measures.rsa, comparison="cosine", dissimilarity="squared-euclidean"),
    "rsa whitened": partial(measures.rsa, comparison="whitened-cosine", dissimilarity="squared-euclidean"),
    "rsa kendall": partial(measures.rsa, comparison="kendall", pairs=200_000),
    "rsa sampled": partial(measures.rsa, pairs=100_000),
}
"""Options that take another way through the code."""
FUNCTIONS: dict[str, Callable[..., Score]] = {
    each.name: getattr(measures, each.name.replace("-", "_")) for each in PAIRS
} | MORE
RANDOM = {"minibatch-cka", "rsa kendall", "rsa sampled", *(name for name in MORE if name.endswith("held out"))}
"""They draw rows, or halves of them, by their places."""
INTERVALS = {name for name in FUNCTIONS if name not in ("cknna", "rsa kendall", "rsa sampled", "weak-mcc of ranks")}


def related(n: int, dtype: type = np.float64, seed: int = 0) -> tuple[Array, Array]:
    """Two noisy images of common latents, of five and of four columns."""
    rng = np.random.default_rng(seed)
    mixings = [rng.normal(size=(3, d)) for d in (5, 4)]
    common = rng.normal(size=(n, 3))
    x, y = (common @ each + 0.5 * rng.normal(size=(n, each.shape[1])) + 0.7 for each in mixings)
    return x.astype(dtype), y.astype(dtype)


@pytest.mark.parametrize("kind", ["continuous", "sorted", "repeated", "codes"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_order_of_the_rows_decides_nothing(name: str, kind: str) -> None:
    x, y = related(700)
    if kind == "sorted":
        order = np.argsort(x[:, 0])
        x, y = x[order], y[order]
    if kind == "repeated":
        x, y = (np.repeat(each[:350], 2, axis=0) for each in (x, y))
    if kind == "codes":
        x, y = np.round(x) + 20, np.round(y) + 20
    options = {"batch": 32} if name == "minibatch-cka" else {}
    asked = options | ({"interval": True} if name in RANDOM & INTERVALS else {})
    score = FUNCTIONS[name](x, y, **asked)
    error = 1e-9
    if score.interval is not None:
        # The rows are drawn twice.
        error = 2 * max(score.interval.high - score.value, score.value - score.interval.low)
    elif name in RANDOM:
        error = 4 / math.sqrt(100_000)
    order = np.random.default_rng(1).permutation(700)
    assert FUNCTIONS[name](x[order], y[order], **options).value == pytest.approx(score.value, abs=error, nan_ok=True)


SCALED = [name for name in FUNCTIONS if name not in ("procrustes", "permutation-distance", "shape-metric")]


@pytest.mark.parametrize(
    ("dtype", "scales"),
    [
        (np.float32, (1e-30, 1e20)),
        (np.float32, (1e20, 1e-30)),
        (np.float64, (1e-200, 1e150)),
    ],
)
@pytest.mark.parametrize("name", SCALED)
def test_no_scale_is_too_small_or_too_large(name: str, dtype: type, scales: tuple[float, float]) -> None:
    x, y = related(300, dtype)
    options: dict[str, Any] = {"batch": 32} if name == "minibatch-cka" else {}
    expected = FUNCTIONS[name](x, y, **options)
    found = FUNCTIONS[name](x * dtype(scales[0]), y * dtype(scales[1]), **options)
    assert found.value == pytest.approx(expected.value, abs=1e-5 if dtype == np.float32 else 1e-9)
    assert found.warnings == expected.warnings
    if expected.chance is not None:
        assert found.chance is not None
        assert found.chance.mean == pytest.approx(expected.chance.mean, abs=1e-5)


@pytest.mark.parametrize("name", ["procrustes", "permutation-distance"])
@pytest.mark.parametrize("scale", [1e-30, 1e20])
def test_distances_grow_with_the_scale(name: str, scale: float) -> None:
    x, y = related(300, np.float32)
    moved = FUNCTIONS[name](x * np.float32(scale), y * np.float32(scale), interval=True)
    score = FUNCTIONS[name](x, y, interval=True)
    assert moved.value / scale == pytest.approx(score.value, rel=1e-5)
    assert moved.interval is not None
    assert score.interval is not None
    assert moved.interval.high / scale == pytest.approx(score.interval.high, rel=1e-4)


def test_an_absolute_kernel_width_is_in_the_units_of_the_data() -> None:
    x, y = related(200)
    expected = measures.rbf_cka(x, y, sigma=1.5).value
    assert measures.rbf_cka(1e12 * x, 1e12 * y, sigma=1.5e12).value == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_eight_thousand_rows(name: str) -> None:
    """As at few rows, within what sampling and bias leave; exactly so is told by the tests of each measure."""
    options: dict[str, Any] = {"batch": 250} if name == "minibatch-cka" else {}
    # One ranking of all 32 million pairs is enough for a default run.
    options = options | ({"pairs": 1_000_000} if name == "rsa euclidean" else {})
    score = FUNCTIONS[name](*related(8000, np.float32), **options)
    assert math.isfinite(score.value)
    assert score.n == 8000
    few = FUNCTIONS[name](*related(2000), **options)
    if name in ("procrustes", "permutation-distance"):
        assert score.value / 2 == pytest.approx(few.value, rel=0.1)
    elif "knn" not in name and name not in ("jaccard", "cknna"):
        assert score.value == pytest.approx(few.value, abs=0.08)
    low, high = CATALOGUE[score.measure].bounds
    assert low <= score.value <= high
    if score.chance is not None:
        assert math.isfinite(score.chance.mean)


def test_eight_thousand_rows_of_one_representation() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(8000, 4)) @ (np.eye(4) + 0.3)
    covariance = (np.eye(4) + 0.3).T @ (np.eye(4) + 0.3)
    expected = 0.5 * (np.log(covariance.diagonal()).sum() - np.linalg.slogdet(covariance)[1])
    assert measures.total_correlation(z).value == pytest.approx(expected, abs=0.03)


STREAMED = [each for each in PAIRS if each.prepare.endswith("linear:prepare")]


@pytest.mark.parametrize("each", STREAMED, ids=lambda each: each.name)
def test_a_hundred_thousand_streamed_rows(each: Measure, tmp_path: Path, streamed: tuple[Any, list[Any]]) -> None:
    """The evaluator on one pass over the rows gives what the function gives on arrays."""
    statistics, representations = streamed
    subject = Subject(representations=tuple(representations), prepared=statistics, indices=(0, 1))
    score = load_target(each.target)(each.options(), subject, make_context(tmp_path))
    alone = FUNCTIONS[each.name](*related(100_000, np.float32))
    assert score.value == pytest.approx(alone.value, rel=1e-5, abs=1e-5)
    assert score.n == alone.n == 100_000
    assert set(score.warnings) == set(alone.warnings)
    assert (score.chance is None) == (alone.chance is None)
    if alone.chance is not None:
        assert score.chance.mean == pytest.approx(alone.chance.mean, rel=1e-4)


@pytest.fixture(scope="module")
def streamed() -> tuple[Any, list[Any]]:
    """Statistics of a hundred thousand rows that are not kept, and their representations."""
    found = [represent(array, label) for label, array in zip("xy", related(100_000, np.float32), strict=True)]
    return from_representations(found, torch.device("cpu"), memory=Memory(rows=0.0)), found


MANY = 1_000_000


def test_closed_formulas_at_a_million_rows() -> None:
    """Each against the limit of many rows, or against exact fractions."""
    overlap, index = chance_overlap(MANY, 10)
    assert overlap == 10 / (MANY - 1)
    # Of so few neighbours among so many, at most one is shared.
    assert index == pytest.approx(10 * overlap / (2 * 10 - 1), rel=1e-4)
    # Frames in so large a space meet as normal variables do.
    normal = np.linalg.svd(np.random.default_rng(0).normal(size=(300, 400)), compute_uv=False).mean()
    assert expected_mean_correlation(300, 400, MANY) == pytest.approx(normal / math.sqrt(MANY), rel=0.01)
    assert chance_held_out(MANY).mean == pytest.approx(math.sqrt(2 / math.pi / MANY), rel=1e-5)
    assert float(tied_part(torch.tensor(0.0), MANY)) == 1.0
    exact = Fraction(MANY) * (MANY**2 - 1) / 12
    assert float(tied_part(torch.tensor(float(exact), dtype=torch.float64), MANY)) == pytest.approx(0.0, abs=1e-12)
    ((first, second),) = sampled_pairs(MANY, 1000, 0)
    assert bool((first < second).all())
    assert int(second.max()) < MANY
    assert len({*zip(first.tolist(), second.tolist(), strict=True)}) == 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_hundred_thousand_rows(name: str) -> None:
    score = FUNCTIONS[name](*related(100_000, np.float32))
    assert math.isfinite(score.value)
    low, high = CATALOGUE[score.measure].bounds
    assert low <= score.value <= high


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_few_rows_give_a_value_or_a_reason(name: str, n: int) -> None:
    options: dict[str, Any] = {}
    if name == "minibatch-cka":
        options = {"batch": 4}
    if "knn" in name or name in ("jaccard", "cknna"):
        options = {"k": 2}
    if n == 2 and name.startswith("rsa"):
        with pytest.raises(InputError, match=r"^x has 2 rows; at least 3 are needed$"):
            FUNCTIONS[name](*related(n))
        return
    score = FUNCTIONS[name](*related(n), **options)
    assert math.isnan(score.value) == bool(score.reason)
    if n == 8:
        assert math.isfinite(score.value)
    low, high = CATALOGUE[score.measure].bounds
    assert math.isnan(score.value) or low <= score.value <= high


def test_the_command_says_the_value_and_the_warnings_of_the_library(tmp_path: Path) -> None:
    """Codes with rows that repeat, a dead latent and more columns than distinct rows, every measure at once."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 25, size=300)
    x, y = rng.integers(1, 4, size=(25, 30)).astype(float)[rows], rng.normal(size=(25, 6)).round(1)[rows]
    y[:, 2] = 0.1
    for label, array in (("x", x), ("y", y)):
        np.save(tmp_path / f"{label}.npy", array)
    named = [part for each in PAIRS for part in ("--evaluator", f"measures:{each.name}")]
    command = ["compare", "x.npy", "y.npy", *named, "--store", "store", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "identify_core", *command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    findings = json.loads(done.stdout)["findings"]
    for each in PAIRS:
        score = FUNCTIONS[each.name](x, y)
        found = findings[each.name]
        if each.symmetric:
            assert found["scalars"][f"{each.name} median"] == pytest.approx(score.value, abs=1e-9), each.name
            said = [line.replace("x.npy", "x").replace("y.npy", "y") for line in found["warnings"]]
            assert said == list(score.warnings), each.name
        assert ("repeated rows" in each.touched_by) == any("25 distinct ones" in line for line in found["warnings"])
