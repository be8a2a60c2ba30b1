"""The verdict: residuals of every rung, the lowest that pass, and what a reader has to know before believing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch

from identify_core import Chance, Interval, Score, Verdict, lowest
from identify_measures.inputs import paired
from identify_measures.options.ladder import LadderOptions
from identify_measures.repeats import caution, count_groups, groups_of
from identify_measures.rungs.cautions import cautions
from identify_measures.rungs.controls import Shuffled, identity_control, measure_shuffled
from identify_measures.rungs.fitting import METHODS, choose_rungs
from identify_measures.rungs.measuring import Measured, measure, rank_tolerance_of
from identify_measures.rungs.reading import HeldRows, Rows, dtype_of, fingerprint
from identify_measures.rungs.residuals import Residual
from identify_measures.rungs.splitting import LEAST_ROWS, Places, Split, split_rows

INVARIANT_TO: Mapping[str, tuple[str, ...]] = {
    "identity": (),
    "permutation": ("permutation",),
    "signed-permutation": ("signed-permutation",),
    "permutation-positive-scaling": ("permutation",),
    "permutation-scaling": ("signed-permutation",),
    "permutation-monotone": ("signed-permutation",),
    "orthogonal": ("orthogonal",),
    "similarity": ("similarity",),
    "linear": ("orthogonal",),
    "affine": ("similarity",),
    "lipschitz": ("orthogonal",),
}
"""Under which rungs the residual of each rung does not change, whichever representation is transformed.

A class larger than the isometries carries the source along, but it also weighs the columns of the target otherwise.
"""

_NOT_VARYING = "a representation does not vary over the rows that judge: there is nothing to explain"


def equivalence_ladder(x: Any, y: Any, options: LadderOptions | None = None, *, seed: int = 0) -> Verdict:
    """How far up the equivalence ladder one has to go to carry one representation onto the other.

    Args:
        x: (n, d), rows are samples; numpy or torch.
        y: (n, e), the same samples.
        options: what to fit and how to judge; by default every rung that latents alone can decide.
        seed: of the split and of the shuffled control.

    Raises:
        InputError: the arrays cannot be taken, have different numbers of rows, or fewer than four.

    Example:
        >>> from identify_measures import equivalence_ladder
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> equivalence_ladder(x, 2 * x[:, [1, 2, 0]]).lowest
        ('permutation-positive-scaling', 'similarity')
    """
    first, second = paired(x, y, least_rows=LEAST_ROWS)
    chosen = options or LadderOptions()
    device = first.values.device if first.values.device.type != "mps" else torch.device("cpu")
    sides = tuple(measure_itself(HeldRows.of(each), chosen, seed=seed, device=device) for each in (first, second))
    return judge_pair(sides[0], sides[1], chosen, seed=seed, device=device)


@attrs.frozen(kw_only=True, eq=False)
class Side:
    """One representation of a pair, with what belongs to it alone.

    Args:
        rows: its rows.
        fingerprint: a number for each row, equal where rows are; None where all rows differ.
        itself: the residuals of it and itself.
        places: of `places_of` the samples' ids.
    """

    rows: Rows
    fingerprint: torch.Tensor | None
    itself: Measured
    places: Places | None = None


def measure_itself(
    x: Rows, options: LadderOptions, *, seed: int, device: torch.device, places: Places | None = None
) -> Side:
    """A representation with the residuals of it and itself: a control, made once for each representation."""
    printed = fingerprint(x)
    split = _split(x, groups_of([printed]), options, seed, places)
    measured = measure(x, x, split, options, seed=seed, device=device)
    return Side(rows=x, fingerprint=printed, itself=measured, places=places)


def judge_pair(first: Side, second: Side, options: LadderOptions, *, seed: int, device: torch.device) -> Verdict:
    """The verdict on two representations whose rows are the same samples.

    Args:
        first: of `measure_itself`.
        second: the same object for a representation and itself.
        options: of the ladder.
        seed: of the split and of the shuffled control.
        device: where matrix products are made; it must know float64.
    """
    _, left_out = choose_rungs(options)
    x, y = first.rows, second.rows
    groups = groups_of((first.fingerprint, second.fingerprint))
    split = _split(x, groups, options, seed, first.places)
    measured = first.itself if first is second else measure(x, y, split, options, seed=seed, device=device)
    shuffled = measure_shuffled(x, y, options, seed=seed, device=device, places=first.places)
    identity = identity_control(first.itself, second.itself)
    facts = _Facts(
        rows=x.shape[0],
        n=count_groups(groups, x.shape[0]),
        fit=split.fit_count if split else 0,
        blocks=split.blocks if split else 0,
        widths=(x.shape[1], y.shape[1]),
        ranks=measured.ranks,
        dtype=_dtypes(x, y),
        cut=_cut(x, y),
        options=options,
        seed=seed,
    )
    pair = measured.worse()
    passed = [name for name, each in pair.items() if each.high <= options.tolerance]
    return Verdict(
        residuals={name: _score(name, each, facts, shuffled) for name, each in pair.items()},
        tolerance=options.tolerance,
        lowest=lowest(passed),
        controls={
            "identity": {name: _score(name, each, facts) for name, each in identity.items()},
            "shuffled": {
                name: _score(name, each, attrs.evolve(facts, n=shuffled.rows, rows=shuffled.rows))
                for name, each in shuffled.residuals.items()
            },
        },
        directions={
            "forward": {name: _score(name, each, facts) for name, each in measured.forward.items()},
            "backward": {name: _score(name, each, facts) for name, each in measured.backward.items()},
        },
        left_out=left_out,
        warnings=(
            *caution(count_groups(groups, facts.rows), facts.rows, (x.label, y.label)),
            *cautions(measured, identity, shuffled.residuals, tolerance=options.tolerance, fit_rows=facts.fit),
        ),
    )


def _split(
    x: Rows, groups: torch.Tensor | None, options: LadderOptions, seed: int, places: Places | None
) -> Split | None:
    return split_rows(
        x.shape[0],
        fraction=options.fit_fraction,
        blocks=options.blocks,
        seed=seed,
        places=places,
        groups=groups,
    )


@attrs.frozen(kw_only=True)
class _Facts:
    rows: int
    n: int
    fit: int
    blocks: int
    widths: tuple[int, int]
    ranks: tuple[int, ...]
    dtype: str
    cut: str
    options: LadderOptions
    seed: int


def _rows(facts: _Facts) -> str:
    return "rows" if facts.n == facts.rows else "distinct rows, each counting as often as it comes"


def _reason(facts: _Facts) -> str:
    if facts.n >= LEAST_ROWS:
        return _NOT_VARYING
    return f"the {facts.rows} rows are {facts.n} distinct ones; the ladder needs at least {LEAST_ROWS}"


def _dtypes(x: Rows, y: Rows) -> str:
    first, second = dtype_of(x), dtype_of(y)
    return first if first == second else f"{first} and {second}"


def _cut(x: Rows, y: Rows) -> str:
    """The part of a column's spread up to which it counts as determined by others, in words."""
    first, second = sorted((rank_tolerance_of(dtype_of(each)) for each in (x, y)), reverse=True)
    return f"{first:g}" if first == second else f"{first:g} or, for float64, {second:g}"


