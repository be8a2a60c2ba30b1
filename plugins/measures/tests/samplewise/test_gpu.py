"""On a GPU the same numbers as on the CPU."""

from __future__ import annotations

import pytest
import torch

import identify_measures as measures

from .reference import pair

pytestmark = pytest.mark.gpu

NAMES = (
    "rbf_cka",
    "distance_correlation",
    "rsa",
    "mutual_knn",
    "jaccard",
    "cknna",
    "spearman_mcc",
    "permutation_metric",
    "permutation_distance",
    "hard_match",
    "soft_match",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_device_does_not_matter(name: str, dtype: torch.dtype) -> None:
    x, y = (torch.from_numpy(each).to(dtype) for each in pair(n=700, p=20, q=12))
    function = getattr(measures, name)
    here, there = function(x, y), function(x.cuda(), y.cuda())
    # A neighbour that rounding swaps changes one of 700 × 10 shared ones.
    loose = name in ("mutual_knn", "jaccard", "cknna") and dtype == torch.float32
    assert there.value == pytest.approx(here.value, abs=2e-3 if loose else 1e-6 if dtype == torch.float32 else 1e-10)


def test_minibatches_and_intervals() -> None:
    x, y = (torch.from_numpy(each) for each in pair(n=700))
    here, there = (measures.minibatch_cka(a, b, batch=64, interval=True) for a, b in ((x, y), (x.cuda(), y.cuda())))
    assert here.interval is not None
    assert there.interval is not None
    assert there.value == pytest.approx(here.value, abs=1e-10)
    assert there.interval.low == pytest.approx(here.interval.low, abs=1e-8)
    for comparison in ("pearson", "cosine", "whitened-cosine", "kendall"):
        values = [measures.rsa(a, b, comparison=comparison).value for a, b in ((x, y), (x.cuda(), y.cuda()))]
        assert values[0] == pytest.approx(values[1], abs=1e-10)
    sampled = [measures.rsa(a, b, pairs=20_000, interval=True).value for a, b in ((x, y), (x.cuda(), y.cuda()))]
    assert sampled[0] == pytest.approx(sampled[1], abs=1e-10)
    held = [measures.spearman_mcc(a, b, fit=300, interval=True).value for a, b in ((x, y), (x.cuda(), y.cuda()))]
    assert held[0] == pytest.approx(held[1], abs=1e-10)
