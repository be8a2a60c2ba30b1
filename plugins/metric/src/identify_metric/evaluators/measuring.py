"""Distances of the same pairs of samples in every model: geodesics, and what they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import attrs
import numpy as np
import torch

from identify_core import Context, OptionsError, Representation, dask_client
from identify_metric.evaluators.decoders import Points, maps_of, points_of
from identify_metric.evaluators.pairs import choose_pairs
from identify_metric.geometry.geodesics import Geodesics, as_original, geodesics, joined
from identify_metric.geometry.graphs import graph_paths
from identify_metric.geometry.maps import Map
from identify_metric.geometry.pairwise import EVERYTHING, folder_of, in_blocks
from identify_metric.options.evaluators import Ensemble, SearchOptions

IN_WORDS = {
    "straight": "length of the straight latent line",
    "chord": "distance of the decoded ends",
    "euclid": "latent Euclidean",
    "mahalanobis": "latent Mahalanobis",
    "ambient": "Euclidean between the samples",
}


@attrs.frozen(kw_only=True, eq=False)
class Distances:
    """Distances of P pairs in M models.

    Args:
        points: the samples.
        pairs: rows of both ends, (P, 2).
        found: ensemble to the geodesics of M P pairs, model after model; curves of narrower latents end in NaN.
        baselines: name to (M, P).
    """

    points: Points
    pairs: np.ndarray
    found: dict[str, Geodesics]
    baselines: dict[str, np.ndarray]

    def grid(self, values: torch.Tensor) -> np.ndarray:
        """Values (M P, ...) of geodesics as (M, P, ...)."""
        result: np.ndarray = values.reshape(len(self.points.z), len(self.pairs), *values.shape[1:]).cpu().numpy()
        return result


def measure(
    options: SearchOptions,
    ensembles: Sequence[Ensemble],
    representations: Sequence[Representation],
    context: Context,
) -> Distances:
    """Distances of the chosen pairs by every ensemble's metric.

    Raises:
        OptionsError: a run lacks the latents, holds other data, or cannot give so many pairs.
        Interrupted: the user stopped the run.
    """
    points = points_of(representations, context.device)
    pairs = choose_pairs(options, points.ids)
    maps = {ensemble: maps_of(options, points, ensemble) for ensemble in ensembles}
    blocks = bool(options.block or options.scheduler)
    if blocks and options.method == "original":
        raise OptionsError(
            "the study's own procedure stops by a sum over all pairs, and cannot be searched in blocks",
            hint='leave out `block` and `scheduler`, or `method = "original"`',
        )
    search = _in_blocks if blocks else _searched
    found: dict[str, Geodesics] = {
        ensemble: search(options, points, pairs, maps[ensemble], ensemble, context) for ensemble in ensembles
    }
    straight = found[ensembles[0]].line.reshape(len(points.z), -1).cpu().numpy()
    baselines = {"straight": straight, **_baselines(points, pairs, maps[ensembles[0]])}
    return Distances(points=points, pairs=pairs, found=found, baselines=baselines)


def _searched(
    options: SearchOptions, points: Points, pairs: np.ndarray, maps: Sequence[Map], ensemble: Ensemble, context: Context
) -> Geodesics:
    """The geodesics of every model; models of one width are searched together."""
    result: dict[int, Geodesics] = {}
    for width in sorted({z.shape[1] for z in points.z}):
        models = [number for number, z in enumerate(points.z) if z.shape[1] == width]
        ends = [torch.cat([points.z[model][pairs[:, side]] for model in models]) for side in (0, 1)]
        P = len(pairs)
        if options.method == "original":
            for number, model in enumerate(models):
                cut = slice(number * P, (number + 1) * P)
                result[model] = as_original(maps[model], ends[0][cut], ends[1][cut], settings=options.settings())
            continue
        found = [_paths(options, maps[model], points.z[model], pairs) for model in models]
        paths = [path for path in found if path is not None]
        together = geodesics(
            [maps[model] for model in models],
            *ends,
            owner=torch.arange(len(models)).repeat_interleave(P),
            settings=options.settings(),
            generator=context.stream(f"bumps-{ensemble}"),
            paths=[torch.cat(paths)] if paths else (),
            context=context,
        )
        for number, model in enumerate(models):
            result[model] = together.rows(slice(number * P, (number + 1) * P))
    return joined([result[model] for model in range(len(maps))])


def _in_blocks(
    options: SearchOptions, points: Points, pairs: np.ndarray, maps: Sequence[Map], ensemble: Ensemble, context: Context
) -> Geodesics:
    """The geodesics of every model, block by block, each kept with the run; here or on the workers of a cluster."""
    result = []
    settings, block = options.settings(), options.block or max(1, len(pairs))
    with dask_client(options.scheduler) if options.scheduler else nullcontext() as client:
        for model, (F, z) in enumerate(zip(maps, points.z, strict=True)):
            seed = context.stream(f"bumps-{ensemble}", model).initial_seed() % 2**62
            each = points.representations[model]
            searched = (settings, block, seed, options.graph, ensemble, options.ambient, options.precision)
            folder = folder_of(
                context.scratch / "geodesics", z, pairs, *searched, each.run_id, each.latents, each.replicate
            )
            found, _ = in_blocks(
                F,
                z,
                pairs,
                settings=settings,
                block=block,
                seed=seed,
                folder=folder,
                client=client,
                context=context,
                paths=_paths(options, F, z, pairs),
            )
            columns = {name: torch.from_numpy(found[name]).to(z.device) for name in EVERYTHING}
            result.append(Geodesics(**columns))
    return joined(result)


def _paths(options: SearchOptions, F: Map, z: torch.Tensor, pairs: np.ndarray) -> torch.Tensor | None:
    """The start of each pair along a graph of the samples, (P, segments + 1, d); None where it is not wanted."""
    if not options.graph:
        return None
    a, b = z[pairs[:, 0]], z[pairs[:, 1]]
    return graph_paths(F, z, a, b, segments=options.segments, neighbours=options.graph)


@torch.no_grad()
def _baselines(points: Points, pairs: np.ndarray, maps: Sequence[Map]) -> dict[str, np.ndarray]:
    ends = [(z[pairs[:, 0]], z[pairs[:, 1]]) for z in points.z]
    result = {
        "chord": torch.stack([(F(b) - F(a)).norm(dim=1) for F, (a, b) in zip(maps, ends, strict=True)]),
        "euclid": torch.stack([(b - a).norm(dim=1) for a, b in ends]),
        "mahalanobis": torch.stack([_mahalanobis(z, b - a) for z, (a, b) in zip(points.z, ends, strict=True)]),
    }
    first, second = (points.inputs(pairs[:, side]) for side in (0, 1))
    if first is not None and second is not None:
        result["ambient"] = (second - first).norm(dim=1).expand(len(points.z), -1)
    return {name: each.cpu().numpy() for name, each in result.items()}


def _mahalanobis(z: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
    """Lengths of differences (P, d) by the inverse covariance of finite z (n, d), without collapsed directions."""
    z = z[z.isfinite().all(1)]
    if len(z) < 2:
        return torch.full_like(difference[:, 0], torch.nan)
    inverse = torch.linalg.pinv(torch.cov(z.T).reshape(z.shape[1], z.shape[1]), hermitian=True)
    return torch.einsum("pi,ij,pj->p", difference, inverse, difference).clamp_min(0).sqrt()
