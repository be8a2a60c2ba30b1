"""Pairs: every number once, in an order that depends on the generator and on nothing else."""

from __future__ import annotations

import pytest
import torch

from identify_mtlcm.causal.pairs import shuffled


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 1000, 70_001])
@pytest.mark.parametrize("size", [1, 13, 1024])
def test_every_number_comes_once_in_batches(count: int, size: int) -> None:
    if count > 1000 and size == 1:
        pytest.skip("one number a batch says nothing more on many numbers")
    batches = list(shuffled(count, size, torch.Generator().manual_seed(count)))
    assert [len(each) for each in batches] == [size] * (count // size) + ([count % size] if count % size else [])
    assert torch.cat(batches).sort().values.tolist() == list(range(count))


def test_orders_differ_and_are_repeatable() -> None:
    stream = torch.Generator().manual_seed(0)
    first, second = (torch.cat(list(shuffled(500, 50, stream))) for _ in range(2))
    again = torch.cat(list(shuffled(500, 50, torch.Generator().manual_seed(0))))
    assert first.tolist() == again.tolist()
    assert int((first == second).sum()) < 10


@pytest.mark.parametrize("count", [1 << 12, 5000])
def test_the_order_is_like_that_of_a_random_permutation(count: int) -> None:
    """Places, successive numbers and residues modulo 81 are uncorrelated: each within four standard errors."""
    stream = torch.Generator().manual_seed(3)
    for _ in range(5):
        order = torch.cat(list(shuffled(count, 512, stream))).double()
        place = torch.arange(count, dtype=torch.float64)
        for first, second in (
            (order, place),
            (order[1:], order[:-1]),
            (order % 81, place % 81),
            (order % 2, place % 2),
        ):
            assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 4 / count**0.5
