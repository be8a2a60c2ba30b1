"""The evaluator `identifiability-conditions`: do the decoders meet what the theory asks of them?"""

from __future__ import annotations

import numpy as np
import torch

from identify_core import (
    Call,
    Context,
    Finding,
    OptionsError,
    Replicates,
    RunSubject,
    Subject,
    Table,
    gaussian_divergence,
)
from identify_metric.evaluators.decoders import chosen_latents, maps_of, points_of, surface_doubts
from identify_metric.geometry.metric import invariant_density, log_volume
from identify_metric.networks.vae import posterior_of
from identify_metric.options.evaluators import ConditionsOptions


def evaluate(options: ConditionsOptions, subject: Subject, context: Context) -> Finding:
    """Rank and condition of the Jacobian at the data, and latents that the posterior has given up.

    Distances are identifiable where the decoder has full rank. A latent whose posterior is the prior for every sample
    carries nothing, the decoder ignores it, and the metric is nearly singular along it.

    Raises:
        OptionsError: the run has no decoders or lacks the latents, or none of them is finite.
    """
    run = subject.run
    assert run is not None  # arity is "run"
    points = points_of(chosen_latents(options.latents, run), context.device)
    maps = maps_of(options, points, options.ensemble)
    latents = torch.stack(points.z)
    R, n, d = latents.shape
    found = [log_volume(F, z, tolerance=options.rank_tolerance) for F, z in zip(maps, latents, strict=True)]
    ranks = torch.stack([each.rank for each in found]).cpu().numpy()
    conditions = torch.stack([each.condition for each in found]).cpu().numpy()
    elements = torch.stack([each.value for each in found])
    volumes, density = elements.cpu().numpy(), invariant_density(latents, elements).cpu().numpy()
    divergences = _divergences(run, run.replicates, points.ids)
    collapsed = (divergences < options.collapse).sum(1)
    known = np.isfinite(volumes)
    if not known.any(1).all():
        raise OptionsError(f"replicate {np.flatnonzero(~known.any(1))[0]} has no sample whose Jacobian is finite")
    deficient = 1 - (ranks == d).sum(1) / known.sum(1)
    least = np.where(known, ranks, d).min(1)
    typical, worst = np.nanmedian(np.where(known, conditions, np.nan), axis=1), np.where(known, conditions, 0).max(1)
    middle = float(np.median(conditions[known]))
    warnings = list(surface_doubts(found))
    if collapsed.any():
        warnings.append(
            f"{collapsed.sum()} of {R * d} latents have collapsed: their decoders are not injective in these directions"
        )
    return Finding(
        summary=f"full rank at {1 - deficient.mean():.1%} of the samples, median condition number "
        f"{middle:.3g}; {int(collapsed.sum())} of {R * d} latents have collapsed",
        scalars={
            "full-rank": float(1 - deficient.mean()),
            "condition": middle,
            "collapsed": int(collapsed.sum()),
        },
        tables={
            "replicates": Table(
                columns=("replicate", "full rank", "least rank", "median condition", "worst condition", "collapsed"),
                rows=[(r, 1 - deficient[r], least[r], typical[r], worst[r], collapsed[r]) for r in range(R)],
                caption=f"The Jacobian of each replicate at {n} samples, and its collapsed latents.",
            )
        },
        arrays={
            "condition": (("replicate", "sample"), conditions),
            "rank": (("replicate", "sample"), ranks),
            "log-volume": (("replicate", "sample"), volumes, "½ log det G over the directions that count"),
            "invariant-density": (("replicate", "sample"), density, "log p(z) − ½ log det G, nats"),
            "divergence": (("replicate", "latent"), divergences, "mean KL(q ‖ p) of each latent, nats"),
        },
        conventions={
            "rank": f"singular values of the Jacobian above {options.rank_tolerance:g} of the largest",
            "collapsed": f"latents with a mean divergence from the prior below {options.collapse:g} nats",
            "log-volume": "not identifiable at a point: it takes up the Jacobian of the transition between two models",
            "invariant-density": "log density of the prior with respect to the volume of the decoded surface; "
            "identifiable where the rank is full",
            "injectivity": "full rank is necessary for it and does not prove it",
        },
        warnings=warnings,
    )


def _divergences(run: RunSubject, replicates: Replicates, ids: np.ndarray) -> np.ndarray:
    """The mean divergence of each latent from the prior over the samples, (R, d), in nats."""
    samples = run.samples
    x = samples.rows(np.flatnonzero(np.isin(samples.ids, ids))).numbers("x")

    def body(call: Call, rows: torch.Tensor) -> torch.Tensor:
        return gaussian_divergence(*posterior_of(call.part("encoder")(rows)))

    found: torch.Tensor = replicates.encode(x, body)
    result: np.ndarray = found.double().mean(1).cpu().numpy()
    return result
