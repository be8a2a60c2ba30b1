"""What each task of a synthetic dataset is: its causal latents, weights, slopes and noises."""

from __future__ import annotations

from functools import cached_property

import attrs
import numpy as np

from identify_core import Streams
from identify_mtlcm.options.synthetic import SyntheticOptions
from identify_mtlcm.synthetic.laws import Array


@attrs.frozen(kw_only=True, eq=False, slots=False)
class TaskStructure:
    """The parameters of T tasks over d latents; spec sections 1 and 4 of the paper's model.

    Args:
        causal: bool (T, d): which latents cause the target.
        weights: (T, d): of the causal latents in the target, 0 elsewhere.
        gamma: (T, d): slope of the spurious latents on their parent, 0 elsewhere.
        target_noise: (T,): σ_t.
        spurious_noise: (T, d): standard deviation of the spurious latents around their mean, 0 elsewhere.
        causal_noise: standard deviation of the causal latents.
        correlation: of every two causal latents of a task.
        confounding: None where the target is the parent of the spurious latents; else the correlation of the
            confounder, which is their parent, with the target's noise.
        test_sign: (T,), 1 or -1: what γ is multiplied with on the test rows.
    """

    causal: Array
    weights: Array
    gamma: Array
    target_noise: Array
    spurious_noise: Array
    causal_noise: float
    correlation: float
    confounding: float | None
    test_sign: Array

    @cached_property
    def target_spread(self) -> Array:
        """Standard deviation of the target in each task, (T,): √(Var(w·z) + σ_t²)."""
        squares, sums = (self.weights**2).sum(1), self.weights.sum(1)
        signal = self.causal_noise**2 * ((1 - self.correlation) * squares + self.correlation * sums**2)
        spread: Array = np.sqrt(signal + self.target_noise**2)
        return spread

    @property
    def slopes(self) -> Array:
        """The γ of p(z | y, t): Cov(z, y) / Var(y) of the spurious latents, (T, d), 0 at causal ones.

        Where the target is the parent that is γ itself. A confounder u with the target's variance s² gives
        z = γ u + ε and y = w·z + σ (κ u/s + …), so that Cov(z, y) = γ s σ κ.
        """
        if self.confounding is None:
            return self.gamma
        slopes: Array = self.gamma * (self.confounding * self.target_noise / self.target_spread)[:, None]
        return slopes

    @property
    def residual_noise(self) -> Array:
        """Standard deviation of each latent given the target, (T, d); of causal ones before the target is known.

        The model takes p(z_causal | y) for p(z_causal), as with an uninformative prior over the weights.
        """
        variance = self.spurious_noise**2
        if self.confounding is not None:
            unexplained = self.target_spread**2 - (self.confounding * self.target_noise) ** 2
            variance = variance + self.gamma**2 * unexplained[:, None]
        noise: Array = np.where(self.causal, self.causal_noise, np.sqrt(variance))
        return noise

    @property
    def unseparated_pairs(self) -> int:
        """Pairs of latents that are causal in the same tasks: theory leaves those mixed."""
        causal = self.causal.astype(float)
        apart = causal.T @ (1 - causal)
        never = (apart + apart.T) == 0
        return int(np.triu(never, k=1).sum())


def draw_structure(options: SyntheticOptions, streams: Streams) -> TaskStructure:
    """The tasks of a dataset; each quantity from its own stream, so that an option shifts no other's numbers."""
    T, d = options.tasks, options.latents
    causal = _draw_causal(options, streams)
    gamma = streams.numpy("data/gamma").uniform(*options.gamma, (T, d))
    weights = streams.numpy("data/weights").standard_normal((T, d)) if options.weights == "normal" else np.ones((T, d))
    noise = np.full((T, d), options.spurious_noise)
    if options.spurious_noise_spread:
        spread = streams.numpy("data/spurious-scale").standard_normal((T, d))
        noise = noise * np.exp(options.spurious_noise_spread * spread)
    train_sign, test_sign = _draw_signs(options, streams)
    return TaskStructure(
        causal=causal,
        weights=np.where(causal, weights, 0.0),
        gamma=np.where(causal, 0.0, gamma * train_sign[:, None]),
        target_noise=streams.numpy("data/target-scale").uniform(*options.target_noise, T),
        spurious_noise=np.where(causal, 0.0, noise),
        causal_noise=options.causal_noise,
        correlation=options.causal_correlation,
        confounding=options.confounding if options.spurious_parent == "confounder" else None,
        test_sign=test_sign * train_sign,
    )


def _draw_causal(options: SyntheticOptions, streams: Streams) -> Array:
    T, d, k = options.tasks, options.latents, options.causal_factors
    if options.fixed_causal_ids:
        return np.tile(np.isin(np.arange(d), options.fixed_causal_ids), (T, 1))
    ranks = streams.numpy("data/causal").random((T, d)).argsort(axis=1).argsort(axis=1)
    causal: Array = ranks < k
    return causal


def _draw_signs(options: SyntheticOptions, streams: Streams) -> tuple[Array, Array]:
    """The sign of γ on training and on test rows, (T,) each."""
    ones = np.ones(options.tasks)
    if options.flip_spurious == "never":
        return ones, ones
    if options.flip_spurious == "test":
        return ones, -ones
    train = np.where(streams.numpy("data/flip").random(options.tasks) < 0.5, -1.0, 1.0)
    return train, -train
