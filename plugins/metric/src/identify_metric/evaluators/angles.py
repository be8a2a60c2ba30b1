"""The evaluator `angles`: the angle at one sample between the geodesics to two others, in every replicate."""

from __future__ import annotations

import numpy as np
import torch

from identify_core import Context, Finding, LabelledArray, OptionsError, Subject, Table
from identify_measures.stability import circular_deviation, icc_consistency, mean_spearman
from identify_metric.evaluators.decoders import chosen_latents, maps_of, points_of, surface_doubts
from identify_metric.evaluators.distances import doubts
from identify_metric.geometry.geodesics import geodesics
from identify_metric.geometry.metric import angle, log_volume
from identify_metric.options.evaluators import AnglesOptions


def evaluate(options: AnglesOptions, subject: Subject, context: Context) -> Finding:
    """Angles of three-point statistics, next to the Euclidean ones of the latents.

    Raises:
        OptionsError: the run has no decoders, lacks the latents, or cannot give so many triples.
        Interrupted: the user stopped the run.
    """
    run = subject.run
    assert run is not None  # arity is "run"
    points = points_of(chosen_latents(options.latents, run), context.device)
    triples = choose_triples(options, len(points.ids))
    z = torch.stack(points.z)
    R, P = len(z), len(triples)
    corner, first, second = (z[:, triples[:, each]].reshape(R * P, -1) for each in range(3))
    owner = torch.arange(R).repeat_interleave(P)
    maps = maps_of(options, points, options.ensemble)
    found = geodesics(
        maps,
        torch.cat([corner, corner]),
        torch.cat([first, second]),
        owner=torch.cat([owner, owner]),
        settings=options.settings(),
        generator=context.stream("bumps-angles"),
        context=context,
    )
    u, v = found.departure.chunk(2)
    angles = torch.cat([angle(F, corner[owner == r], u[owner == r], v[owner == r]) for r, F in enumerate(maps)])
    flat = angle(lambda z: z, corner, first - corner, second - corner)
    grids = {name: each.reshape(R, P).cpu().numpy() for name, each in (("geodesic", angles), ("euclid", flat))}
    surfaces = [log_volume(F, corner[owner == r]) for r, F in enumerate(maps)]
    usable = np.isfinite(np.stack(list(grids.values()))).all((0, 1))
    several = R > 1 and usable.sum() > 1
    rows = [_agreement(name, values[:, usable]) for name, values in grids.items()] if several else []
    known = grids["geodesic"][np.isfinite(grids["geodesic"])]
    said = f"{P} angles in {R} replicates, "
    said += f"median {np.degrees(np.median(known)):.1f}°" if known.size else "none of which is defined"
    if rows:
        said += f"; circular deviation over replicates {rows[0][1]:.2f}° (geodesic), {rows[1][1]:.2f}° (latent)"
    return Finding(
        summary=said,
        scalars={f"deviation-{row[0]}": row[1] for row in rows},
        tables={
            "stability": Table(
                columns=("angle", "deviation", "ICC(3,1)", "Spearman"),
                rows=rows,
                caption="Mean circular standard deviation of each angle over replicates, and how far they agree on it.",
                units={"deviation": "degrees"},
            )
        },
        arrays={
            name: LabelledArray(values=values, dimensions=("replicate", "triple"), summary="radians")
            for name, values in grids.items()
        }
        | {"triples": LabelledArray(values=triples, dimensions=("triple", "point"), summary="rows; the corner first")},
        conventions={
            "angle": "at the corner, between the velocities with which both geodesics leave, in the decoders' metric",
            "euclid": "between the straight lines in latent space, which is not identifiable",
        },
        warnings=doubts(found) + surface_doubts(surfaces),
    )


def choose_triples(options: AnglesOptions, samples: int) -> np.ndarray:
    """Rows of corner and both ends, (P, 3), three different samples each.

    Raises:
        OptionsError: there are fewer than three samples.
    """
    if samples < 3:
        raise OptionsError(f"an angle needs three samples, and there are {samples}")
    random = np.random.RandomState(options.pair_seed)
    return np.stack([random.choice(samples, 3, replace=False) for _ in range(options.pairs)])


def _agreement(name: str, values: np.ndarray) -> tuple[str, float, float, float]:
    deviation = float(np.degrees(circular_deviation(values).mean()))
    return name, deviation, icc_consistency(values), mean_spearman(values)
