"""The evaluator `volumes`: areas of geodesic triangles, and the density that no change of coordinates touches."""

from __future__ import annotations

import numpy as np
import torch

from identify_core import Context, Finding, LabelledArray, OptionsError, Subject, Table
from identify_measures.stability import coefficient_of_variation, icc_consistency, mean_spearman
from identify_metric.evaluators.decoders import chosen_latents, maps_of, points_of, surface_doubts
from identify_metric.evaluators.distances import doubts
from identify_metric.geometry.geodesics import geodesics
from identify_metric.geometry.maps import Map
from identify_metric.geometry.metric import invariant_density, log_volume
from identify_metric.options.evaluators import VolumesOptions

_NODES = 12
_NONE = float("nan")


def evaluate(options: VolumesOptions, subject: Subject, context: Context) -> Finding:
    """How far replicates agree on volumes.

    A region has one volume in all models where its border is identifiable itself: a triangle of geodesics is, in two
    latents. At a point √det G is not identifiable, and log p − ½ log det G, the prior's density with respect to the
    volume of the decoded surface, is.

    Raises:
        OptionsError: the run has no decoders or lacks the latents.
        Interrupted: the user stopped the run.
    """
    run = subject.run
    assert run is not None  # arity is "run"
    points = points_of(chosen_latents(options.latents, run), context.device)
    maps = maps_of(options, points, options.ensemble)
    z = torch.stack(points.z)
    found = [log_volume(F, each) for F, each in zip(maps, z, strict=True)]
    elements = torch.stack([each.value for each in found])
    density = invariant_density(z, elements)
    grids = {"log-volume": elements.cpu().numpy(), "invariant-density": density.cpu().numpy()}
    arrays = {
        name: LabelledArray(values=each, dimensions=("replicate", "sample"), summary="nats")
        for name, each in grids.items()
    }
    several = len(z) > 1
    known = np.isfinite(grids["invariant-density"]).all(0)
    rows: list[tuple[str, float, float, float, float]] = [
        (
            name,
            float(each[:, known].std(0, ddof=1).mean()) if several and known.any() else _NONE,
            _NONE,
            *_agreement(each[:, known]),
        )
        for name, each in grids.items()
    ]
    warnings = surface_doubts(found)
    said = f"ICC(3,1) of the invariant density {rows[1][3]:.3f}, of log √det G {rows[0][3]:.3f}" if several else ""
    if z.shape[2] == 2:
        areas, triples, doubtful = _triangles(options, maps, z, context)
        warnings += doubtful
        flat = _flat(z, triples)
        for name, each in (("area", areas), ("latent-area", flat)):
            usable = np.isfinite(each).all(0) & (each > 0).all(0)
            cv = coefficient_of_variation(each[:, usable]).mean() if several and usable.any() else _NONE
            rows.append((name, _NONE, float(cv), *_agreement(each[:, usable])))
            arrays[name] = LabelledArray(values=each, dimensions=("replicate", "triangle"))
        arrays["triples"] = LabelledArray(values=triples, dimensions=("triangle", "corner"), summary="rows")
        said += "; " if said else ""
        said += f"mean CV of triangles' areas {rows[2][2]:.3f}, in latent coordinates {rows[3][2]:.3f}"
    scalars = {f"icc-{row[0]}": row[3] for row in rows} | {f"cv-{row[0]}": row[2] for row in rows[2:]}
    return Finding(
        summary=said or "volumes of one model",
        scalars=scalars,
        tables={
            "agreement": Table(
                columns=("volume", "deviation", "mean CV", "ICC(3,1)", "Spearman"),
                rows=rows,
                caption="How far replicates agree; deviations are of logarithms, in nats.",
            )
        },
        arrays=arrays,
        conventions={
            "area": "of the triangle between three geodesics, in the units of the decoded space",
            "latent-area": "of the triangle of straight lines in latent coordinates, which is not identifiable",
            "log-volume": "½ log det G at a sample, which is not identifiable",
            "invariant-density": "log p − ½ log det G at a sample",
        },
        warnings=warnings,
    )


def _agreement(values: np.ndarray) -> tuple[float, float]:
    if len(values) < 2 or values.shape[1] < 2:
        return _NONE, _NONE
    return icc_consistency(values), mean_spearman(values)


def _triangles(
    options: VolumesOptions, maps: list[Map], z: torch.Tensor, context: Context
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Areas (R, T), the corners (T, 3), and what is to be doubted."""
    R, n, _ = z.shape
    if n < 3:
        raise OptionsError(f"a triangle needs three samples, and there are {n}")
    random = np.random.RandomState(options.pair_seed)
    triples = np.stack([random.choice(n, 3, replace=False) for _ in range(options.triangles)])
    T = len(triples)
    corners = [z[:, triples[:, each]].reshape(R * T, 2) for each in range(3)]
    owner = torch.arange(R).repeat_interleave(T)
    found = geodesics(
        maps,
        torch.cat([corners[0], corners[0], corners[1]]),
        torch.cat([corners[1], corners[2], corners[2]]),
        owner=owner.repeat(3),
        settings=options.settings(),
        generator=context.stream("bumps-volumes"),
        context=context,
    )
    one, two, three = found.points.chunk(3)
    areas = torch.cat(
        [triangle_area(F, one[owner == r], two[owner == r], three[owner == r]) for r, F in enumerate(maps)]
    )
    return areas.reshape(R, T).cpu().numpy(), triples, doubts(found)


def triangle_area(F: Map, first: torch.Tensor, second: torch.Tensor, third: torch.Tensor) -> torch.Tensor:
    """Areas between three curves, (P,): from a to b, from a to c, from b to c, polylines (P, K, 2) at equal times.

    The region is two ruled patches, between the first two curves and between the straight line from b to c and the
    third, which turns the other way. Volume elements count with the sign of det ∂z / ∂(s, t), so that what is covered
    twice cancels.
    """
    K = first.shape[1]
    line = torch.lerp(third[:, :1], third[:, -1:], torch.linspace(0, 1, K).to(third)[:, None])
    return (_patch(F, first, second) - _patch(F, line, third)).abs()


def _patch(F: Map, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """∫∫ √det G(z) det ∂z/∂(s, t) ds dt over z = (1 − t) low(s) + t high(s), (P,)."""
    inner, mass = (torch.from_numpy(each).to(low) for each in np.polynomial.legendre.leggauss(_NODES))
    t, weights = (inner + 1) / 2, mass / 2
    K = low.shape[1]
    middle = [(each[:, 1:] + each[:, :-1]) / 2 for each in (low, high)]
    along = [(each[:, 1:] - each[:, :-1]) * (K - 1) for each in (low, high)]
    z = torch.lerp(middle[0][:, :, None], middle[1][:, :, None], t[:, None])
    by_s = torch.lerp(along[0][:, :, None], along[1][:, :, None], t[:, None])
    by_t = (middle[1] - middle[0])[:, :, None].expand_as(by_s)
    determinant = by_s[..., 0] * by_t[..., 1] - by_s[..., 1] * by_t[..., 0]
    element = log_volume(F, z.reshape(-1, 2)).element.reshape(determinant.shape)
    return (element * determinant * weights).sum((1, 2)) / (K - 1)


def _flat(z: torch.Tensor, triples: np.ndarray) -> np.ndarray:
    a, b, c = (z[:, triples[:, each]] for each in range(3))
    u, v = b - a, c - a
    found: np.ndarray = ((u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]).abs() / 2).cpu().numpy()
    return found
