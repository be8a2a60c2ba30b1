"""Pictures of a comparison: heat map, map of the representations, and how far replicates agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from identify_core.components import Evaluator
from identify_core.evaluation.pairs import Member
from identify_core.findings import Figure, Finding
from identify_core.reports.directed_figures import draw_ways
from identify_core.reports.figures import MUTED, PALETTE, classical_scaling, heat_map, house_style, new_figure
from identify_core.reports.numerals import short_of_bounds
from identify_core.reports.spread_figures import draw_spread

if TYPE_CHECKING:
    from identify_core.components import Component

Matrix = np.ndarray[Any, Any]

_LABELLED = 30  # up to this many representations each has its name on the axes
_WRITTEN = 12  # up to this many each cell has its number


def draw_grid(finding: Finding, component: Component, members: Sequence[Member]) -> Iterator[Figure]:
    """Every picture that a grid of scores gives; none for two representations, whose one score is said in words.

    Args:
        finding: of `grid_finding`.
        component: the evaluator, for its direction.
        members: the run, the latents and the width of each representation, in order.
    """
    if "labels" not in finding.arrays or len(finding.arrays["labels"].values) < 3:
        return
    labels = [str(label) for label in finding.arrays["labels"].values]
    groups = [member.group for member in members]
    matrices = {
        name.removesuffix("value").rstrip("-"): array.values
        for name, array in finding.arrays.items()
        if name.endswith("value") and array.values.ndim == 2
    }
    larger = component.larger_is if isinstance(component, Evaluator) else "neither"
    directed = isinstance(component, Evaluator) and not component.symmetric
    for name, matrix in matrices.items():
        title = name or component.name
        suffix = f"-{name}" if name else ""
        order = cluster_order(matrix, groups, similar=larger != "more distant")
        bounds = component.bounds if isinstance(component, Evaluator) else (None, None)
        yield _heat_map(matrix, labels, groups, order, title, suffix, directed=directed, bounds=bounds)
        if directed and len(labels) > 2:
            yield draw_ways(matrix, labels, title, suffix)
        elif not directed and len(labels) > 3 and np.isfinite(matrix).all():
            yield _map(matrix, labels, groups, title, suffix, similar=larger != "more distant")
        spread = draw_spread(matrix, members, title, suffix, symmetric=not directed)
        if spread is not None:
            yield spread


def cluster_order(matrix: Matrix, groups: Sequence[str], *, similar: bool) -> list[int]:
    """An order that keeps groups together and puts what is alike side by side within and between them.

    Average linkage with optimal leaf ordering (Bar-Joseph et al. 2001), first of the groups by their mean distance,
    then of the members of each.

    Args:
        matrix: (M, M) scores; NaN counts as the most distant.
        groups: the group of each representation.
        similar: whether larger scores mean more alike.
    """
    distance = _distances(matrix, similar=similar)
    names = list(dict.fromkeys(groups))
    members = {name: [i for i, group in enumerate(groups) if group == name] for name in names}
    between = np.array([[distance[np.ix_(members[a], members[b])].mean() for b in names] for a in names])
    return [
        members[names[g]][i]
        for g in _leaves(between)
        for i in _leaves(distance[np.ix_(members[names[g]], members[names[g]])])
    ]


def embed(matrix: Matrix, *, similar: bool) -> tuple[Matrix, float]:
    """Classical scaling of scores to two dimensions, turned so that the largest coordinates are positive.

    Args:
        matrix: (M, M) finite scores.
        similar: whether larger scores mean more alike.

    Returns:
        Coordinates (M, 2), and the share of the squared distances that they show, between 0 and 1.
    """
    coordinates, share = classical_scaling(_distances(matrix, similar=similar))
    coordinates *= np.where(coordinates[np.abs(coordinates).argmax(0), [0, 1]] < 0, -1, 1)
    return coordinates, share


def _distances(matrix: Matrix, *, similar: bool) -> Matrix:
    symmetric = (matrix + matrix.T) / 2
    finite = np.isfinite(symmetric)
    if not finite.any():
        return np.zeros_like(symmetric)
    distance = symmetric[finite].max() - symmetric if similar else symmetric.copy()
    distance[~finite] = np.nanmax(distance)
    np.fill_diagonal(distance, 0)
    return distance.clip(min=0)


def _leaves(distance: Matrix) -> list[int]:
    if len(distance) < 3:
        return list(range(len(distance)))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    return [int(i) for i in leaves_list(linkage(squareform(distance, checks=False), "average", optimal_ordering=True))]


def _short(labels: Sequence[str]) -> list[str]:
    """Labels without the beginning that all have in common."""
    heads = {label.rpartition(":")[0] for label in labels}
    return [label.rpartition(":")[2] for label in labels] if len(heads) == 1 else list(labels)


def _heat_map(
    matrix: Matrix,
    labels: Sequence[str],
    groups: Sequence[str],
    order: Sequence[int],
    title: str,
    suffix: str,
    *,
    directed: bool,
    bounds: tuple[float | None, float | None],
) -> Figure:
    count = len(labels)
    shown = matrix[np.ix_(order, order)]
    names = [_short(labels)[i] for i in order]
    with house_style():
        side = min(3.2 + 0.28 * count, 11.0)
        low, high, ends = scale_of(shown, bounds)
        figure, axes = new_figure(width=side + 1.6, height=side)
        ticks = names if count <= _LABELLED else ()
        heat_map(
            axes,
            shown,
            low=low,
            high=high,
            rows=ticks,
            columns=ticks,
            label=f"{title}\n{ends}",
            written=(lambda value: short_of_bounds(value, *_known(bounds))) if count <= _WRITTEN else None,
        )
        if not ticks:
            places, said = _middles([groups[i] for i in order])
            axes.set_xticks(places, said, rotation=90)
            axes.set_yticks(places, said)
        for position in _borders([groups[i] for i in order]):
            axes.axhline(position - 0.5, color="white", linewidth=2.5)
            axes.axvline(position - 0.5, color="white", linewidth=2.5)
        axes.set_title(title)
        if directed:
            axes.set_ylabel("source")
            axes.set_xlabel("target")
    return Figure(
        name=f"heat-map{suffix}",
        caption=(
            f"{title} of every pair of {count} representations, "
            f"{'from the source in its row to the target in its column, ' if directed else ''}runs kept together and "
            f"ordered by average linkage with optimal leaf ordering. {ends[0].upper()}{ends[1:]}."
        ),
        static=figure,
    )


def scale_of(matrix: Matrix, bounds: tuple[float | None, float | None]) -> tuple[float, float, str]:
    """The ends of a heat map's scale, and in words what they are.

    Args:
        matrix: (M, M) scores; NaN counts for nothing.
        bounds: of the measure; None where there is none.

    Returns:
        The lower end, the upper end, and a sentence without its full stop.
    """
    finite = matrix[np.isfinite(matrix)]
    least, largest = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    low, high = (
        float(found) if end is None else float(end) for end, found in zip(bounds, (least, largest), strict=True)
    )
    if not low < high:
        high = low + 1.0
    whose = {
        (True, True): "the scale ends at the measure's bounds",
        (True, False): "the scale begins at the measure's bound and ends at the largest value here",
        (False, True): "the scale begins at the least value here and ends at the measure's bound",
        (False, False): "the scale ends at the least and the largest value here: the measure has no bounds",
    }
    return low, high, whose[bounds[0] is not None, bounds[1] is not None]


def _known(bounds: tuple[float | None, float | None]) -> tuple[float, float]:
    low, high = bounds
    return -np.inf if low is None else low, np.inf if high is None else high


def _borders(groups: Sequence[str]) -> list[int]:
    """Where a group begins; nowhere among many groups, whose lines would hide the cells."""
    if len(set(groups)) > _LABELLED:
        return []
    return [place for place in range(1, len(groups)) if groups[place] != groups[place - 1]]


def _middles(groups: Sequence[str]) -> tuple[list[float], list[str]]:
    """For too many names: one for each group that stands together, at its middle."""
    names = list(dict.fromkeys(groups))
    members = {name: [place for place, group in enumerate(groups) if group == name] for name in names}
    places = [(each[0] + each[-1]) / 2 for each in members.values()]
    counted = [f"{name} ({len(each)})" if len(each) > 1 else name for name, each in members.items()]
    step = -(-len(names) // _LABELLED)
    return places[::step], counted[::step]


def _map(
    matrix: Matrix, labels: Sequence[str], groups: Sequence[str], title: str, suffix: str, *, similar: bool
) -> Figure:
    coordinates, share = embed(matrix, similar=similar)
    names = list(dict.fromkeys(groups))
    markers = "osD^vP*X<>"
    named = _short(labels)
    if len(labels) > _LABELLED:
        away = np.linalg.norm(coordinates - np.median(coordinates, axis=0), axis=1)
        outermost = set(np.argsort(away)[-_WRITTEN:].tolist())
        named = [label if i in outermost else "" for i, label in enumerate(named)]
    with house_style():
        figure, axes = new_figure(width=6.4, height=5.0)
        for g, name in enumerate(names):
            members = [i for i, group in enumerate(groups) if group == name]
            axes.scatter(
                coordinates[members, 0],
                coordinates[members, 1],
                s=46,
                color=PALETTE[g % len(PALETTE)] if len(names) <= _LABELLED else PALETTE[0],
                marker=markers[g % len(markers)] if len(names) <= _LABELLED else "o",
                edgecolor="white",
                linewidth=0.7,
                label=name,
                zorder=3,
            )
        for (x, y), label in zip(coordinates, named, strict=True):
            axes.annotate(
                label.rpartition(":")[2], (x, y), xytext=(5, 4), textcoords="offset points", fontsize=7, color=MUTED
            )
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_title(f"{title}: a map of the representations")
        axes.set_xlabel("first coordinate")
        axes.set_ylabel("second coordinate")
        if 1 < len(names) <= _WRITTEN:
            axes.legend(loc="best")
    return Figure(
        name=f"map{suffix}",
        caption=(
            f"Classical multidimensional scaling of {title}: nearby points are alike. The two coordinates show "
            f"{share:.0%} of the squared distances."
            + (f" The {_WRITTEN} outermost have their names." if len(labels) > _LABELLED else "")
        ),
        static=figure,
    )
