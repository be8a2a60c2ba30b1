"""Values that published implementations agree on, and real representations."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import identify_measures as measures

pytestmark = pytest.mark.shared

PAIRS: dict[str, Callable[..., Any]] = {
    "cka.rbf.median1.0": measures.rbf_cka,
    "cka.rbf.median0.4": partial(measures.rbf_cka, factor=0.4),
    "cka.rbf.median1.0.debiased": partial(measures.rbf_cka, debiased=True),
    "cka.rbf.median0.4.debiased": partial(measures.rbf_cka, factor=0.4, debiased=True),
    "cka.rbf.sigma1": partial(measures.rbf_cka, sigma=1.0),
    "cka.linear.minibatch32": partial(measures.minibatch_cka, batch=32, shuffle=False),
    "distance_correlation": measures.distance_correlation,
    "rsa.correlation.spearman": measures.rsa,
    "rsa.sqeuclidean.pearson": partial(measures.rsa, dissimilarity="squared-euclidean", comparison="pearson"),
    "rsa.sqeuclidean.cosine": partial(measures.rsa, dissimilarity="squared-euclidean", comparison="cosine"),
    "rsa.sqeuclidean.cosine_cov": partial(
        measures.rsa, dissimilarity="squared-euclidean", comparison="whitened-cosine"
    ),
    "mutual_knn.k10.cosine": measures.mutual_knn,
    "mutual_knn.k10.ip": partial(measures.mutual_knn, similarity="inner-product"),
    "mutual_knn.k5.ip": partial(measures.mutual_knn, k=5, similarity="inner-product"),
    "jaccard.k10.cosine": measures.jaccard,
    "cknna.k10": measures.cknna,
    "match.hard": measures.hard_match,
    "match.soft": measures.soft_match,
    "perm.angular": measures.permutation_metric,
    "perm.euclidean.uncentred": partial(measures.permutation_distance, centred=False),
}
LATENTS: dict[str, Callable[..., Any]] = {
    "mcc.strong.spearman": measures.spearman_mcc,
    "mcc.strong.spearman.oos": partial(measures.spearman_mcc, fit=1000),
}


def values(folder: Path) -> tuple[dict[str, Any], Any]:
    """What is to come out, and of which arrays."""
    return json.loads((folder / "measures_reference.json").read_text()), np.load(folder / "measures_reference.npz")


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("case", ["small", "indep"])
def test_pairs(name: str, case: str, shared_data: Path) -> None:
    expected, arrays = values(shared_data)
    score = PAIRS[name](arrays[f"{case}.X"], arrays[f"{case}.Y"])
    assert score.value == pytest.approx(expected[f"{name}|{case}"]["value"], abs=1e-8)


@pytest.mark.parametrize("name", LATENTS)
def test_latents(name: str, shared_data: Path) -> None:
    expected, arrays = values(shared_data)
    score = LATENTS[name](arrays["mcc.Z"], arrays["mcc.noisy"])
    assert score.value == pytest.approx(expected[f"{name}|noisy"]["value"], abs=1e-8)


def test_language_models_of_one_family_are_nearer_than_another(shared_data: Path) -> None:
    with np.load(shared_data / "sst2_dev_features_4lms.npz") as stored:
        bronte, darwin, stories = (stored[f"{name}__mean"] for name in ("charlotte_bronte", "darwin", "stories260K"))
    for measure in (measures.mutual_knn, measures.rsa, measures.rbf_cka, measures.distance_correlation):
        near, far = measure(bronte, darwin, interval=True), measure(bronte, stories, interval=True)
        assert near.value > far.value > far.chance.mean
        assert near.interval.low < near.value < near.interval.high
        assert near.dtype == "float16"
    near, far = (measures.mutual_knn(bronte, other, interval=True) for other in (darwin, stories))
    assert near.interval.low > far.interval.high
