"""How much the replicates of each run agree: every pair of them as a point, by run, or against the latent dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from identify_core.evaluation.pairs import Member
from identify_core.findings import Figure
from identify_core.reports.figures import INK, MUTED, PALETTE, house_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Matrix = np.ndarray[Any, Any]

FEWEST = 8
"""A box is drawn from no fewer points."""
BOX = "; a box, from 8 points upwards, reaches from the lower to the upper quartile, the line in it is the median"
_OFFSET = 0.22  # how far the boxes of two latents at one dimension stand apart, in steps of the axis


@attrs.frozen(kw_only=True)
class Spread:
    """The scores of all pairs of replicates of one run's latents.

    Args:
        member: the run, the latents and the width that they share.
        values: finite scores, each pair once; for an asymmetric measure both ways.
    """

    member: Member
    values: tuple[float, ...]


def spreads(matrix: Matrix, members: Sequence[Member], *, symmetric: bool = True) -> list[Spread]:
    """The scores within each run, in the order in which the runs were named.

    Args:
        matrix: (M, M) scores; those that are not finite are left out.
        members: of the M representations.
        symmetric: whether the score of (i, j) is that of (j, i).

    Returns:
        One for every run and latents with at least two replicates that have a score.
    """
    found = []
    for member in dict.fromkeys(members):
        rows = [i for i, other in enumerate(members) if other == member]
        pairs = [(i, j) for i in rows for j in rows if i < j or (i > j and not symmetric)]
        values = tuple(float(matrix[pair]) for pair in pairs if np.isfinite(matrix[pair]))
        if values:
            found.append(Spread(member=member, values=values))
    return found


def draw_spread(
    matrix: Matrix, members: Sequence[Member], title: str, suffix: str, *, symmetric: bool = True
) -> Figure | None:
    """Box and points of the pairs within each run; None where no run has two replicates.

    Where runs have different latent dimensions, the dimension is the horizontal axis and the means of the same latents
    are joined by a line; otherwise each run has its own place.

    Args:
        matrix: (M, M) scores.
        members: of the M representations.
        title: the measure.
        suffix: ends the figure's name.
        symmetric: whether each pair counts once.
    """
    found = spreads(matrix, members, symmetric=symmetric)
    if not found:
        return None
    by_width = len({spread.member.width for spread in found}) > 1
    with house_style():
        count = len({spread.member.width for spread in found}) if by_width else len(found)
        figure, axes = new_figure(width=min(3.4 + 0.75 * count, 11.0), height=3.8)
        if by_width:
            _against_width(axes, found)
        else:
            _side_by_side(axes, found)
        axes.set_ylabel(title)
        axes.set_title(f"{title} between replicates")
        axes.grid(visible=False, axis="x")
    return Figure(
        name=f"spread{suffix}",
        caption=(
            f"{title} of every pair of replicates of the same run, "
            f"{'against the latent dimension' if by_width else 'run by run'}: {_pair_counts(found)} pairs each as "
            f"points{BOX if any(len(spread.values) >= FEWEST for spread in found) else ''}"
            f"{', the diamonds are means' if by_width else ''}."
        ),
        static=figure,
    )


def _pair_counts(found: Sequence[Spread]) -> str:
    counts = sorted({len(spread.values) for spread in found})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _side_by_side(axes: Axes, found: Sequence[Spread]) -> None:
    kinds = list(dict.fromkeys(spread.member.latents for spread in found))
    for place, spread in enumerate(found):
        _box(axes, place, spread.values, PALETTE[kinds.index(spread.member.latents) % len(PALETTE)])
    runs = {spread.member.group for spread in found}
    names = [
        spread.member.latents
        if len(runs) == 1
        else spread.member.group
        if len(kinds) == 1
        else f"{spread.member.group}:{spread.member.latents}"
        for spread in found
    ]
    turned = max(map(len, names)) > 14
    axes.set_xticks(range(len(found)), names, rotation=30 if turned else 0, ha="right" if turned else "center")
    axes.set_xlim(-0.7, len(found) - 0.3)


def _against_width(axes: Axes, found: Sequence[Spread]) -> None:
    widths = sorted({spread.member.width for spread in found})
    kinds = list(dict.fromkeys(spread.member.latents for spread in found))
    for k, kind in enumerate(kinds):
        colour = PALETTE[k % len(PALETTE)]
        pooled: dict[int, list[float]] = {}
        for spread in found:
            if spread.member.latents == kind:
                pooled.setdefault(spread.member.width, []).extend(spread.values)
        shift = (k - (len(kinds) - 1) / 2) * _OFFSET * 2
        places = [widths.index(width) + shift for width in sorted(pooled)]
        for place, width in zip(places, sorted(pooled), strict=True):
            _box(axes, place, pooled[width], colour, room=_OFFSET)
        means = [float(np.mean(pooled[width])) for width in sorted(pooled)]
        axes.plot(places, means, color=colour, marker="D", markersize=4, linewidth=1.2, label=kind, zorder=4)
    axes.set_xticks(range(len(widths)), [str(width) for width in widths])
    axes.set_xlim(-0.7, len(widths) - 0.3)
    axes.set_xlabel("latent dimension")
    if len(kinds) > 1:
        axes.legend(loc="best")


def _box(axes: Axes, place: float, values: Sequence[float], colour: str, room: float = 0.3) -> None:
    numbers = np.asarray(list(values))
    if len(numbers) >= FEWEST:
        axes.boxplot(
            [numbers],
            positions=[place],
            widths=[1.3 * room],
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": colour, "alpha": 0.18, "edgecolor": colour},
            medianprops={"color": INK},
            whiskerprops={"color": MUTED},
            capprops={"color": MUTED},
        )
    # Spread sideways in the order of the values: the same picture at every drawing, and no point hides another.
    sideways = np.linspace(-0.35, 0.35, len(numbers)) * room if len(numbers) > 1 else np.zeros(1)
    axes.scatter(place + sideways, np.sort(numbers), s=14, color=colour, alpha=0.8, linewidth=0, zorder=3)
