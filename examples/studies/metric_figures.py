"""Draw what examples/studies/metric.toml finds: python examples/studies/metric_figures.py STORE PICTURE.png.

Six questions: decoders, latents, whether a shortest path is needed, segments, convergence, injectivity.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import attrs
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes

from identify_core import Replicates, Shape, Store, StoredRun
from identify_metric.geometry import GeodesicSettings, OriginalSettings, geodesics, original_geodesics, stack
from identify_metric.networks.dense import build_dense
from identify_metric.networks.vae import EnsembleVae
from identify_metric.options.models import DenseOptions

PAIRS, STEPS = 8, (25, 100, 400, 1600)
LINES = {"geodesic": "cv-geodesic-expected", "straight line in the metric": "cv-straight", "latent Euclid": "cv-euclid"}


def runs_of(store: Store, label: str, setting: str = "") -> dict[Any, StoredRun]:
    """The newest run of a label at each value of a setting."""
    found = {}
    for each in sorted(store.runs(), key=lambda run: run.id):
        if f"-{label}-" in f"-{each.id}-":
            run = store.open(each.id)
            found[run.document["sweep"]["values"][setting] if setting else ""] = run
    return dict(sorted(found.items()))


def scalar(run: StoredRun, finding: str, name: str) -> float:
    """One headline number."""
    value = run.findings[finding].finding.scalars[name]
    assert isinstance(value, float)
    return value


def draw_variation(axes: Axes, runs: dict[Any, StoredRun], title: str) -> None:
    """Coefficients of variation against a setting."""
    for style, (name, key) in zip(("o-", "x--", "s-"), LINES.items(), strict=True):
        axes.plot(range(len(runs)), [scalar(run, "stability", key) for run in runs.values()], style, label=name)
    axes.set_xticks(range(len(runs)), [str(each) for each in runs])
    axes.set(title=title, ylabel="mean CV over five models", yscale="log")
    axes.legend(fontsize=7)


def decoders_of(run: StoredRun) -> tuple[list[torch.nn.Module], torch.Tensor]:
    """The first model's decoders in double precision, and its latents of the test images."""
    options = DenseOptions(latent_dim=4, decoders=4, hidden=(64,), activation="tanh", sigma=0.25)
    module = build_dense(options, Shape(inputs=(64,), outputs=()), None)  # type: ignore[arg-type]
    replicates = Replicates.from_modules([module] * 5)
    replicates.load_state({name: torch.from_numpy(np.asarray(each)) for name, each in run.weights().items()})
    vae = replicates.module(0).double().requires_grad_(False)
    assert isinstance(vae, EnsembleVae)
    return list(vae.decoders), torch.from_numpy(run.latents["z"].values(0)).double()


def draw_accuracy(pieces: Axes, steps: Axes, run: StoredRun) -> None:
    """The error of lengths against the pieces of a curve, and against steps of two searches."""
    decoders, z = decoders_of(run)
    F, a, b = stack(decoders), z[:PAIRS], z[PAIRS : 2 * PAIRS]
    tight = GeodesicSettings(starts=1, gradient_tolerance=1e-9, doublings=0)

    def lengths(segments: int = 10, iterations: int = 400) -> torch.Tensor:
        return geodesics(F, a, b, settings=attrs.evolve(tight, segments=segments, iterations=iterations)).length

    best = lengths(segments=40)

    def worst_of(found: torch.Tensor) -> float:
        return float((found / best - 1).abs().max().clamp_min(1e-12))

    counts = (1, 2, 5, 10, 20)
    cut = [lengths(segments=n) for n in counts]
    pieces.loglog(counts, [worst_of(each) for each in cut], "o-")
    pieces.set(title="How many segments?", xlabel="cubic pieces", ylabel="largest relative error of 8 lengths")
    straight = lengths(iterations=0)
    slow = [original_geodesics(F, a, b, OriginalSettings(steps=n, patience=10**6, delta=0.0)).length for n in STEPS]
    few = (1, 2, 4, 8, 16)
    quick = [lengths(iterations=n) for n in few]
    steps.loglog(STEPS, [worst_of(each) for each in slow], "o-", label="the study's procedure")
    steps.loglog(few, [worst_of(each) for each in quick], "o-", label="this project's search")
    steps.axhline(worst_of(straight), color="grey", linestyle=":", label="the straight line")
    steps.set(title="How far must a search converge?", xlabel="steps", ylabel="largest relative error of 8 lengths")
    steps.legend(fontsize=7)


def draw_shortening(axes: Axes, runs: dict[Any, StoredRun]) -> None:
    """How much shorter geodesics are than straight latent lines, pair by pair."""
    arrays = [run.findings["stability"].finding.arrays for run in runs.values()]
    shorter = [100 * (1 - each["geodesic-expected"].values / each["straight"].values).ravel() for each in arrays]
    axes.boxplot(shorter, tick_labels=[str(each) for each in runs], showfliers=False)
    axes.set(title="Is a shortest path needed?", xlabel="latents", ylabel="shorter than the straight line, %")


def draw_injectivity(axes: Axes, dense: StoredRun, injective: StoredRun) -> None:
    """A decoder that is injective by construction next to one that need not be, both alone."""
    places = np.arange(len(LINES) + 2)
    for shift, (name, run) in zip((-0.2, 0.2), {"dense": dense, "injective": injective}.items(), strict=True):
        values = [scalar(run, "stability", key) for key in LINES.values()]
        values += [scalar(run, "isometry", key) for key in ("isometry median", "latent-isometry median")]
        axes.bar(places + shift, values, 0.4, label=f"{name}, one decoder")
    names = ["CV,\ngeodesic", "CV,\nline", "CV,\nEuclid", "stretch,\nmetric", "stretch,\nlatents"]
    axes.set_xticks(places, names, fontsize=7)
    axes.set(title="What does injectivity do?", yscale="log")
    axes.legend(fontsize=7)


def main(store: str, picture: str) -> None:
    """All six, in one picture."""
    kept = Store(Path(store))
    decoders, latents = runs_of(kept, "decoders", "model.decoders"), runs_of(kept, "latents", "model.latent_dim")
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), constrained_layout=True)
    draw_variation(axes[0, 0], decoders, "How many decoders?")
    axes[0, 0].set_xlabel("decoders, of 4 latents")
    draw_variation(axes[0, 1], latents, "How many latents?")
    axes[0, 1].set_xlabel("latents, of 4 decoders")
    draw_shortening(axes[0, 2], latents)
    draw_accuracy(axes[1, 0], axes[1, 1], decoders[4])
    draw_injectivity(axes[1, 2], decoders[1], runs_of(kept, "injective")[""])
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main(*sys.argv[1:])
