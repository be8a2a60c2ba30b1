"""All ordered pairs trained together: the maps of one source and one target width are replicates of one network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch

from identify_core import Adam, Batch, Call, Context, Replicates, Score, Sgd, Subject, fit, pure, squared_error
from identify_homotopy.distances.prepared import Prepared, chosen, distance_score
from identify_homotopy.maps.networks import build_map, lipschitz_bound
from identify_homotopy.options.distances import MapsOptions
from identify_measures.deformation import reduce_rows, row_norms


@pure
def largest_row(call: Call, batch: Batch) -> torch.Tensor:
    """The study's loss: the largest over a batch of the mean squared residual of a row."""
    largest: torch.Tensor = (call(batch["x"]) - batch["y"]).square().mean(dim=-1).amax()
    return largest


@pure
def smooth_largest_row(call: Call, batch: Batch) -> torch.Tensor:
    """At most the largest mean squared residual of a row, and below it by at most log(rows) / `_SHARPNESS`."""
    rows = (call(batch["x"]) - batch["y"]).square().mean(dim=-1)
    mean_of_exponentials: torch.Tensor = torch.logsumexp(_SHARPNESS * rows, dim=0) - math.log(len(rows))
    return mean_of_exponentials / _SHARPNESS


@pure
def largest_entry(call: Call, batch: Batch) -> torch.Tensor:
    """The largest absolute entry of the residuals of a batch: the distance that the study reports."""
    largest: torch.Tensor = (call(batch["x"]) - batch["y"]).abs().amax()
    return largest


_SHARPNESS = 10.0  # per unit of the targets' variance
_LOSSES = {
    "mean-square": squared_error(),
    "max": largest_row,
    "smooth-max": smooth_largest_row,
    "largest-entry": largest_entry,
}


def observed_stretch(x: torch.Tensor, y: torch.Tensor) -> float:
    """A lower bound of a map's Lipschitz constant, Euclidean: the largest stretch of a pair of rows.

    Args:
        x: where the map was called, shape (n, d).
        y: what it gave, shape (n, e).

    Returns:
        The largest |y_i - y_j| / |x_i - x_j|, pairs of equal x left out; 0 where none is left.
    """
    before, after = (torch.pdist(each.double()) for each in (x, y))
    apart = before > 0
    return float((after[apart] / before[apart]).amax()) if bool(apart.any()) else 0.0


def trained_maps(options: MapsOptions, subjects: Sequence[Subject], context: Context) -> Iterator[Score]:
    """The largest residual of a trained map on rows that it was not trained on, for every ordered pair."""
    groups: dict[tuple[int, int], list[int]] = {}
    for place, subject in enumerate(subjects):
        groups.setdefault((subject.indices[0], subject.representations[1].shape[1]), []).append(place)
    found: dict[int, Score] = {}
    with context.progress("maps", len(subjects), "maps") as bar:
        for members in groups.values():
            found |= _train(options, {place: subjects[place] for place in members}, context)
            bar.advance(len(members))
    yield from (found[place] for place in range(len(subjects)))


def _train(options: MapsOptions, subjects: dict[int, Subject], context: Context) -> dict[int, Score]:
    """Maps from one source onto targets of one width, centred and in units of the targets' deviation."""
    first = next(iter(subjects.values()))
    source = chosen(first)[0]
    n = len(source.values)
    order = torch.randperm(n, generator=context.stream("rows")).to(context.device)
    fitted, judged = order[: (n + 1) // 2], order[(n + 1) // 2 :]
    x = _standard(source, fitted)
    y = torch.stack([_standard(chosen(each)[1], fitted) for each in subjects.values()])
    modules = []
    for subject in subjects.values():
        i, j = (each.label for each in subject.representations)
        with context.streams.as_global(f"map {i} {j}"):
            modules.append(build_map(options.network, x.shape[1], y.shape[2], options.hidden).to(x.device))
    replicates = Replicates.from_modules(modules)
    fit(
        replicates,
        _LOSSES[options.loss],
        {"x": x[fitted]},
        own={"y": y[:, fitted]},
        optimiser=Adam(learning_rate=options.learning_rate)
        if options.optimiser == "adam"
        else Sgd(learning_rate=options.learning_rate),
        steps=options.steps,
        batch_size=min(options.batch_size, len(fitted)),
        context=context,
        name=f"maps-{first.indices[0]}-{y.shape[2]}",
    )
    with torch.no_grad():
        mapped = replicates(x[judged])
        residual = (mapped - y[:, judged]).double()
    scores = {}
    for place, (index, subject) in enumerate(subjects.items()):
        target = chosen(subject)[1]
        stretch = lipschitz_bound(replicates.module(place))  # type: ignore[arg-type]
        value = reduce_rows(row_norms(residual[place], "l2"), "max") * _scale(target, fitted)
        scores[index] = distance_score(
            "maps",
            value,
            target.radius,
            subject,
            f"{options.network} trained on one half of the rows, largest row of the other half, Euclidean; "
            f"Lipschitz constant of centred, scaled latents at most {stretch:.4g}, at least "
            f"{observed_stretch(x[judged], mapped[place]):.4g} (pairs of these rows)",
            invariant_to=(),
            normalise=True,
        )
    return scores


def _scale(prepared: Prepared, rows: torch.Tensor) -> float:
    values = prepared.values[rows]
    return float((values - values.mean(dim=0)).square().mean().sqrt()) or 1.0


def _standard(prepared: Prepared, rows: torch.Tensor) -> torch.Tensor:
    return ((prepared.values - prepared.values[rows].mean(dim=0)) / _scale(prepared, rows)).float()
