"""The evaluator `deformable`: which encoders an affine map makes of which others, on sentences that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import torch

from identify_core import Context, Finding, OptionsError, Representation, Subject, Table
from identify_homotopy.distances.prepared import prepare
from identify_homotopy.options.distances import DeformableOptions
from identify_measures.deformation import LinearSource

Array = np.ndarray


def evaluate(options: DeformableOptions, subject: Subject, context: Context) -> Finding:
    """Affine least squares fitted on one half of the sentences and judged on the other, for all ordered pairs.

    The value of a pair is the root mean square of what the map leaves, as a part of what the mean of the fitted
    sentences leaves: 0 where the source determines the target, about 1 where it says nothing about it.

    Raises:
        OptionsError: there is one encoder alone, their sentences differ, or there are fewer than four.
        Interrupted: the user asked to stop.
    """
    encoders = subject.representations
    labels = [each.label for each in encoders]
    _check(encoders)
    values = [each.values for each in prepare(encoders, context)]
    n, count = len(values[0]), len(values)
    order = torch.randperm(n, generator=context.stream("halves")).to(context.device)
    fitted, judged = order[: n // 2], order[n // 2 :]
    shuffles = [
        torch.randperm(n // 2, generator=context.stream("chance", number)).to(context.device)
        for number in range(options.permutations)
    ]
    left = np.zeros((count, count, len(judged)))
    chance = np.zeros((count, count, len(shuffles)))
    interpolated = []
    base = np.stack([_squares(each[judged] - each[fitted].mean(dim=0)) for each in values])
    with context.progress("sources", count, "sources") as bar:
        for i, source in enumerate(values):
            ready = LinearSource.of(source[fitted])
            interpolated += [labels[i]] if ready.interpolates else []
            for j, target in enumerate(values):
                left[i, j] = _squares(target[judged] - ready.fit(target[fitted])(source[judged]))
                for number, shuffle in enumerate(shuffles):
                    mapped = ready.fit(target[fitted][shuffle])(source[judged])
                    chance[i, j, number] = _ratio(_squares(target[judged] - mapped).mean(), base[j].mean())
            bar.advance()
    weights = context.streams.numpy("sentences").multinomial(
        len(judged), np.full(len(judged), 1 / len(judged)), options.draws
    )
    drawn = _ratio(left @ weights.T, (base @ weights.T)[None])
    found = _ratio(left.mean(axis=2), base.mean(axis=1)[None])
    return _finding(options, labels, found, drawn, chance, interpolated, (len(fitted), len(judged)))


def _check(encoders: Sequence[Representation]) -> None:
    if len(encoders) < 2:
        raise OptionsError("deformable compares encoders, and there is 1", hint="set replicates = 2 or more")
    first = np.sort(encoders[0].ids)
    for each in encoders[1:]:
        if not np.array_equal(np.sort(each.ids), first):
            raise OptionsError(
                f"{each.label} and {encoders[0].label} hold different sentences", hint="compare runs of the same rows"
            )
    if len(first) < 4:
        raise OptionsError(f"there are {len(first)} sentences", hint="at least four are needed: two for each half")


def _squares(rows: torch.Tensor) -> Array:
    return rows.square().sum(dim=1).cpu().numpy()


def _ratio(left: Array, base: Array) -> Array:
    """Roots of the ratio; not a number where the target is constant."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(base > 0, np.sqrt(left / base), np.nan)


def explained_alone(values: Array, axis: int) -> float:
    """Which part of the variance of the values between different encoders one of the two explains alone.

    Args:
        values: sources × targets, shape (m, m); the diagonal is left out.
        axis: 0 for the source, 1 for the target.
    """
    apart = ~np.eye(len(values), dtype=bool)
    total = float(np.square(values[apart] - values[apart].mean()).sum())
    means = np.where(apart, values, 0.0).sum(axis=1 - axis) / (len(values) - 1)
    return (
        (len(values) - 1) * float(np.square(means - values[apart].mean()).sum()) / total if total > 0 else float("nan")
    )


def _finding(
    options: DeformableOptions,
    labels: list[str],
    found: Array,
    drawn: Array,
    chance: Array,
    interpolated: list[str],
    halves: tuple[int, int],
) -> Finding:
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=2)
    by_chance = (1 + (chance <= found[:, :, None]).sum(axis=2)) / (1 + chance.shape[2])
    deformed = (high < options.tolerance) & (found < chance.min(axis=2))
    apart = ~np.eye(len(labels), dtype=bool)
    middle = float(np.median(found[apart]))
    ends = np.percentile(np.median(drawn[apart], axis=0), [2.5, 97.5]).tolist()
    pairs = list(permutations(range(len(labels)), 2))
    count = int(deformed[apart].sum())
    mutual = int((deformed & deformed.T)[apart].sum())
    return Finding(
        summary=f"{count} of {len(pairs)} ordered pairs of encoders are deformed by an affine map to within "
        f"{100 * options.tolerance:g} % on held-out sentences, {mutual} of them with the reverse, too; "
        f"the map of the median pair leaves {100 * middle:.1f} % (95 % over sentences "
        f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f})",
        scalars={
            "deformed": count,
            "median": middle,
            "median-low": ends[0],
            "median-high": ends[1],
            "by-source": explained_alone(found, 0),
            "by-target": explained_alone(found, 1),
        },
        tables={
            "pairs": Table(
                columns=("source", "target", "left", "low", "high", "p by chance", "deformed"),
                rows=[
                    (
                        labels[i],
                        labels[j],
                        *(float(each[i, j]) for each in (found, low, high, by_chance)),
                        "yes" if deformed[i, j] else "no",
                    )
                    for i, j in pairs
                ],
                caption="What the affine map from the source leaves of the target, with its interval over sentences.",
            )
        },
        arrays={
            name: (("source", "target"), values, said)
            for name, values, said in (
                ("left", found, "part of what the mean leaves"),
                ("low", low, "lower end over sentences"),
                ("high", high, "upper end over sentences"),
                ("chance", np.median(chance, axis=2), "the median with sentences paired at random"),
                ("deformed", deformed, "whether the pair counts"),
            )
        },
        conventions={
            "left": f"affine least squares fitted on {halves[0]} sentences, root mean square on {halves[1]} others, in "
            "parts of what the mean of the fitted leaves",
            "interval": f"95 %, {drawn.shape[2]} draws of the held-out sentences, the same for all pairs",
            "p by chance": f"{chance.shape[2]} random pairings of the fitted sentences; 1 is added above and below",
            "by-source, by-target": "part of the variance between different encoders that one explains alone",
        },
        warnings=[f"{', '.join(interpolated)}: as many columns as fitted sentences, so maps interpolate"]
        if interpolated
        else [],
    )
