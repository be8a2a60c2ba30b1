"""The evaluator `isometry`: does the transition between two models carry the metric of one to that of the other?

The transition A: Z_a → Z_b is fitted on half of the samples, as a smooth map from the latents of one model to those of
the other. On the other half the metric that it pulls back, J_Aᵀ G_b(A) J_A, is compared with G_a: for an isometry all
generalised eigenvalues are 1. The value is the root mean square of the logarithms of their roots, by how much lengths
are stretched: 0.1 is about 10 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from identify_core import Context, Measured, OptionsError, Subject
from identify_metric.evaluators.decoders import maps_of, points_of
from identify_metric.geometry.maps import Map
from identify_metric.geometry.metric import jacobian, metric
from identify_metric.options.evaluators import IsometryOptions

_RIDGES = 10.0 ** np.arange(-9, 1)
_WIDTHS = (1.0, 2.0, 4.0, 8.0)


def evaluate(options: IsometryOptions, subject: Subject, context: Context) -> Mapping[str, Measured]:
    """The stretch of the transition in the decoders' metrics, in latent coordinates, and two controls.

    Raises:
        OptionsError: a run has no decoders, runs hold other data, there are too few samples, or latents or decoders do
            not vary over them.
    """
    points = points_of(subject.representations, context.device)
    usable = np.flatnonzero(torch.stack([z.isfinite().all(1) for z in points.z]).all(0).cpu().numpy())
    if len(usable) < 20:
        raise OptionsError(f"a transition is fitted and judged on at least 20 samples, and there are {len(usable)}")
    for z, each in zip(points.z, points.representations, strict=True):
        if not (z[usable] != z[usable[0]]).any():
            raise OptionsError(
                f"all samples have the same latents in {each.label}, and nothing can be told of a transition"
            )
    random = np.random.default_rng(options.split_seed)
    rows = random.permutation(usable)[: options.rows]
    fitted, judged = (torch.from_numpy(np.sort(each)) for each in (rows[::2], rows[1::2]))
    shuffled = fitted[torch.from_numpy(random.permutation(len(fitted)))]
    maps = maps_of(options, points, options.ensemble)
    a, b = points.z
    own = stretches(maps[0], maps[0], fit_transition(a[fitted], a[fitted]), a[judged], options.ridge)
    there = fit_transition(a[fitted], b[fitted]), fit_transition(b[fitted], a[fitted])
    forward = stretches(maps[0], maps[1], there[0], a[judged], options.ridge)
    back = stretches(maps[1], maps[0], there[1], b[judged], options.ridge)
    chance = stretches(maps[0], maps[1], fit_transition(a[fitted], b[shuffled]), a[judged], options.ridge)
    flat = stretches(lambda z: z, lambda z: z, there[0], a[judged], options.ridge)
    said = f"transition fitted on {len(fitted)} samples, judged on {len(judged)} others; RMS log stretch"

    def measured(values: torch.Tensor, more: str) -> Measured:
        return Measured(float(values.square().mean().sqrt()), n=len(judged), estimator=f"{said}; {more}")

    both = torch.cat([forward.flatten(), back.flatten()])
    return {
        "isometry": measured(both, "mean of both directions, in the decoders' metrics"),
        "latent-isometry": measured(flat, "in latent coordinates, up to a common scale: not identifiable"),
        "control-itself": measured(own, "the first model against itself: what the fit of a transition costs"),
        "control-shuffled": measured(chance, "samples of one model shuffled: what no correspondence gives"),
    }


def stretches(
    F: Map, H: Map, transition: Callable[[torch.Tensor], torch.Tensor], z: torch.Tensor, ridge: float
) -> torch.Tensor:
    """½ log of the generalised eigenvalues of J_Aᵀ G_H J_A against G_F, (n, d).

    Args:
        F: map of the first model.
        H: of the second; where both are the identity a common scale is taken out.
        transition: A, from latents of the first to those of the second.
        z: latents of the first, (n, d).
        ridge: in parts of the mean diagonal of G_F, added to both.

    Raises:
        OptionsError: F does not vary, so that nothing has a length.
    """
    G = metric(F, z)
    J = jacobian(transition, z)
    with torch.no_grad():
        there = transition(z)
    carried = torch.einsum("nai,nab,nbj->nij", J, metric(H, there), J)
    level = G.diagonal(dim1=1, dim2=2).mean()
    if not level > 0:
        raise OptionsError(
            "a decoder gives the same for all latents, so that no length can be compared",
            hint="identifiability-conditions says which replicate",
        )
    if torch.equal(G, torch.eye(G.shape[1]).to(G).expand_as(G)):
        carried = carried / carried.diagonal(dim1=1, dim2=2).mean()
    floor = ridge * level * torch.eye(G.shape[1]).to(G)
    lower = torch.linalg.cholesky(G + floor)
    half = torch.linalg.solve_triangular(lower, carried + floor, upper=False)
    whole = torch.linalg.solve_triangular(lower, half.mT, upper=False)
    eigenvalues: torch.Tensor = torch.linalg.eigvalsh((whole + whole.mT) / 2)
    return eigenvalues.clamp_min(torch.finfo(G.dtype).tiny).log() / 2


def fit_transition(x: torch.Tensor, y: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """A smooth map from x (n, d) to y (n, d'): a linear part, and Gaussian kernel ridge regression of what it leaves.

    Width and ridge have the least error when each sample is left out (in closed form from the hat matrix: Wahba,
    Spline Models for Observational Data, 1990, section 4.2).
    """
    n = len(x)
    one = torch.cat([torch.ones(n, 1).to(x), x], dim=1)
    linear = torch.linalg.pinv(one) @ y
    rest = y - one @ linear
    scale = x.std(0).clamp_min(torch.finfo(x.dtype).tiny)
    points = x / scale
    squares = torch.cdist(points, points).square()
    typical = squares.median().clamp_min(torch.finfo(x.dtype).tiny)
    best, kept = np.inf, (1.0, torch.zeros_like(rest))
    for width in _WIDTHS:
        values, vectors = torch.linalg.eigh(torch.exp(-squares / (width * typical)))
        values = values.clamp_min(0)
        inner = vectors.mT @ rest
        for ridge in _RIDGES:
            shrunk = 1 / (values + ridge)
            weights = vectors @ (shrunk[:, None] * inner)
            diagonal = (vectors.square() * shrunk).sum(1)
            error = float((weights / diagonal[:, None]).square().mean())
            if error < best:
                best, kept = error, (width, weights)
    width, weights = kept

    def transition(z: torch.Tensor) -> torch.Tensor:
        near = (z / scale)[:, None] - points
        kernel = torch.exp(-near.square().sum(2) / (width * typical))
        found: torch.Tensor = linear[0] + z @ linear[1:] + kernel @ weights
        return found

    return transition
