"""Ranks: average ranks by sorting keys that carry their own index, several times faster than an argsort."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch

_REPAIRS = 8
_DROPPED = 16
FEW_TIES = 0.01
"""Part of the spread of ranks up to which ties are not worth a word."""
_BELOW = 8  # of the 23 digits of a float32 that a bin does not see
_BINS = 1 << (31 - _BELOW)
_LARGEST = 3e38
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


class RankTable:
    """Average ranks of very many non-negative numbers that are not kept, to be looked up when they are seen again.

    Numbers are counted in bins of 15 binary digits, 3e-5 of a number, and share the mean rank of their bin. What that
    takes of the spread of ranks is `tied_part`, Σ t² over bins that hold a part t each: 1e-7 where the numbers
    spread over a tenth of their size.

    Args:
        parts: all numbers, float64, in parts of any shape; what differs in its last digits alone is tied.
    """

    def __init__(self, parts: Iterable[torch.Tensor]) -> None:
        self._scale = 0.0
        counts = torch.zeros(0, dtype=torch.int64)
        for part in parts:
            if not self._scale:
                counts = torch.zeros(_BINS, dtype=torch.int64, device=part.device)
                self._scale = 2.0 ** -math.frexp(float(part.max()))[1]
            keys = self._keys(part).flatten()
            counts.scatter_add_(0, keys, keys.new_ones(1).expand(len(keys)))
        ends = counts.cumsum(0)
        self.count = int(ends[-1])
        # A bin holds the ranks from ends − counts + 1 to ends.
        held = torch.nonzero(counts).flatten()
        self._first, last = int(held[0]), int(held[-1])
        counts, ends = (each[self._first : last + 1].to(torch.float64) for each in (counts, ends))
        self._ranks = ends - (counts + self.count) / 2
        self.squares = (self._ranks.square() * counts).sum()

    def _keys(self, values: torch.Tensor) -> torch.Tensor:
        # The bit patterns of non-negative floats are ordered as the floats are. Rounded: see `rank_dissimilarities`.
        bits = (values * self._scale).clamp_max_(_LARGEST).to(torch.float32).view(torch.int32)
        return bits.add_(1 << (_BELOW - 1)).bitwise_right_shift_(_BELOW).to(torch.int64)

    def ranks(self, values: torch.Tensor) -> torch.Tensor:
        """Ranks less their mean, float64, in the shape of the values."""
        return self._ranks[self._keys(values) - self._first]


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
