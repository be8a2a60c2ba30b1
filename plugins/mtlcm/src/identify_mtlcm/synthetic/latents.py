"""The rows of a synthetic dataset before they are observed: latents, targets, and the latents' standardisation."""

from __future__ import annotations

import math

import attrs
import numpy as np

from identify_core import OptionsError, Streams
from identify_mtlcm.options.synthetic import Law, Standardisation, SyntheticOptions
from identify_mtlcm.synthetic.laws import Array, draw_rows
from identify_mtlcm.synthetic.structure import TaskStructure

_ROUNDING = 1e-12


@attrs.frozen(kw_only=True, eq=False)
class Scaling:
    """What standardisation took from the latents: z = (raw - mean) / scale.

    Args:
        mean: (T, d).
        scale: (T, d), positive.
    """

    mean: Array
    scale: Array

    def __call__(self, z: Array) -> Array:
        """Standardise (T, n, d)."""
        scaled: Array = (z - self.mean[:, None]) / self.scale[:, None]
        return scaled


def draw_latents(
    options: SyntheticOptions, structure: TaskStructure, streams: Streams, split: str
) -> tuple[Array, Array]:
    """Latents and targets of one split, before standardisation.

    Args:
        options: the laws, and how many rows.
        structure: the tasks.
        streams: of the data.
        split: `train` or `test`; each has streams of its own.

    Returns:
        z (T, n, d) and y (T, n), float64.
    """
    T, d = structure.causal.shape
    n = options.points if split == "train" else options.test_points

    def draw(name: str, width: int = 1, law: Law = "normal") -> Array:
        shape = (T, n, width)
        return draw_rows(streams, f"data/{split}/{name}", shape, law=law, degrees=options.degrees_of_freedom)

    z = draw("causal", d, options.causal_law)
    rho = structure.correlation
    if rho:
        z = math.sqrt(rho) * draw("common-cause", law=options.causal_law) + math.sqrt(1 - rho) * z
    z *= structure.causal_noise
    noise = draw("target")[..., 0]
    parent = None
    if structure.confounding is not None:
        confounder, kappa = draw("confounder")[..., 0], structure.confounding
        noise = kappa * confounder + math.sqrt(1 - kappa**2) * noise
        parent = structure.target_spread[:, None] * confounder
    y = np.einsum("tnd,td->tn", z, structure.weights) + structure.target_noise[:, None] * noise
    gamma = structure.gamma if split == "train" else structure.gamma * structure.test_sign[:, None]
    spurious = draw("spurious", d, options.spurious_law)
    spurious *= structure.spurious_noise[:, None]
    spurious += gamma[:, None] * (y if parent is None else parent)[..., None]
    return np.where(structure.causal[:, None], z, spurious), y


def measure_scaling(z: Array, kind: Standardisation) -> Scaling | None:
    """Mean and standard deviation of the training latents, within each task or over all of them.

    Args:
        z: (T, n, d).
        kind: over what; `none` gives None.

    Raises:
        OptionsError: a latent is constant where it is to be standardised.
    """
    if kind == "none":
        return None
    T, _, d = z.shape
    axes = (1,) if kind == "per-task" else (0, 1)
    mean, scale = z.mean(axis=axes), z.std(axis=axes)
    constant = np.atleast_2d(scale <= _ROUNDING * np.abs(mean))
    if constant.any():
        where = np.argwhere(constant)[0]
        place = f"latent {where[1]} of task {where[0]}" if kind == "per-task" else f"latent {where[1]}"
        raise OptionsError(
            f"{place} is constant, so that it cannot be standardised",
            hint='give γ or the noises a spread, or standardise = "none"',
        )
    return Scaling(mean=np.broadcast_to(mean, (T, d)).copy(), scale=np.broadcast_to(scale, (T, d)).copy())