def _score(name: str, residual: Residual, facts: _Facts, shuffled: Shuffled | None = None) -> Score:
    method = METHODS[name] if name != "lipschitz" else f"{METHODS[name]} L = {facts.options.lipschitz:g}"
    if name in ("linear", "affine"):
        method += (
            f", where a column with no more than {facts.cut} of its spread outside the span of the others counts as "
            "their combination"
        )
    centred = " after the means are taken away" if facts.options.centre and name not in ("similarity", "affine") else ""
    empty = residual.value != residual.value
    chance = None
    if shuffled is not None and not empty:
        by_chance = shuffled.residuals[name].value
        if by_chance == by_chance:
            chance = Chance(mean=by_chance, method=f"the same fit on one random pairing of {shuffled.rows} rows")
    return Score(
        measure=f"ladder:{name}",
        value=residual.value,
        larger_is="more distant",
        bounds=(0.0, float("inf")),
        is_metric=False,
        invariant_to=INVARIANT_TO[name],
        n=facts.n,
        widths=facts.widths,
        ranks=facts.ranks,
        dtype=facts.dtype,
        estimator=(
            f"{method}{centred}; the best of the class's own fit and of those of classes within; 1 − R² = Σ|y − f(x)|² "
            f"/ Σ|y − m|² over {facts.n - facts.fit} held-out {_rows(facts)}, m the mean of the other {facts.fit}, on "
            "which f was fitted; the worse of both directions; a narrower representation is padded with zeros; split "
            f"seed {facts.seed}"
        ),
        interval=None
        if empty
        else Interval(
            low=residual.low,
            high=residual.high,
            level=facts.options.level,
            method=f"jackknife over {facts.blocks} blocks of held-out rows, the fitted map held fixed",
        ),
        chance=chance,
        reason=_reason(facts) if empty else "",
    )
