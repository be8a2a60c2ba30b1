"""Pairs: every (row, task) once in a random order, without holding the order in memory.

The order of M pairs is a pseudo-random bijection of 0..M-1: a Feistel network on as many bits as M - 1 has; a value
beyond M is sent through it again ("cycle walking", Black & Rogaway 2002). It costs a few operations a pair and no
memory, where a permutation of the 1.7 million pairs of superconduct would be held again in every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

_ROUNDS = 6  # even, so that the two halves end with the widths that they began with
_MULTIPLIER = 0x5851F42D4C957F2D  # of a linear congruential generator of 64 bits (Knuth's MMIX)
_TOGETHER = 2**16


def shuffled(count: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """0..count-1 in a random order, int64, in batches on the CPU.

    Args:
        count: M.
        size: of a batch; the last one may be shorter.
        generator: draws the keys of one order.
    """
    keys = torch.randint(0, 2**62, (_ROUNDS,), generator=generator).tolist()
    bits = max(2, (count - 1).bit_length())
    step = size * max(1, _TOGETHER // size)
    for start in range(0, count, step):
        numbers = _permuted(torch.arange(start, min(start + step, count)), bits, keys)
        outside = (numbers >= count).nonzero().flatten()
        while len(outside):
            numbers[outside] = _permuted(numbers[outside], bits, keys)
            outside = outside[numbers[outside] >= count]
        yield from torch.split(numbers, size)


def _permuted(numbers: torch.Tensor, bits: int, keys: list[int]) -> torch.Tensor:
    """A bijection of 0..2^bits - 1: in each round the halves change places, and one is scrambled by the other."""
    right_bits = bits // 2
    left_bits = bits - right_bits
    left, right = numbers >> right_bits, numbers & ((1 << right_bits) - 1)
    for key in keys:
        mixed = (right + key) * _MULTIPLIER
        mixed = (mixed ^ (mixed >> 29)) * _MULTIPLIER
        left, right = right, left ^ ((mixed >> (63 - left_bits)) & ((1 << left_bits) - 1))
        left_bits, right_bits = right_bits, left_bits
    return (left << right_bits) | right
