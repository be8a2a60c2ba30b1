"""The dataset `mixtures`: its columns are mixtures of its factors, and each stream draws for itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from identify_core import Samples
from identify_core.testing.contexts import make_context

from identify_your_plugin.dataset import make_mixtures
from identify_your_plugin.options import MixturesOptions


def make(folder: Path, seed: int = 0, **options: float) -> Samples:
    return make_mixtures(MixturesOptions(**options), make_context(folder, seed=seed))  # type: ignore[arg-type]


def test_the_observed_columns_are_mixtures_of_the_factors(tmp_path: Path) -> None:
    samples = make(tmp_path, samples=100, sources=2, observed=5, noise=0)
    sources = np.stack([factor.values for factor in samples.factors.values()], axis=1)
    mixed = sources @ samples.truths["mixing"].values.T
    assert np.allclose(samples.tensor("x").numpy(), mixed, atol=1e-5)


def test_the_sources_are_independent_with_variance_one(tmp_path: Path) -> None:
    samples = make(tmp_path, samples=20_000)
    sources = np.stack([factor.values for factor in samples.factors.values()], axis=1)
    assert np.allclose(np.cov(sources.T), np.eye(3), atol=0.05)


def test_a_seed_gives_the_same_samples_and_another_seed_others(tmp_path: Path) -> None:
    assert make(tmp_path, seed=1).fingerprint == make(tmp_path, seed=1).fingerprint
    assert make(tmp_path, seed=1).fingerprint != make(tmp_path, seed=2).fingerprint


def test_more_samples_leave_the_mixing_alone(tmp_path: Path) -> None:
    few, many = (make(tmp_path, samples=count).truths["mixing"].values for count in (10, 1000))
    assert np.array_equal(few, many)


def test_fewer_mixtures_than_sources_are_refused() -> None:
    with pytest.raises(ValueError, match="observed is 2, but it takes at least as many as sources"):
        MixturesOptions(sources=3, observed=2)
