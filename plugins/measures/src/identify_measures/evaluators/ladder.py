"""The ladder as an evaluator of pairs of stored representations."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from identify_core import Context, Cost, Representation, Subject, UsageError, Verdict, Work
from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.reading import block_rows
from identify_measures.rungs.splitting import LEAST_ROWS, places_of
from identify_measures.rungs.verdict import Side, judge_pair, measure_itself

_FACTORISATIONS = 60.0  # multiply-adds of all SVDs and least squares of a pair, in units of the cube of the width
_HASHING = 5.0  # operations for each value, to tell which rows are equal
_MAPS = 10  # dense maps that are applied to the held-out rows, both directions together


class Controls:
    """What the ladder finds of each representation and itself, made when first asked for."""

    def __init__(self, representations: Sequence[Representation]) -> None:
        self.representations = tuple(representations)
        self._made: dict[tuple[int, LadderOptions, int, str], Side] = {}

    def of(self, index: int, options: LadderOptions, *, seed: int, device: torch.device) -> Side:
        """One representation, with the residuals of it and itself."""
        key = (index, options, seed, str(device))
        if key not in self._made:
            x = self.representations[index]
            self._made[key] = measure_itself(x, options, seed=seed, device=device, places=places_of(x.ids))
        return self._made[key]


def prepare(representations: Sequence[Representation], context: Context) -> Controls:
    """Share the controls that belong to one representation among its pairs."""
    return Controls(representations)


def ladder(options: LadderOptions, subject: Subject, context: Context) -> Verdict:
    """The verdict on a pair.

    Raises:
        UsageError: there are fewer than four rows.
        InputError: values are not finite real numbers.
    """
    x, y = subject.representations
    if x.shape[0] < LEAST_ROWS:
        raise UsageError(f"{x.label} has {x.shape[0]} rows; the ladder needs at least {LEAST_ROWS}")
    controls = subject.prepared if isinstance(subject.prepared, Controls) else Controls((x, y))
    i, j = subject.indices if isinstance(subject.prepared, Controls) else (0, 1)
    seed = context.streams.derive("ladder")
    device = context.device if context.device.type != "mps" else torch.device("cpu")
    first, second = (controls.of(index, options, seed=seed, device=device) for index in (i, j))
    return judge_pair(first, second, options, seed=seed, device=device)


def estimate(options: LadderOptions, sizes: Sequence[tuple[int, int]]) -> Cost:
    """What the ladder costs: a QR factorisation and the judging of each pair and of its shuffled control."""
    memory = reads = 0.0
    work = Work()
    for i, (n, d) in enumerate(sizes):
        work += Work(elements=_HASHING * n * d)
        reads += 8.0 * n * d
        for _, e in sizes[i:]:
            width = d + e
            fit = options.fit_fraction * n
            once = 2 * fit * width * min(width, fit) + (n - fit) * _MAPS * d * e
            once += _FACTORISATIONS * min(d, fit) * min(e, fit) * max(d, e)
            work += Work(operations=2 * once, elements=125.0 * n * width, calls=1500)
            ranked = min(options.monotone_rows, fit)
            memory = max(memory, 8.0 * width * (4 * block_rows(width) + 6 * width + 3 * ranked))
            reads += 4 * 8.0 * n * width
    return Cost(work=work, bytes=memory, reads=reads)
