"""All ordered pairs trained together: the maps of one source and one target width are replicates of one network."""

from __future__ import annotations

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
        squared_error() if options.loss == "mean-square" else largest_row,
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
        residual = (replicates(x[judged]) - y[:, judged]).double()
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
            f"Lipschitz constant of centred, scaled latents at most {stretch:.4g}",
            invariant_to=(),
            normalise=True,
        )
    return scores


def _scale(prepared: Prepared, rows: torch.Tensor) -> float:
    values = prepared.values[rows]
    return float((values - values.mean(dim=0)).square().mean().sqrt()) or 1.0


def _standard(prepared: Prepared, rows: torch.Tensor) -> torch.Tensor:
    return ((prepared.values - prepared.values[rows].mean(dim=0)) / _scale(prepared, rows)).float()
