"""Ranks: average ranks by sorting keys that carry their own index, several times faster than an argsort."""

from __future__ import annotations

import numpy as np
import torch

_REPAIRS = 8
_DROPPED = 16
FEW_TIES = 0.01
"""Part of the spread of ranks up to which ties are not worth a word."""
_ELEMENTS = 1 << 18  # values ranked at a time, about what a cache holds


def average_ranks(values: torch.Tensor) -> torch.Tensor:
    """Ranks from 1 within each column, ties sharing their mean rank.

    Args:
        values: shape (n, d), finite.

    Returns:
        float64, shape (n, d), on the device of the values.
    """
    device = values.device
    if device.type not in ("cpu", "cuda"):
        return average_ranks(values.cpu()).to(device=device, dtype=torch.float32)
    step = max(1, _ELEMENTS // len(values))
    parts = [_column_ranks(values[:, i : i + step]) for i in range(0, values.shape[1], step)]
    return torch.cat(parts).T


def tied_part(squares: torch.Tensor, n: int) -> torch.Tensor:
    """What ties take of the spread of ranks, Σ (t³ − t) / (n³ − n) over groups of t: 0 without ties, 1 where all tie.

    Args:
        squares: sums of the squares of centred ranks.
        n: how many are ranked.
    """
    return 1 - squares * (12 / (float(n) * (float(n) ** 2 - 1)))


def rank_dissimilarities(values: torch.Tensor) -> torch.Tensor:
    """Average ranks of non-negative numbers, where what differs in its last digits alone is tied.

    Equal dissimilarities come out of a matrix product unequal in their last digits. What counts is the first 36 of 52
    binary digits (2e-11 of each value), and fewer where the indices of very many of them need the bits: 32 digits for
    a million, 27 for fifty million, where neighbours in rank are as close as that.

    Args:
        values: float64, shape (N,), none negative.

    Returns:
        float64, shape (N,), ranks from 1.
    """
    bits = max(1, (len(values) - 1).bit_length())
    # The bit patterns of non-negative floats are ordered as the floats are, and fill 63 bits.
    dropped = max(_DROPPED, bits)
    # Rounded and not cut: whole numbers, the commonest ties, would stand at the edge of what is the same.
    keys = values.contiguous().view(torch.int64) + (1 << (dropped - 1))
    order, sorted_keys = _order(keys.bitwise_right_shift_(dropped), bits)
    return _spread(order, sorted_keys[1:] != sorted_keys[:-1])


def _column_ranks(values: torch.Tensor) -> torch.Tensor:
    """Ranks of some columns, shape (d, n)."""
    columns = values.detach().T.to(torch.float64).contiguous() + 0.0  # adding zero makes -0 and 0 the same bits
    d, n = columns.shape
    mask = (1 << max(1, (n - 1).bit_length())) - 1
    keys = columns.view(torch.int64)
    # Negative floats are ordered backwards by their bits.
    packed = ((keys >> 63) & torch.iinfo(torch.int64).max).bitwise_xor_(keys)
    packed = packed.bitwise_and_(~mask).bitwise_or_(torch.arange(n, device=keys.device))
    order = _sorted(packed).bitwise_and_(mask)
    ordered = columns.gather(1, order)
    ranks = torch.empty_like(columns)
    ranks.scatter_(1, order, torch.arange(1, n + 1, dtype=torch.float64, device=keys.device).expand(d, n))
    # Where the dropped bits mattered, or values are tied, a column is put right by itself.
    for each in torch.nonzero((ordered[:, 1:] <= ordered[:, :-1]).any(1)).flatten().tolist():
        column = columns[each]
        repaired = _repaired(column, order[each])
        ordered_column = column[repaired]
        ranks[each] = _spread(repaired, ordered_column[1:] != ordered_column[:-1])
    return ranks


def _sorted(keys: torch.Tensor) -> torch.Tensor:
    """Sort along the last dimension, in place where numpy can, whose sort is vectorised."""
    if keys.device.type == "cpu":
        keys.numpy().sort(axis=-1)
        return keys
    return keys.sort(dim=-1).values


def _order(keys: torch.Tensor, bits: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sort keys, which are overwritten, with the index in the low bits; the order, and the sorted keys."""
    packed = keys.bitwise_left_shift_(bits).bitwise_or_(torch.arange(len(keys), device=keys.device))
    packed = _sorted(packed)
    sorted_keys = packed >> bits
    return packed.bitwise_and_((1 << bits) - 1), sorted_keys


def _repaired(column: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """Put right what fell together when low bits of the keys were dropped: a few neighbours, or else sort again."""
    for _ in range(_REPAIRS):
        ordered = column[order]
        wrong = torch.nonzero(ordered[1:] < ordered[:-1]).flatten()
        if not len(wrong):
            return order
        lone = torch.ones_like(wrong, dtype=torch.bool)
        lone[1:] = wrong[1:] > wrong[:-1] + 1
        swap = wrong[lone]
        order[swap], order[swap + 1] = order[swap + 1].clone(), order[swap].clone()
    if column.device.type == "cpu":
        return torch.from_numpy(np.argsort(column.numpy(), kind="stable"))
    return column.argsort(stable=True)


def _spread(order: torch.Tensor, differs: torch.Tensor) -> torch.Tensor:
    """Average ranks at their places, from the order and from where a sorted value differs from the one before."""
    n = len(order)
    ordered = torch.arange(1, n + 1, dtype=torch.float64, device=order.device)
    tied = torch.nonzero(~differs).flatten()
    if len(tied):
        # Runs of places that are tied with the next one; a run's last sample comes after its last such place.
        begins = torch.ones_like(tied, dtype=torch.bool)
        begins[1:] = tied[1:] != tied[:-1] + 1
        starts = tied[begins]
        stops = tied[torch.cat([begins[1:], begins.new_ones(1)])] + 1
        means = ((starts + stops).to(torch.float64) / 2 + 1)[begins.cumsum(0) - 1]
        ordered[tied] = means
        ordered[tied + 1] = means
    return torch.empty_like(ordered).scatter_(0, order, ordered)
