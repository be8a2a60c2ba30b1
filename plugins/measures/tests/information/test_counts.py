"""Counted information against scikit-learn's, its corrections against closed forms and against shuffled rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import expected_mutual_information

from identify_measures.information import counts
from identify_measures.information.counts import counted_information, expected_information

CPU = torch.device("cpu")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 300), states=st.integers(1, 9), classes=st.integers(1, 9))
def test_it_is_scikit_learns(seed: int, n: int, states: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    labels, factor = random.integers(0, states, size=(n, 2)), random.integers(0, classes, size=n)
    values, of_latents, of_factors = counted_information(labels, [factor, labels[:, 0]], "plug-in", CPU)
    for i in range(2):
        assert values[i, 0] == pytest.approx(mutual_info_score(labels[:, i], factor), abs=1e-12)
        assert of_latents[i] == pytest.approx(mutual_info_score(labels[:, i], labels[:, i]), abs=1e-12)
    assert of_factors == pytest.approx([mutual_info_score(factor, factor), of_latents[0]], abs=1e-12)
    assert values[0, 1] == pytest.approx(of_latents[0], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 400))
def test_the_expectation_over_permutations_is_scikit_learns(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 7, size=n), (random.normal(size=n) ** 2).astype(int)
    table = np.histogram2d(first, second, bins=[np.arange(9), np.arange(second.max() + 2)])[0].astype(np.int64)
    found = expected_information(table.sum(axis=1), table.sum(axis=0))
    kept = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    assert found == pytest.approx(expected_mutual_information(kept, n), abs=1e-10)


def test_corrections_take_the_bias_away_and_leave_what_is_there() -> None:
    random = np.random.default_rng(0)
    n, states = 2000, 100
    factor = random.integers(0, 15, size=n)
    labels = np.stack([random.integers(0, states, size=n), factor * 6 + random.integers(0, 6, size=n)], axis=1)
    plain = counted_information(labels, [factor], "plug-in", CPU)[0]
    assert plain[0, 0] == pytest.approx((states - 1) * 14 / (2 * n), rel=0.15)
    corrected = counted_information(labels, [factor], "permutation", CPU)[0]
    assert corrected[0, 0] < 0.02  # it is at least 0, and the bias of this draw was below the expectation
    shuffled = [counted_information(labels, [random.permutation(factor)], "plug-in", CPU)[0] for _ in range(30)]
    assert (plain - corrected)[1, 0] == pytest.approx(np.mean(shuffled, axis=0)[1, 0], abs=0.005)
    miller = counted_information(labels, [factor], "miller-madow", CPU)[0]
    assert miller[0, 0] < plain[0, 0] / 2
    assert miller[1, 0] == pytest.approx(np.log(15), abs=0.01)


def test_miller_and_madow_by_hand() -> None:
    # Two fair binary variables, all four cells: 0 + (1 + 1 − 3) / 2n is below 0 and becomes 0; a copy gains 1 / 2n.
    bits = np.array([0, 0, 1, 1] * 5)
    values, of_latents, _ = counted_information(np.stack([bits, bits[::2].repeat(2)], 1), [bits], "miller-madow", CPU)
    assert of_latents[0] == pytest.approx(np.log(2) + 1 / 40)
    assert values[0, 0] == pytest.approx(np.log(2) + 1 / 40)
    other = np.array([0, 1, 0, 1] * 5)
    assert counted_information(other[:, None], [bits], "miller-madow", CPU)[0][0, 0] == 0


def test_blocks_of_rows_and_of_latents_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    labels, factors = random.integers(0, 6, size=(300, 5)), [random.integers(0, k, size=300) for k in (3, 4)]
    whole = counted_information(labels, factors, "permutation", CPU)
    monkeypatch.setattr(counts, "_CHUNK", 50)
    monkeypatch.setattr(counts, "_TABLE", 1)
    for ours, theirs in zip(counted_information(labels, factors, "permutation", CPU), whole, strict=True):
        assert np.array_equal(ours, theirs)
