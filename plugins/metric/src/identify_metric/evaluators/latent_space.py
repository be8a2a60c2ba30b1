"""The evaluator `latent-space`: two latents as a map: volumes, unit balls, geodesics, and where decoders disagree."""

from __future__ import annotations

import numpy as np
import torch

from identify_core import Context, Finding, LabelledArray, OptionsError, Subject
from identify_metric.evaluators.decoders import chosen_latents, maps_of, points_of
from identify_metric.evaluators.distances import doubts
from identify_metric.evaluators.pairs import draw_pairs
from identify_metric.geometry.geodesics import geodesics
from identify_metric.geometry.metric import indicatrix, log_volume, metric
from identify_metric.geometry.uncertainty import ensemble_variance
from identify_metric.networks.vae import EnsembleVae
from identify_metric.options.evaluators import LatentSpaceOptions

_INDICATRICES, _MARGIN = 7, 0.1


def evaluate(options: LatentSpaceOptions, subject: Subject, context: Context) -> Finding:
    """What a picture of a latent space of two dimensions needs, of each replicate.

    Raises:
        OptionsError: there are not two latents, or too few samples, or none of a replicate is finite.
        Interrupted: the user stopped the run.
    """
    run = subject.run
    assert run is not None  # arity is "run"
    points = points_of(chosen_latents(options.latents, run), context.device)
    z = torch.stack(points.z)
    if z.shape[2] != 2:
        raise OptionsError(f"a map is drawn of two latents, and the run has {z.shape[2]}", hint="leave it out")
    if z.shape[1] < options.pairs + 1:
        raise OptionsError(f"{options.pairs} pairs are to be drawn from {z.shape[1]} samples", hint="draw fewer")
    maps = maps_of(options, points, options.ensemble)
    pairs = draw_pairs(z.shape[1], options.pairs, np.random.RandomState(options.pair_seed))
    if not (there := z.isfinite().any(1).all(1)).all():
        raise OptionsError(
            f"no latents of replicate {int((~there).nonzero()[0])} are finite, and there is no map of it"
        )
    low, high = z.nan_to_num(nan=torch.inf).amin(1), z.nan_to_num(nan=-torch.inf).amax(1)
    low, high = low - _MARGIN * (high - low), high + _MARGIN * (high - low)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("axes", "volume", "uncertainty", "centres", "balls")}
    for number, F in enumerate(maps):
        axes = [torch.linspace(float(low[number, k]), float(high[number, k]), options.grid).to(z) for k in range(2)]
        grid = torch.cartesian_prod(*axes)
        module = points.representations[number].network.module(0).double().requires_grad_(False)
        assert isinstance(module, EnsembleVae)
        coarse = torch.cartesian_prod(*[each[:: max(options.grid // _INDICATRICES, 1)] for each in axes])
        shape = (options.grid, options.grid)
        parts["axes"].append(torch.stack(axes).cpu().numpy())
        parts["volume"].append(log_volume(F, grid).value.reshape(shape).detach().cpu().numpy())
        parts["uncertainty"].append(ensemble_variance(list(module.decoders), grid).sqrt().reshape(shape).cpu().numpy())
        parts["centres"].append(coarse.cpu().numpy())
        parts["balls"].append(indicatrix(metric(F, coarse) + 1e-9 * torch.eye(2).to(z)).detach().cpu().numpy())
    P = len(pairs)
    found = geodesics(
        maps,
        *(z[:, pairs[:, side]].reshape(-1, 2) for side in (0, 1)),
        owner=torch.arange(len(maps)).repeat_interleave(P),
        settings=options.settings(),
        generator=context.stream("bumps-latent-space"),
        context=context,
    )
    label = next(iter(run.samples.factors), None)
    arrays = {
        "axes": LabelledArray(values=np.stack(parts["axes"]), dimensions=("replicate", "latent", "place")),
        "log-volume": LabelledArray(
            values=np.stack(parts["volume"]), dimensions=("replicate", "first", "second"), summary="½ log det G"
        ),
        "uncertainty": LabelledArray(
            values=np.stack(parts["uncertainty"]),
            dimensions=("replicate", "first", "second"),
            summary="root of the decoders' variance, summed over features",
        ),
        "centres": LabelledArray(values=np.stack(parts["centres"]), dimensions=("replicate", "ball", "latent")),
        "balls": LabelledArray(
            values=np.stack(parts["balls"]),
            dimensions=("replicate", "ball", "direction", "latent"),
            summary="vectors of unit length in the decoded space",
        ),
        "curves": LabelledArray(
            values=found.points.reshape(len(maps), P, -1, 2).cpu().numpy(),
            dimensions=("replicate", "pair", "time", "latent"),
        ),
        "samples": LabelledArray(values=z.cpu().numpy(), dimensions=("replicate", "sample", "latent")),
    }
    if label is not None:
        rows = [row for row in points.sample_rows(np.arange(len(points.ids))) if row is not None]
        _, codes = np.unique(run.samples.factors[label].values[rows], return_inverse=True)
        arrays["labels"] = LabelledArray(values=codes, dimensions=("sample",), summary=label)
    return Finding(
        summary=f"maps of {len(maps)} latent spaces with {P} geodesics each",
        arrays=arrays,
        conventions={
            "log-volume": "½ log det G, not identifiable at a point",
            "balls": "unit vectors of the metric, scaled for the eye in the picture",
        },
        warnings=doubts(found, lengths=False),
    )
