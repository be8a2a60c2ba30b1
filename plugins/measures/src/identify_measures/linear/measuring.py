"""From a formula to a score: undefined values, warnings, intervals and chance, the same for the whole family."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import torch

from identify_core import ByRole, Chance, Interval, Score
from identify_measures import jackknife
from identify_measures.catalogue import measure as find_measure
from identify_measures.cautions import Traits, cautions
from identify_measures.options.linear import PairOptions
from identify_measures.scoring import score
from identify_measures.statistics.derived import Statistics, Subset
from identify_measures.statistics.rotated import RotatedRows

LEAST_BLOCKS = 8
WIDE = 96  # beyond it, factors of every block left out cost too much to be made without being asked for
_ENOUGH_ROWS = 100  # to say so of a few of them
_FEW = 0.02  # part of the rows below which variance is said to sit in a few of them


class Undefined(Exception):  # noqa: N818 - a value that does not exist, with its reason; not a failure
    """The measure has no value here."""


@attrs.frozen(kw_only=True)
class Gradient:
    """The derivative of a value by the scatters and the cross-products of a pair."""

    xx: torch.Tensor
    xy: torch.Tensor
    yy: torch.Tensor


Value = Callable[[Statistics, int, int, Subset | None, Any], float]


@attrs.frozen(kw_only=True)
class Formula:
    """A pair measure of the linear family.

    Args:
        name: in the catalogue.
        value: `(statistics, i, j, subset, options)` to the number; raises `Undefined` with the reason.
        estimator: the convention in words.
        chance: the expected value of unrelated representations in closed form, where there is one.
        gradient: the derivative, for intervals of wide representations, where there is one.
        cheap: whether leaving a block out needs no factorisation.
        whitens: whether it divides by variances, and so sees every direction: degenerate where rows are few.
        equilibrates: which of the two (0, 1) may have their columns scaled without changing the value, with these
            options; their columns are brought to like norms before numerical ranks are decided.
        warnings: what could mislead in this measure alone.
        invariant_to: where the options change what the catalogue says.
    """

    name: str
    value: Value
    estimator: Callable[[Any], str]
    chance: Callable[[Statistics, int, int, Any], Chance | None] = lambda statistics, i, j, options: None
    gradient: Callable[[Statistics, int, int, Any], Gradient | None] = lambda statistics, i, j, options: None
    cheap: bool = False
    whitens: bool = False
    equilibrates: Callable[[Any], tuple[int, ...]] = lambda options: ()
    warnings: Callable[[Statistics, int, int, Any], list[str]] = lambda statistics, i, j, options: []
    invariant_to: Callable[[Any], tuple[str, ...] | ByRole | None] = lambda options: None


def evaluate(formula: Formula, statistics: Statistics, i: int, j: int, options: PairOptions, *, seed: int = 0) -> Score:
    """The score of a pair.

    Args:
        formula: the measure.
        statistics: of both representations.
        i: the first.
        j: the second.
        options: the measure's own.
        seed: of the draws for chance.
    """
    statistics.read_pair(i, j)
    statistics = statistics.equilibrated((i, j)[side] for side in formula.equilibrates(options))
    warnings = [*statistics.notes, *_warnings(formula, statistics, i, j)]
    value, reason = _value_or_reason(formula, statistics, i, j, None, options)
    interval = None
    chance = None
    if not reason:
        warnings += formula.warnings(statistics, i, j, options)
        chance = _chance(formula, statistics, i, j, options, seed)
        if options.interval != "never":
            interval, note = _interval(formula, statistics, i, j, options, value)
            warnings += [note] if note else []
    x, y = statistics.members[i], statistics.members[j]
    return score(
        formula.name,
        value,
        n=statistics.rows(),
        widths=(x.width, y.width),
        dtype=x.dtype if x.dtype == y.dtype else f"{x.dtype} and {y.dtype}",
        estimator=formula.estimator(options),
        invariant_to=formula.invariant_to(options),
        ranks=(_rank(statistics, i), _rank(statistics, j)) if formula.whitens else (),
        interval=interval,
        chance=chance,
        warnings=warnings,
        reason=reason,
    )


def _value_or_reason(
    formula: Formula, statistics: Statistics, i: int, j: int, subset: Subset | None, options: Any
) -> tuple[float, str]:
    try:
        value = formula.value(statistics, i, j, subset, options)
    except Undefined as undefined:
        return math.nan, str(undefined)
    return (value, "") if math.isfinite(value) else (math.nan, "the numbers overflow: scale the representations")


def require_variance(statistics: Statistics, i: int, j: int, subset: Subset | None = None) -> None:
    """Refuse a pair of which one never varies.

    Raises:
        Undefined: all rows of one are the same.
    """
    for k in (i, j):
        if statistics.trace(k, subset) == 0.0:
            raise Undefined(f"all rows of {statistics.members[k].label} are the same")


def _warnings(formula: Formula, statistics: Statistics, i: int, j: int) -> list[str]:
    looked_for = formula.whitens or "constant latents" in find_measure(formula.name).touched_by
    traits = [
        Traits(label=each.label, width=each.width, constant=statistics.constant(k) if looked_for else 0)
        for k, each in ((k, statistics.members[k]) for k in (i, j))
    ]
    n = statistics.rows()
    found = cautions(formula.name, traits, n, statistics.distinct(i, j))
    for k, each in zip(dict.fromkeys((i, j)), traits, strict=False):
        heavy = statistics.heavy_rows(k) if n >= _ENOUGH_ROWS else math.inf
        if heavy < _FEW * n:
            found.append(f"most of the variance of {each.label} sits in about {heavy:.2g} of {n} rows")
        if formula.whitens:
            found += _rank_caution(_rank(statistics, k), each, n, statistics.members[k].tolerance)
    return found


def _rank(statistics: Statistics, i: int) -> int:
    """The numerical rank; 0 where all rows are the same, of which rounding leaves something."""
    return statistics.principal(i).rank if statistics.trace(i) > 0 else 0


def _rank_caution(rank: int, traits: Traits, n: int, tolerance: float) -> list[str]:
    label, varying = traits.label, traits.width - traits.constant
    if rank >= n - 1:
        return [f"{label} has as many independent columns as rows: it fits anything, {n} rows are too few"]
    if 0 < rank < varying:
        cut = f"singular values below {tolerance:g} of the largest count as 0"
        return [f"{label} has rank {rank} with {varying} columns that vary: {cut}; the value is about its column space"]
    return []


def _chance(formula: Formula, statistics: Statistics, i: int, j: int, options: PairOptions, seed: int) -> Chance | None:
    known = formula.chance(statistics, i, j, options)
    if options.chance_draws == 0 or getattr(options, "held_out", False):
        return known
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in range(options.chance_draws):
        rotated = RotatedRows(statistics, i, j, generator)
        value, reason = _value_or_reason(formula, rotated, 0, 1, None, options)
        drawn += [] if reason else [value]
    if not drawn:
        return known
    values = torch.tensor(drawn, dtype=torch.float64)
    deviation = float(values.std()) if len(drawn) > 1 else math.nan
    if known is not None:
        return attrs.evolve(known, deviation=deviation)
    return Chance(mean=float(values.mean()), deviation=deviation, method=f"{len(drawn)} random rotations of the rows")


def _interval(
    formula: Formula, statistics: Statistics, i: int, j: int, options: PairOptions, value: float
) -> tuple[Interval | None, str]:
    """The interval of a pair, or a remark where there is none that was asked for."""
    if i == j:
        return None, ""
    wide = max(statistics.members[i].width, statistics.members[j].width) > WIDE and not formula.cheap
    slope = formula.gradient(statistics, i, j, options) if wide and statistics.blocks >= LEAST_BLOCKS else None
    if slope is not None:
        left = _linearised(slope, statistics, i, j, value)
        return _around(value, left, formula.name, kept="to first order"), ""
    if wide and options.interval == "auto":
        return None, ""
    return leave_blocks_out(formula.value, statistics, i, j, options, value, name=formula.name)


def leave_blocks_out(
    formula: Value,
    statistics: Statistics,
    i: int,
    j: int,
    options: PairOptions,
    value: float,
    *,
    name: str,
) -> tuple[Interval | None, str]:
    """An interval from leaving out each block of rows, or a remark that says why there is none.

    Args:
        formula: the value over some of the blocks.
        statistics: of both representations.
        i: the first.
        j: the second.
        options: the measure's own.
        value: over all rows.
        name: the measure's, for its bounds.
    """
    blocks = statistics.blocks
    if blocks < LEAST_BLOCKS:
        return None, f"no interval: {blocks} blocks of rows are too few for a jackknife"
    left = []
    for block in range(blocks):
        subset = statistics.without(block)
        try:
            each = formula(statistics, i, j, subset, options)
        except Undefined as undefined:
            return None, f"no interval: {undefined} once a block of rows is left out"
        left.append(each)
    return _around(value, left, name), ""


def _around(value: float, left: list[float], name: str, kept: str = "") -> Interval | None:
    return jackknife.jackknife(value, left, find_measure(name).bounds, blocks="blocks of rows", kept=kept)


def _linearised(slope: Gradient, statistics: Statistics, i: int, j: int, value: float) -> list[float]:
    """Values without each block, from the derivative at all rows."""
    parts = []
    for block in range(statistics.blocks):
        share = sum(
            float((gradient * about_mean(statistics, a, b, block)).sum())
            for gradient, a, b in ((slope.xx, i, i), (slope.xy, i, j), (slope.yy, j, j))
        )
        parts.append(share)
    total = sum(parts)
    n = statistics.rows()
    return [
        value - (part - total * count / n) * n / (n - count)
        for part, count in zip(parts, statistics.counts, strict=True)
    ]


def about_mean(statistics: Statistics, i: int, j: int, block: int) -> torch.Tensor:
    """A block's products about the mean of all rows."""
    x, y = statistics.mean(i), statistics.mean(j)
    a, b = statistics.block_sums(i)[block], statistics.block_sums(j)[block]
    count = float(statistics.counts[block])
    return statistics.block_products(i, j, block) - torch.outer(a, y) - torch.outer(x, b - count * y)
