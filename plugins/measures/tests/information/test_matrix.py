"""The matrix of information as a function: units, chance, intervals, and memory that does not grow with pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from identify_core import OptionsError
from identify_core.testing.memory import peak_memory
from identify_measures import information_matrix
from identify_measures.information.neighbours import neighbour_information
from identify_measures.inputs import InputError


def test_units(grid: np.ndarray) -> None:
    codes = np.stack([grid[:, 0] + 3 * grid[:, 1], grid[:, 2]], axis=1)
    by_sources = information_matrix(codes, grid, latents="symbols")
    assert by_sources.values == pytest.approx(np.array([[1, 1, 0], [0, 0, 1]]), abs=1e-12)
    by_latents = information_matrix(codes, grid, latents="symbols", normalise="latents")
    shares = np.log([3, 4]) / np.log(12)
    assert by_latents.values[0] == pytest.approx([*shares, 0], abs=1e-12)
    assert by_latents.latent_entropies == pytest.approx(np.log([12, 5]))
    plain = information_matrix(codes, grid, latents="symbols", normalise="none")
    assert np.array_equal(plain.values, plain.nats)
    assert plain.nats[0, 1] == pytest.approx(np.log(4))
    with pytest.raises(InputError, match="real numbers have no finite entropy"):
        information_matrix(codes, grid, normalise="latents")
    with pytest.raises(OptionsError, match="normalise"):
        information_matrix(codes, grid, normalise="source")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no factor has more than one value"):
        information_matrix(codes, np.ones(360, dtype=int))


@pytest.mark.parametrize("estimator", ["neighbours", "plug-in"])
def test_chance_and_intervals_of_every_pair(estimator: str) -> None:
    random = np.random.default_rng(0)
    factors = random.integers(0, 4, size=(600, 2))
    codes = np.stack([factors[:, 0] + 0.4 * random.normal(size=600), random.normal(size=600)], axis=1)
    found = information_matrix(codes, factors, estimator=estimator, null_draws=10, interval_draws=20)  # type: ignore[arg-type]
    assert found.null_mean is not None
    assert found.null_deviation is not None
    assert found.low is not None
    assert found.high is not None
    assert found.values[0, 0] > found.null_mean[0, 0] + 10 * found.null_deviation[0, 0]
    assert found.values[1, 1] < found.null_mean[1, 1] + 4 * found.null_deviation[1, 1]
    truth = information_matrix(*_more(20_000), estimator=estimator).values[0, 0]  # type: ignore[arg-type]
    assert found.low[0, 0] - 0.02 < truth < found.high[0, 0] + 0.02
    assert 0.01 < found.high[0, 0] - found.low[0, 0] < 0.2


def _more(n: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    factors = random.integers(0, 4, size=(n, 2))
    return factors[:, :1] + 0.4 * random.normal(size=(n, 1)), factors


def test_memory_does_not_grow_with_pairs() -> None:
    random = np.random.default_rng(0)
    n = 4000
    factors = [random.integers(0, 5, size=n) for _ in range(4)]
    codes = random.normal(size=(n, 16))

    def peak(copies: int) -> int:
        many, more = np.tile(codes, copies), factors * copies
        with peak_memory() as found:
            neighbour_information(many, more, 3, seed=0, device=torch.device("cpu"))
        return found.kilobytes

    neighbour_information(codes, factors, 3, seed=0, device=torch.device("cpu"))  # what is allocated once
    few, many = peak(1), peak(6)
    # 36 times as many pairs; the latents themselves, standardised, are 3 MB, and hold three copies at a time.
    assert many - few < 25_000
