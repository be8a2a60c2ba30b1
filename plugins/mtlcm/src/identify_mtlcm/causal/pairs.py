"""Pairs: every (row, task) once in a random order, without holding the order in memory.

The order of M pairs is a pseudo-random bijection of 0..M-1: a Feistel network on the next even number of bits whose
values beyond M are sent through it again ("cycle walking", Black & Rogaway 2002). It costs a few operations a pair and
no memory, where a permutation of the 1.7 million pairs of superconduct would be held anew in every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

_ROUNDS = 6
_MULTIPLIER = 0x5851F42D4C957F2D  # of a linear congruential generator of 64 bits (Knuth's MMIX)


def shuffled(count: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """0..count-1 in a random order, int64, in batches on the CPU.

    Args:
        count: M.
        size: of a batch; the last one may be shorter.
        generator: draws the keys of one order.
    """
    keys = torch.randint(0, 2**62, (_ROUNDS,), generator=generator)
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    for start in range(0, count, size):
        numbers = _permuted(torch.arange(start, min(start + size, count)), half, keys)
        outside = numbers >= count
        while bool(outside.any()):
            numbers[outside] = _permuted(numbers[outside], half, keys)
            outside = numbers >= count
        yield numbers


def _permuted(numbers: torch.Tensor, half: int, keys: torch.Tensor) -> torch.Tensor:
    mask = (1 << half) - 1
    left, right = numbers >> half, numbers & mask
    for key in keys:
        mixed = (right + key) * _MULTIPLIER
        mixed = (mixed ^ (mixed >> 29)) * _MULTIPLIER
        left, right = right, left ^ ((mixed >> (63 - half)) & mask)
    return (left << half) | right
