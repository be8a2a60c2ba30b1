"""The linear family against the peers' algorithms: all pairs, single pairs, and rows that one would rather not hold."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from benchmarks.case import Case

from identify_core import Representation
from identify_measures import cca, linear_cka
from identify_measures.catalogue import CATALOGUE
from identify_measures.linear import canonical, cka, correlation, regression, rotation
from identify_measures.linear.measuring import Formula, evaluate
from identify_measures.statistics.gathering import from_representations

Array = np.ndarray[Any, Any]
CPU = torch.device("cpu")


@cache
def representations(count: int, rows: int, width: int) -> tuple[Array, ...]:
    """Noisy linear images of common latents, float32, with means that are not zero."""
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(rows, 64)) * np.linspace(2.0, 0.2, 64)
    return tuple(
        (latents @ rng.normal(size=(64, width)) / 8 + rng.normal(size=(rows, width)) + 1).astype(np.float32)
        for _ in range(count)
    )


def stored(arrays: Sequence[Any]) -> list[Representation]:
    """Arrays, or Zarr arrays, as representations."""
    return [
        Representation(
            label=f"representation {k}",
            run_id="",
            latents="latents",
            replicate=k,
            ids=np.arange(each.shape[0]),
            identified_up_to="",
            shape=each.shape,
            load_rows=lambda start, stop, each=each: np.asarray(each[start:stop]),
        )
        for k, each in enumerate(arrays)
    ]


def all_pairs(arrays: Sequence[Any], formula: Formula, device: torch.device = CPU) -> Array:
    """A measure of every pair, without intervals, as `identify compare` computes it."""
    statistics = from_representations(stored(arrays), device)
    options = CATALOGUE[formula.name].options(interval="never")
    count = len(arrays)
    return np.asarray(
        [evaluate(formula, statistics, i, j, options).value for i in range(count) for j in range(i, count)]
    )


def close(tolerance: float) -> Any:
    """Checks that two results agree."""

    def agree(ours: Any, theirs: Any) -> None:
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=tolerance, rtol=0)

    return agree


def cka_in_feature_space(x: Array, y: Array) -> float:
    """One pair as representation_similarity and ReSi compute it: float32 products of columns."""
    x, y = x - x.mean(0), y - y.mean(0)
    norm = np.linalg.norm
    return float(norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y)))


def procrustes_by_svd(x: Array, y: Array) -> float:
    """One pair as netrep's LinearMetric fits and scores it: centre, scale, SVD for the rotation, then the angle."""
    import scipy.linalg

    x, y = (each - each.mean(0) for each in (x.astype(np.float64), y.astype(np.float64)))
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    u, _, vt = scipy.linalg.svd(x.T @ y, full_matrices=False)
    return math.acos(min(1.0, float(((x @ u) * (y @ vt.T)).sum())))


def cca_of_sklearn(x: Array, y: Array) -> float:
    """scikit-learn's iterative CCA: the mean correlation of its components."""
    import warnings

    from sklearn.cross_decomposition import CCA

    model = CCA(n_components=min(x.shape[1], y.shape[1]), max_iter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a, b = model.fit_transform(x, y)
    return float(np.mean([np.corrcoef(a[:, k], b[:, k])[0, 1] for k in range(a.shape[1])]))


def exact_cca(x: Array, y: Array) -> float:
    """Mean canonical correlation from three singular value decompositions in float64."""
    bases = [
        np.linalg.svd(each.astype(np.float64) - each.mean(0, np.float64), full_matrices=False)[0] for each in (x, y)
    ]
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).mean())


TOGETHER = (
    cka.LINEAR_CKA,
    canonical.CCA,
    rotation.PROCRUSTES_ANGULAR,
    regression.LINEAR_R2,
    correlation.PEARSON_MCC,
)


@cache
def on_disk(rows: int, widths: tuple[int, ...]) -> tuple[str, ...]:
    """Representations in Zarr arrays of 4 MiB row chunks; the folder lives as long as the process."""
    folder = Path(tempfile.mkdtemp(prefix="identify-benchmark-"))
    rng = np.random.default_rng(1)
    mixing = [rng.normal(size=(64, width)).astype(np.float32) / 8 for width in widths]
    paths = [str(folder / f"{k}.zarr") for k in range(len(widths))]
    arrays = [
        zarr.create_array(path, shape=(rows, width), chunks=(2048, width), dtype="float32", compressors=None)
        for path, width in zip(paths, widths, strict=True)
    ]
    for start in range(0, rows, 20480):
        stop = min(start + 20480, rows)
        latents = rng.normal(size=(stop - start, 64)).astype(np.float32)
        for array, matrix in zip(arrays, mixing, strict=True):
            noise = rng.normal(size=(stop - start, array.shape[1])).astype(np.float32)
            array[start:stop] = latents @ matrix + noise + 1
    return tuple(paths)


