"""Information by neighbours against scikit-learn's, a slow reference, and a closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif

from identify_measures.information import neighbours
from identify_measures.information.neighbours import jittered, neighbour_information

CPU = torch.device("cpu")


def centred(codes: np.ndarray) -> np.ndarray:
    return codes - codes.mean(axis=0)


def by_scikit_learn(codes: np.ndarray, factors: np.ndarray, k: int, seed: int) -> np.ndarray:
    options: dict[str, Any] = {"discrete_features": False, "n_neighbors": k, "random_state": seed}
    return np.array([[mutual_info_classif(z[:, None], s, **options)[0] for s in factors.T] for z in codes.T])


def ross(codes: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Ross 2014 one row at a time, on values that have their jitter."""
    counts = np.bincount(labels)
    kept = counts[labels] > 1
    z, s = codes[kept], labels[kept]
    terms = []
    for i in range(len(z)):
        inside = np.sort(np.abs(z[s == s[i]] - z[i]))
        of_row = min(k, counts[s[i]] - 1)
        radius = np.nextafter(inside[of_row], 0)
        near = np.count_nonzero(np.abs(z - z[i]) <= radius)
        terms.append(digamma(of_row) - digamma(counts[s[i]]) - digamma(near))
    return max(0.0, digamma(len(z)) + float(np.mean(terms)))


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("kind", ["normal", "tied", "far", "heavy"])
def test_it_is_scikit_learns(k: int, kind: str) -> None:
    random = np.random.default_rng(k)
    factors = random.integers(0, 5, size=(700, 3))
    codes = random.normal(size=(700, 4))
    codes[:, :3] += factors
    codes = {"normal": codes, "tied": np.round(codes), "far": codes * 1e-7 - 40.0, "heavy": codes**5}[kind]
    found = neighbour_information(centred(codes), list(factors.T), k, seed=4, device=CPU)
    assert found == pytest.approx(by_scikit_learn(centred(codes), factors, k, 4), abs=1e-9)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_small_classes_and_classes_of_one_are_the_slow_reference(k: int) -> None:
    random = np.random.default_rng(k)
    labels = np.concatenate([random.integers(0, 9, size=60), [9, 9, 10, 11, 12, 12, 12]])
    codes = centred(random.normal(size=(67, 2)) + labels[:, None])
    found = neighbour_information(codes, [labels], k, seed=0, device=CPU)
    assert found[:, 0] == pytest.approx([ross(z, labels, k) for z in jittered(codes, 0).T], abs=1e-12)


def test_classes_of_one_row_leave_nothing() -> None:
    codes = centred(np.random.default_rng(0).normal(size=(6, 2)))
    assert (neighbour_information(codes, [np.arange(6)], 3, seed=0, device=CPU) == 0).all()


def test_a_constant_latent_knows_nothing() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, size=300)
    codes = np.stack([np.zeros(300), centred(labels + random.normal(size=300))], axis=1)
    found = neighbour_information(codes, [labels], 3, seed=0, device=CPU)
    assert found[0, 0] == 0
    assert found[1, 0] > 0.05


def test_it_finds_the_information_of_a_uniform_channel() -> None:
    # s is 0 or 1, z uniform on [s, s + 2]: half of the line tells s, half tells nothing, so that I = ½ log 2.
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, size=40_000)
    codes = centred((labels + random.uniform(0, 2, size=40_000))[:, None])
    found = neighbour_information(codes, [labels], 10, seed=0, device=CPU)
    assert found[0, 0] == pytest.approx(np.log(2) / 2, abs=6e-3)


def test_blocks_of_latents_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    codes, labels = centred(random.normal(size=(200, 5))), [random.integers(0, 3, size=200)]
    whole = neighbour_information(codes, labels, 3, seed=0, device=CPU)
    monkeypatch.setattr(neighbours, "_ON_CPU", 1)
    assert np.array_equal(neighbour_information(codes, labels, 3, seed=0, device=CPU), whole)


@pytest.mark.gpu
def test_a_gpu_gives_the_same() -> None:
    random = np.random.default_rng(0)
    codes, labels = centred(random.normal(size=(5000, 12))), [random.integers(0, k, size=5000) for k in (3, 9)]
    here, there = (neighbour_information(codes, labels, 10, seed=0, device=torch.device(d)) for d in ("cpu", "cuda"))
    assert there == pytest.approx(here, abs=1e-9)
