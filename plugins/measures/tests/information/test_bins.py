"""Bins of real latents against numpy's, and what could mislead about them."""

from __future__ import annotations

import numpy as np
import pytest

from identify_measures.information.bins import bin_latents
from identify_measures.inputs import InputError


@pytest.mark.parametrize("rule", [7, 20, "auto", "fd", "doane", "scott", "rice", "sturges", "sqrt"])
def test_they_are_numpys(rule: int | str) -> None:
    random = np.random.default_rng(0)
    for column in (random.normal(size=200), random.integers(0, 4, size=200).astype(float), random.gamma(1, size=50)):
        edges = np.histogram_bin_edges(column, rule)
        assert np.array_equal(bin_latents(column[:, None], rule)[0][:, 0], np.digitize(column, edges[:-1]) - 1)


def test_values_on_edges_and_crowded_bins_are_said() -> None:
    _, notes = bin_latents(np.arange(41.0)[:, None], 20)
    assert len(notes) == 1
    assert "lie on edges" in notes[0]
    heavy = np.concatenate([np.random.default_rng(0).normal(size=999), [1e6]])
    _, notes = bin_latents(heavy[:, None], 20)
    assert len(notes) == 1
    assert "more than 95 %" in notes[0]
    assert bin_latents(np.random.default_rng(0).normal(size=(500, 3)), 20)[1] == ()


def test_a_rule_that_asks_for_more_bins_than_rows_is_refused() -> None:
    heavy = np.concatenate([np.random.default_rng(0).normal(size=999), [1e12]])
    with pytest.raises(InputError, match=r"the rule 'fd' cuts latent 0 into .* bins, and there are 1000 rows"):
        bin_latents(heavy[:, None], "fd")