def five_together(paths: Sequence[str]) -> Array:
    """CKA, CCA, Procrustes, R² and MCC of two Zarr arrays from one pass."""
    statistics = from_representations(stored([zarr.open_array(path, mode="r") for path in paths]), CPU)
    values = [
        evaluate(each, statistics, 0, 1, CATALOGUE[each.name].options(interval="never")).value for each in TOGETHER
    ]
    return np.asarray(values)


def five_one_by_one(paths: Sequence[str]) -> Array:
    """The same in memory, each measure by itself as its reference implementation does it, in float64 where they do."""
    import scipy.linalg
    from scipy.optimize import linear_sum_assignment

    x, y = (np.asarray(zarr.open_array(path, mode="r")[:]) for path in paths)
    values = [cka_in_feature_space(x, y)]
    # sim_metric: eigendecompositions of the covariances of both, then a singular value decomposition.
    a, b = x.astype(np.float64) - x.mean(0, np.float64), y.astype(np.float64) - y.mean(0, np.float64)
    roots = []
    for each in (a, b):
        spectrum, vectors = np.linalg.eigh(each.T @ each)
        roots.append((vectors / np.sqrt(spectrum)) @ vectors.T)
    values.append(float(np.linalg.svd(roots[0] @ (a.T @ b) @ roots[1], compute_uv=False).mean()))
    values.append(procrustes_by_svd(x, y))
    # scikit-learn's LinearRegression: least squares on the rows.
    a, b = x.astype(np.float64) - x.mean(0, np.float64), y.astype(np.float64) - y.mean(0, np.float64)
    slope = scipy.linalg.lstsq(a, b)[0]
    values.append(1 - float(np.square(b - a @ slope).sum() / np.square(b).sum()))
    # icebeem: the correlation matrix of all columns of both, then an assignment.
    both = np.abs(np.corrcoef(x.T, y.T)[: x.shape[1], x.shape[1] :])
    values.append(float(both[linear_sum_assignment(-both)].mean()))
    return np.asarray(values)


def cases() -> Iterable[Case]:
    """The rows of the table that belong to this family."""
    wide = representations(25, 2000, 768)
    chosen = [(i, j) for i in range(25) for j in range(i, 25)]
    part = chosen[:: len(chosen) // 13]
    yield Case(
        name="linear CKA, all pairs of 25 × (2000, 768)",
        baseline_name="loop over pairs, feature space, float32",
        ours=lambda: all_pairs(wide, cka.LINEAR_CKA)[:: len(chosen) // 13],
        baseline=lambda: [cka_in_feature_space(wide[i], wide[j]) for i, j in part],
        baseline_fraction=len(part) / len(chosen),
        expected=12,
        agree=close(1e-5),
        on_device=lambda device: all_pairs(wide, cka.LINEAR_CKA, device),
    )
    x, y = representations(2, 10000, 768)
    yield Case(
        name="linear CKA, one pair (10000, 768)",
        baseline_name="its three matrix products alone, float32",
        ours=lambda: linear_cka(x, y).value,
        baseline=lambda: (x.T @ x, x.T @ y, y.T @ y),
        expected=1 / 1.3,
        agree=lambda ours, products: None,
        repeats=5,
        note="the floor: at most 1.3 times it",
    )
    a, b = representations(2, 10000, 64)
    yield Case(
        name="CCA, n 10,000, d 64",
        baseline_name="scikit-learn's CCA",
        ours=lambda: cca(a, b).value,
        baseline=lambda: cca_of_sklearn(a, b),
        expected=500,
        agree=lambda ours, theirs: close(1e-6)(ours, exact_cca(a, b)),
        repeats=5,
        note="exact: agrees with three SVDs to 1e-6",
    )
    middle = representations(25, 2000, 256)
    some = chosen[:: len(chosen) // 25]
    yield Case(
        name="Procrustes, all pairs of 25 × (2000, 256)",
        baseline_name="loop of scipy SVDs, fit and score",
        ours=lambda: all_pairs(middle, rotation.PROCRUSTES_ANGULAR)[:: len(chosen) // 25],
        baseline=lambda: [procrustes_by_svd(middle[i], middle[j]) for i, j in some],
        baseline_fraction=len(some) / len(chosen),
        expected=4,
        agree=close(2e-3),
        on_device=lambda device: all_pairs(middle, rotation.PROCRUSTES_ANGULAR, device),
        note="float32 products; the angle of a pair with itself is the least exact",
    )
    paths = on_disk(100_000, (512, 384))
    yield Case(
        name="100,000 × 896 from Zarr: CKA, CCA, Procrustes, R², MCC together",
        baseline_name="the same in memory, one by one",
        ours=lambda: five_together(paths),
        baseline=lambda: five_one_by_one(paths),
        expected=3,
        agree=close(1e-5),
        repeats=2,
    )
