"""Distances of the same pairs of samples in every replicate: geodesics, and what they are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import torch

from identify_core import Context, RunSubject
from identify_metric.evaluators.decoders import Points, decoder_maps, points_of
from identify_metric.evaluators.pairs import choose_pairs
from identify_metric.geometry.geodesics import Geodesics, geodesics
from identify_metric.geometry.maps import Ensemble, Map
from identify_metric.options.evaluators import SearchOptions

IN_WORDS = {
    "straight": "length of the straight latent line",
    "chord": "distance of the decoded ends",
    "euclid": "latent Euclidean",
    "mahalanobis": "latent Mahalanobis",
    "ambient": "Euclidean between the samples",
}


@attrs.frozen(kw_only=True, eq=False)
class Distances:
    """Distances of P pairs in R replicates.

    Args:
        points: the samples.
        pairs: rows of both ends, (P, 2).
        found: ensemble to the geodesics of R P pairs, replicate after replicate.
        baselines: name to (R, P).
    """

    points: Points
    pairs: np.ndarray
    found: dict[str, Geodesics]
    baselines: dict[str, np.ndarray]

    def grid(self, values: torch.Tensor) -> np.ndarray:
        """Values (R P, ...) of geodesics as (R, P, ...)."""
        result: np.ndarray = values.reshape(len(self.points.z), len(self.pairs), *values.shape[1:]).cpu().numpy()
        return result


def measure(options: SearchOptions, ensembles: Sequence[Ensemble], run: RunSubject, context: Context) -> Distances:
    """Distances of the chosen pairs by every ensemble's metric.

    Raises:
        OptionsError: the run lacks the latents, or cannot give so many pairs.
        Interrupted: the user stopped the run.
    """
    points = points_of(options, run, context.device)
    pairs = choose_pairs(options, points.ids)
    R, P = len(points.z), len(pairs)
    a, b = (points.z[:, pairs[:, side]].reshape(R * P, -1) for side in (0, 1))
    owner = torch.arange(R).repeat_interleave(P)
    found: dict[str, Geodesics] = {}
    maps: dict[str, list[Map]] = {}
    for ensemble in ensembles:
        maps[ensemble] = decoder_maps(options, run.replicates, ensemble)
        found[ensemble] = geodesics(
            maps[ensemble],
            a,
            b,
            owner=owner,
            settings=options.settings(),
            generator=context.stream(f"bumps-{ensemble}"),
            context=context,
        )
    straight = found[ensembles[0]].line.reshape(R, P).cpu().numpy()
    baselines = {"straight": straight, **_baselines(points, pairs, maps[ensembles[0]])}
    return Distances(points=points, pairs=pairs, found=found, baselines=baselines)


@torch.no_grad()
def _baselines(points: Points, pairs: np.ndarray, maps: Sequence[Map]) -> dict[str, np.ndarray]:
    a, b = points.z[:, pairs[:, 0]], points.z[:, pairs[:, 1]]
    chord = torch.stack([(F(end) - F(start)).norm(dim=1) for F, start, end in zip(maps, a, b, strict=True)])
    result = {
        "chord": chord,
        "euclid": (b - a).norm(dim=2),
        "mahalanobis": torch.stack(
            [_mahalanobis(z, end - start) for z, start, end in zip(points.z, a, b, strict=True)]
        ),
    }
    first, second = (points.inputs(pairs[:, side]) for side in (0, 1))
    if first is not None and second is not None:
        ambient = (second - first).norm(dim=1)
        result["ambient"] = ambient.expand(len(points.z), -1)
    return {name: each.cpu().numpy() for name, each in result.items()}


def _mahalanobis(z: torch.Tensor, difference: torch.Tensor) -> torch.Tensor:
    """Lengths of differences (P, d) by the inverse covariance of finite z (n, d), without collapsed directions."""
    z = z[z.isfinite().all(1)]
    inverse = torch.linalg.pinv(torch.cov(z.T).reshape(z.shape[1], z.shape[1]), hermitian=True)
    return torch.einsum("pi,ij,pj->p", difference, inverse, difference).clamp_min(0).sqrt()
