"""The evaluator `distances`: geodesic distances between samples in every replicate, each with its certificate."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from identify_core import Context, Finding, LabelledArray, OptionsError, Subject, Table
from identify_metric.evaluators.decoders import chosen_latents, module_map
from identify_metric.evaluators.measuring import IN_WORDS, Distances, measure
from identify_metric.geometry.geodesics import DRAWN_POINTS, Geodesics
from identify_metric.options.evaluators import DistancesOptions, GeometryOptions

_STRIPS, _FRAMES = 3, 9

CONVENTIONS = {
    "length": "in the units of the decoded space; measured on a rule twice as fine as the one that was minimised",
    "gap": "(E − L²) / E, 0 for a curve of constant speed",
    "error": "the largest of quadrature, refinement and the length that the gradient still promises, relative",
}


def evaluate(options: DistancesOptions, subject: Subject, context: Context) -> Finding:
    """Geodesic distances of pairs of samples, next to the distances that they are compared with.

    Raises:
        OptionsError: the run has no decoders, lacks the latents or cannot give so many pairs, or no pair is finite.
        Interrupted: the user stopped the run.
    """
    run = subject.run
    assert run is not None  # arity is "run"
    measured = measure(options, (options.ensemble,), chosen_latents(options.latents, run), context)
    found = measured.found[options.ensemble]
    lengths = measured.grid(found.length)
    straight = measured.baselines["straight"]
    known, positive = lengths[np.isfinite(lengths)], np.isfinite(lengths) & (straight > 0)
    if not known.size:
        raise OptionsError("no pair has finite latents, and there is no distance")
    ratio = float(np.median(lengths[positive] / straight[positive])) if positive.any() else float("nan")
    shorter = f"{1 - ratio:.2%} shorter than the straight latent line" if positive.any() else "none above 0"
    return Finding(
        summary=f"{lengths.size} geodesics ({options.ensemble} metric): median length {np.median(known):.4g}, "
        f"{shorter}; numerical error at most "
        f"{float(found.error.nan_to_num(0).max()):.1e}",
        scalars={
            "length": float(np.median(known)),
            "straight-over-geodesic": 1 / ratio if ratio else float("nan"),
            "error": float(found.error.nan_to_num(0).max()),
            "converged": float(found.converged.double().mean()),
        },
        tables={"geodesics": geodesics_table(measured, options.ensemble)},
        arrays=_arrays(measured, found) | strips(measured, found),
        conventions=CONVENTIONS | {"ensemble": options.ensemble, **IN_WORDS},
        warnings=doubts(found),
    )


def geodesics_table(measured: Distances, ensemble: str) -> Table:
    """One row a geodesic, with the columns of the study's table and the certificate.

    Source: mustass/identifiable-latent-metric-space, geodesics_table.csv.
    """
    found = measured.found[ensemble]
    grids = {
        name: measured.grid(getattr(found, name))
        for name in ("length", "energy", "gap", "error", "start", "segments", "converged")
    }
    ids = measured.points.ids.tolist()
    rows = []
    for r in range(len(measured.points.z)):
        for p, (first, second) in enumerate(measured.pairs.tolist()):
            others = [float(each[r, p]) for each in measured.baselines.values()]
            certificate = [grids[name][r, p].item() for name in ("gap", "error", "start", "segments", "converged")]
            rows.append(
                (
                    r,
                    ids[first],
                    ids[second],
                    float(grids["length"][r, p]),
                    float(grids["energy"][r, p]),
                    *others,
                    *certificate,
                )
            )
    return Table(
        columns=(
            *("replicate", "from", "to", "length", "energy"),
            *measured.baselines,
            *("gap", "error", "start", "segments", "converged"),
        ),
        rows=rows,
        caption="Each geodesic, what its length is compared with, and how sure it is; start 0 is the straight line.",
    )


def doubts(found: Geodesics, *, lengths: bool = True) -> tuple[str, ...]:
    """What could mislead in geodesics, in sentences; of how sure their lengths are only where lengths are told."""
    said = []
    total = len(found.length)
    missing, open_ = int(found.length.isnan().sum()), int((~found.converged & ~found.length.isnan()).sum())
    same, apart = int((found.length == 0).sum()), int(found.starts_disagree.sum())
    if missing:
        said.append(f"{missing} of {total} pairs have latents that are not finite and no distance")
    if open_:
        said.append(f"{open_} of {total} geodesics did not converge; raise `iterations` or `doublings`")
    if lengths and found.refinement_error.isnan().sum() > missing:
        said.append("the error of refinement was not measured; raise `doublings`")
    if same:
        said.append(f"{same} of {total} pairs have coincident latents or a decoder that does not vary: distance 0")
    if apart:
        said.append(f"the starts of {apart} of {total} pairs ended in different curves; raise `starts` to be surer")
    return tuple(said)


@torch.no_grad()
def strips(measured: Distances, found: Geodesics) -> dict[str, LabelledArray]:
    """Images that the first model decodes along the geodesics and straight lines of a few pairs; none of other data."""
    representation = measured.points.representations[0]
    facts = representation.run.samples.facts
    sizes = [facts.get(f"image-{name}") for name in ("channels", "height", "width")]
    if None in sizes or len(measured.pairs) == 0:
        return {}
    F = module_map(GeometryOptions(), representation.network.module(0), "mean")
    count = min(_STRIPS, len(measured.pairs))
    curves = found.points[:count, :: (DRAWN_POINTS - 1) // (_FRAMES - 1), : measured.points.z[0].shape[1]]
    times = torch.linspace(0, 1, curves.shape[1]).to(curves)[:, None]
    lines = torch.lerp(curves[:, :1], curves[:, -1:], times)
    result = {}
    for name, z in (("geodesic", curves), ("straight", lines)):
        images = F(z.reshape(-1, z.shape[2])).reshape(count, -1, *(int(str(each)) for each in sizes))
        result[f"strip-{name}"] = LabelledArray(
            values=images.permute(0, 1, 3, 4, 2).clamp(0, 1).float().cpu().numpy(),
            dimensions=("pair", "frame", "height", "width", "channel"),
            summary=f"decoded along the {name} line of the first model",
        )
    return result


def _arrays(measured: Distances, found: Geodesics) -> dict[str, LabelledArray]:
    both = ("replicate", "pair")
    arrays: dict[str, Any] = {
        name: LabelledArray(values=measured.grid(getattr(found, name)), dimensions=both)
        for name in ("length", "energy", "gap", "quadrature_error", "refinement_error", "excess", "disagreement")
    }
    arrays = {name.replace("_", "-"): each for name, each in arrays.items()}
    for name, values in measured.baselines.items():
        arrays[name] = LabelledArray(values=values, dimensions=both, summary=IN_WORDS[name])
    arrays["pairs"] = LabelledArray(values=measured.pairs, dimensions=("pair", "end"), summary="rows of the latents")
    arrays["curves"] = LabelledArray(
        values=measured.grid(found.points), dimensions=(*both, "time", "latent"), summary="geodesics at equal times"
    )
    return arrays
