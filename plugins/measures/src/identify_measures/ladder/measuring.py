"""Measuring: one pass to fit the maps of every rung in both directions, one pass to judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs
import numpy as np
import torch

from identify_measures.inputs import RANK_TOLERANCE
from identify_measures.ladder.fitting import Fits, Ranked, choose_rungs, fit_maps
from identify_measures.ladder.maps import Map
from identify_measures.ladder.moments import Moments, MomentsAccumulator
from identify_measures.ladder.monotone import rank_correlation
from identify_measures.ladder.reading import Rows, dtype_of, gather, read_pairs
from identify_measures.ladder.residuals import Direction, Residual, judge, residual
from identify_measures.ladder.splitting import Split, sample_rows
from identify_measures.options.ladder import LadderOptions

_HEAVY = 0.1
_HEAVY_ROWS = 20
_EPSILON = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24}
_NOISE_SHARE = 0.1


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """Residuals of every rung in both directions.

    Args:
        forward: rung to residual of the best map from x to y.
        backward: from y to x.
        translated: the larger of both, with a translation, of the rungs that have none.
        ranks: numerical ranks of x and y over the fit part; empty where nothing needed them.
        remarks: what about the data or the fits could mislead.
    """

    forward: Mapping[str, Residual]
    backward: Mapping[str, Residual]
    translated: Mapping[str, Residual]
    ranks: tuple[int, ...]
    remarks: tuple[str, ...]

    def worse(self) -> dict[str, Residual]:
        """Rung to residual of the pair: an equivalence has to hold in both directions."""
        return {name: worse_of(self.forward[name], self.backward[name]) for name in self.forward}


def worse_of(first: Residual, second: Residual) -> Residual:
    """The larger value with the larger ends; NaN if one is."""
    if first.value != first.value or second.value != second.value:
        return first if first.value != first.value else second
    return Residual(
        value=max(first.value, second.value), low=max(first.low, second.low), high=max(first.high, second.high)
    )


def measure(x: Rows, y: Rows, split: Split, options: LadderOptions, *, seed: int, device: torch.device) -> Measured:
    """Fit every rung on one part of the rows, in both directions, and judge on the other.

    Raises:
        InputError: the values are no finite real numbers.
    """
    rungs, _ = choose_rungs(options)
    moments = _moments(x, y, split, device)
    ranked = None
    if "permutation-monotone" in rungs:
        first, second = gather(x, y, sample_rows(split.fitted, options.monotone_rows, seed=seed))
        a, b = first.values.numpy(), second.values.numpy()
        ranked = Ranked(x=a, y=b, correlation=rank_correlation(a, b))
    dtypes = dtype_of(x), dtype_of(y)
    forward = fit_maps(rungs, moments, ranked, options, rank_tolerance=_rank_tolerance(dtypes[0]))
    backward = fit_maps(
        rungs,
        moments.swapped(),
        ranked.swapped() if ranked else None,
        options,
        rank_tolerance=_rank_tolerance(dtypes[1]),
    )
    judged = judge(
        x,
        y,
        split,
        (
            Direction(maps=_all(forward), mean=moments.mean_y, constant=moments.constant_y, backward=False),
            Direction(maps=_all(backward), mean=moments.mean_x, constant=moments.constant_x, backward=True),
        ),
        device,
    )
    there, back = (
        {name: residual(errors, each.total, options.level) for name, errors in each.errors.items()} for each in judged
    )
    held = split.n - split.fit_count
    heavy = any(each.heaviest > max(_HEAVY, _HEAVY_ROWS / held) for each in judged)
    return Measured(
        forward={name: there[name] for name in forward.maps},
        backward={name: back[name] for name in backward.maps},
        translated={name: worse_of(there[f"+{name}"], back[f"+{name}"]) for name in forward.translated},
        ranks=() if forward.rank is None or backward.rank is None else (forward.rank, backward.rank),
        remarks=tuple(
            dict.fromkeys(
                (
                    *_data_remarks(x, moments, dtypes[0], options.tolerance),
                    *_data_remarks(y, moments.swapped(), dtypes[1], options.tolerance),
                    *(("a few rows hold much of the variance: residuals rest on them",) if heavy else ()),
                    *forward.remarks,
                    *backward.remarks,
                )
            )
        ),
    )


def _moments(x: Rows, y: Rows, split: Split, device: torch.device) -> Moments:
    accumulator = MomentsAccumulator((x.shape[1], y.shape[1]), device)
    for span, first, second in read_pairs(x, y, device):
        mask = torch.from_numpy(split.fitted[span]).to(device)
        accumulator.add(first[mask], second[mask])
    return accumulator.finish()


def _all(fits: Fits) -> dict[str, Map]:
    return {**fits.maps, **{f"+{name}": each for name, each in fits.translated.items()}}


def _rank_tolerance(dtype: str) -> float:
    return RANK_TOLERANCE[torch.float32 if dtype in _EPSILON else torch.float64]


def _data_remarks(x: Rows, moments: Moments, dtype: str, tolerance: float) -> Iterator[str]:
    """What about one representation a reader has to know."""
    d = x.shape[1]
    constant = int(moments.constant_x.sum())
    if constant:
        yield f"{constant} of {d} columns of {x.label} are constant"
    twins = _duplicates(moments.x[1:])
    if twins:
        yield f"{twins} of {d} columns of {x.label} repeat another up to scale: which is which is not determined"
    spread = float(moments.x[1:].square().sum()) / moments.count
    noise = float((moments.mean_x * _EPSILON.get(dtype, 0.0)).square().sum()) / 3
    if spread > 0 and noise > _NOISE_SHARE * tolerance * spread:
        yield (
            f"the means of {x.label} are so large beside its spread that rounding to {dtype} is "
            f"{noise / spread:.1g} of the variance"
        )


def _duplicates(factor: torch.Tensor) -> int:
    """How many columns are, about their means, multiples of an earlier one."""
    sizes = factor.square().sum(dim=0).sqrt()
    unit = factor[:, sizes > 0] / sizes[sizes > 0]
    if unit.shape[1] < 2 or factor.shape[0] < 2:
        return 0
    alike = (unit.T @ unit).abs().cpu().numpy() > 1 - 1e-12
    return int(np.triu(alike, 1).any(axis=0).sum())
