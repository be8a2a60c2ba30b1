"""What is known of a synthetic dataset next to its rows: the tasks and the mixing, in the units of the factors."""

from __future__ import annotations

import numpy as np

from identify_core import LabelledArray
from identify_mtlcm.synthetic.latents import Scaling
from identify_mtlcm.synthetic.laws import Array
from identify_mtlcm.synthetic.structure import TaskStructure


def task_truths(structure: TaskStructure, scaling: Scaling | None) -> dict[str, LabelledArray]:
    """What the tasks are, with slopes and noises in the units of the factors.

    From z = γ y + ε follows z/s = (γ/s) y + ε/s: a latent that was divided by s has the slope γ/s and the noise σ/s.
    """
    unit = np.ones_like(structure.gamma) if scaling is None else scaling.scale
    truths = {
        "causal": _by_latent(structure.causal, "whether the latent causes the target of the task"),
        "weights": _by_latent(structure.weights, "weight of the latent, before standardisation, in the target"),
        "gamma": _by_latent(structure.slopes / unit, "slope of the latent on the target, in the units of the factors"),
        "gamma-drawn": _by_latent(structure.gamma, "γ as it was drawn, before standardisation"),
        "residual-noise": _by_latent(
            structure.residual_noise / unit,
            "standard deviation of the latent given the target, in the units of the factors",
        ),
        "target-noise": LabelledArray(
            values=structure.target_noise, dimensions=("task",), summary="σ_t, of the target's noise"
        ),
    }
    if (structure.test_sign != 1).any():
        truths["test-sign"] = LabelledArray(
            values=structure.test_sign, dimensions=("task",), summary="what γ is multiplied with on the test rows"
        )
    if scaling is not None:
        truths["latent-mean"] = _by_latent(scaling.mean, "mean that standardisation took away")
        truths["latent-scale"] = _by_latent(scaling.scale, "standard deviation that standardisation divided by")
    return truths


def mixing_truth(matrix: Array) -> LabelledArray:
    """A of x = A z + ε, as a truth."""
    return LabelledArray(values=matrix, dimensions=("observed", "latent"), summary="A of x = A z + ε")


def _by_latent(values: Array, summary: str) -> LabelledArray:
    return LabelledArray(values=values, dimensions=("task", "latent"), summary=summary)
