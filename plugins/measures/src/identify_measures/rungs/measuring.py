"""Measuring: one pass to fit the maps of every rung in both directions, one pass to judge them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch

from identify_measures.inputs import RANK_TOLERANCE
from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.fitting import Fits, Ranked, choose_rungs, fit_maps
from identify_measures.rungs.inclusion import Best, best_of_class
from identify_measures.rungs.maps import Map
from identify_measures.rungs.moments import Moments, MomentsAccumulator
from identify_measures.rungs.monotone import rank_correlation
from identify_measures.rungs.reading import Rows, dtype_of, gather, read_pairs
from identify_measures.rungs.residuals import Direction, Judged, Residual, judge, residual
from identify_measures.rungs.splitting import Split, sample_rows

_FEW_ROWS = 15  # normal latents of one column have a third of the rows, exponential ones a ninth
_FEW_ROWS_FROM = 60
_UNEXPLAINED = 0.5
_EPSILON = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24}
_NOISE_SHARE = 0.1


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """Residuals of every rung in both directions.

    Args:
        forward: rung to residual of the best map found from x to y, the maps of classes within included.
        backward: from y to x.
        own: rung to residual of the class's own fit, the worse of both directions.
        through: rung to the class within whose map is the better one, in the worse direction, where one is.
        translated: the larger of both, with a translation, of the rungs that have none.
        ranks: numerical ranks of x and y over the fit part; empty where nothing needed them.
        unexplained: rung to the columns, of y or of x, of which its map leaves more than half of the variance.
        remarks: what about the data or the fits could mislead.
    """

    forward: Mapping[str, Residual]
    backward: Mapping[str, Residual]
    own: Mapping[str, Residual]
    through: Mapping[str, str]
    translated: Mapping[str, Residual]
    ranks: tuple[int, ...]
    unexplained: Mapping[str, int]
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


def measure(
    x: Rows,
    y: Rows,
    split: Split | None,
    options: LadderOptions,
    *,
    seed: int,
    device: torch.device,
    control: bool = False,
) -> Measured:
    """Fit every rung on one part of the rows, in both directions, and judge on the other.

    Args:
        x: the first representation.
        y: the second; where it is the same object as the first, one direction stands for both.
        split: which rows are fitted on; None where there are too few distinct ones, and nothing is known then.
        options: of the ladder.
        seed: of the rows that ranks are found from.
        device: where matrix products are made.
        control: whether residuals are all that is asked for, not what else might be said of the pair.

    Raises:
        InputError: the values are not finite real numbers.
    """
    if split is None:
        return _unknown(choose_rungs(options)[0])
    dtypes = dtype_of(x), dtype_of(y)
    moments = _moments(x, y, split, device)
    there, back = _fit(x, y, split, moments, dtypes, options, seed, translated=not control)
    judged = judge(
        x,
        y,
        split,
        (
            Direction(maps=_all(there), mean=moments.mean_y, constant=moments.constant_y, backward=False),
            Direction(maps=_all(back), mean=moments.mean_x, constant=moments.constant_x, backward=True),
        )[: 1 if x is y else 2],
        device,
    )
    forward, *other = [
        {name: residual(errors, each.total, options.level) for name, errors in each.errors.items()} for each in judged
    ]
    backward = other[0] if other else forward
    best = [best_of_class({name: each[name] for name in there.maps}) for each in (forward, *other)]
    remarks = (
        ()
        if control
        else (
            *_data_remarks(x, moments, dtypes[0], options.tolerance),
            *_data_remarks(y, moments.swapped(), dtypes[1], options.tolerance),
            *(text for each in judged for text in _heavy_tails(each, int((~split.fitted).sum()))),
            *there.remarks,
            *back.remarks,
        )
    )
    return Measured(
        forward={name: each.residual for name, each in best[0].items()},
        backward={name: each.residual for name, each in best[-1].items()},
        own={name: worse_of(forward[name], backward[name]) for name in there.maps},
        through=_through(best[0], best[-1]),
        translated={name: worse_of(forward[f"+{name}"], backward[f"+{name}"]) for name in there.translated},
        ranks=() if there.rank is None or back.rank is None else (there.rank, back.rank),
        unexplained={
            name: max(_unexplained(each, found[name].of) for each, found in zip(judged, best, strict=True))
            for name in there.maps
        },
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _unknown(rungs: Sequence[str]) -> Measured:
    nothing = dict.fromkeys(rungs, Residual(value=math.nan, low=math.nan, high=math.nan))
    return Measured(
        forward=nothing,
        backward=nothing,
        own=nothing,
        through={},
        translated={},
        ranks=(),
        unexplained=dict.fromkeys(rungs, 0),
        remarks=(),
    )


def _through(forward: Mapping[str, Best], backward: Mapping[str, Best]) -> dict[str, str]:
    """The class within whose map serves a class in its worse direction."""
    worse = {
        name: max(forward[name], backward[name], key=lambda each: (each.residual.high, each.residual.value))
        for name in forward
    }
    return {name: each.of for name, each in worse.items() if each.of != name}


def _fit(
    x: Rows,
    y: Rows,
    split: Split,
    moments: Moments,
    dtypes: tuple[str, str],
    options: LadderOptions,
    seed: int,
    *,
    translated: bool,
) -> tuple[Fits, Fits]:
    """The maps from x to y and those from y to x."""
    rungs, _ = choose_rungs(options)
    ranked = None
    if "permutation-monotone" in rungs:
        first, second = gather(x, y, sample_rows(split.fitted, options.monotone_rows, seed=seed, places=split.places))
        a, b = first.values.numpy(), second.values.numpy()
        ranked = Ranked(x=a, y=b, correlation=rank_correlation(a, b))
    there = fit_maps(
        rungs, moments, ranked, options, rank_tolerance=rank_tolerance_of(dtypes[0]), translated=translated
    )
    if x is y:
        return there, there
    turned = ranked.swapped() if ranked is not None else None
    back = fit_maps(
        rungs, moments.swapped(), turned, options, rank_tolerance=rank_tolerance_of(dtypes[1]), translated=translated
    )
    return there, back


def _moments(x: Rows, y: Rows, split: Split, device: torch.device) -> Moments:
    accumulator = MomentsAccumulator((x.shape[1], y.shape[1]), device)
    for span, first, second in read_pairs(x, y, device):
        mask = torch.from_numpy(split.fitted[span]).to(device)
        accumulator.add(first[mask], second[mask])
    return accumulator.finish()


def _all(fits: Fits) -> dict[str, Map]:
    return {**fits.maps, **{f"+{name}": each for name, each in fits.translated.items()}}


def rank_tolerance_of(dtype: str) -> float:
    """Up to which part of its spread a column of data of this type counts as determined by the others."""
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
            f"the means of {x.label} are so large next to its spread that rounding to {dtype} is "
            f"{noise / spread:.1g} of the variance"
        )


def _heavy_tails(judged: Judged, held: int) -> Iterator[str]:
    if held >= _FEW_ROWS_FROM and 0 < judged.rows < held / _FEW_ROWS:
        yield "heavy tails: most of the variance lies in less than a tenth of the rows, and residuals rest on them"


def _unexplained(judged: Judged, name: str) -> int:
    """Columns of which less than half of the variance is explained."""
    varying = judged.column_total > 0
    return int((judged.column_errors[name][varying] > _UNEXPLAINED * judged.column_total[varying]).sum())


def _duplicates(factor: torch.Tensor) -> int:
    """How many columns are, about their means, multiples of an earlier one."""
    sizes = factor.square().sum(dim=0).sqrt()
    unit = factor[:, sizes > 0] / sizes[sizes > 0]
    if unit.shape[1] < 2 or factor.shape[0] < 2:
        return 0
    alike = (unit.T @ unit).abs().cpu().numpy() > 1 - 1e-12
    return int(np.triu(alike, 1).any(axis=0).sum())
