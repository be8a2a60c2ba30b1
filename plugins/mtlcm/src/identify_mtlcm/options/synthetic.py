"""Options of the synthetic datasets: tasks, latents and their laws, and how latents are observed."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, option

Law = Literal["normal", "laplace", "uniform", "student-t", "bimodal"]
Mixing = Literal["identity", "orthogonal", "random"]
Standardisation = Literal["none", "per-task", "global"]
SpuriousParent = Literal["target", "confounder"]
Flip = Literal["never", "test", "random"]
DecoderActivation = Literal["relu", "leaky-relu", "tanh", "softplus", "identity"]

MOST_PER_AXIS = 2**20  # tasks, and rows of a task: sample ids give each of the two so many numbers

_GENERATOR = "released code, gen_data"
_LINEAR = "linear_synthetic, config.yaml"
_NONLINEAR = "multitask_synthetic, exp_config.yaml"
_REVIEWERS = "asked for by the reviewers, OpenReview kkQSwtx0p3"
_COUNT = between(1, MOST_PER_AXIS)


@attrs.frozen
class SyntheticOptions:
    """The tasks, the latents and their laws: what the datasets `linear` and `nonlinear` share."""

    latents: int = option(10, help="Latent dimension, d.", source=_LINEAR, limit=at_least(1))
    causal_factors: int = option(
        2,
        help="Latents that cause the target of a task, k; the others are its children.",
        source=_LINEAR,
        limit=at_least(0),
    )
    tasks: int = option(200, help="Tasks, T.", source=_LINEAR, limit=_COUNT)
    points: int = option(100, help="Training rows of each task.", source=_LINEAR, limit=_COUNT)
    test_points: int = option(
        50, help="Rows of each task in the split `test`, drawn again from the same tasks.", limit=_COUNT
    )
    standardise: Standardisation = option(
        "per-task",
        help="Whether each latent is brought to mean 0 and variance 1 after the target was formed: within each task "
        "(as in the study, although it contradicts one spurious noise for all), over all training rows, or not.",
        source=f"{_GENERATOR}: standardize_features",
    )
    fixed_causal_ids: tuple[int, ...] = option(
        (),
        help="The causal latents of every task, counted from 0; empty: each task draws its own. Latents that no task "
        "separates stay mixed.",
        source=f"{_GENERATOR}: fix_causal_ids (the last k)",
        limit=at_least(0),
    )
    gamma: tuple[float, float] = option(
        (-1.0, 1.0),
        help="Limits of the uniform law of γ, the slope of a spurious latent on the target; equal limits fix it.",
        source=_GENERATOR,
    )
    weights: Literal["normal", "ones"] = option(
        "normal", help="The weights of the causal latents in the target: standard normal, or all 1.", source=_GENERATOR
    )
    target_noise: tuple[float, float] = option(
        (2.0, 3.0),
        help="Limits of the uniform law of σ_t, the standard deviation of the target's noise in task t; [0, 0] makes "
        "the target a function of its causes.",
        source=f"{_GENERATOR}: sigma_support",
        limit=at_least(0.0),
    )
    spurious_noise: float = option(
        0.1,
        help="σ_s, the standard deviation of a spurious latent around its mean, before standardisation.",
        source=_LINEAR,
        limit=at_least(0.0),
    )
    spurious_noise_spread: float = option(
        0.0,
        help="σ_s of every task and latent is multiplied with exp(this times a standard normal number); 0: one σ_s.",
        source=_REVIEWERS,
        limit=at_least(0.0),
    )
    causal_noise: float = option(
        1.0,
        help="Standard deviation of the causal latents; the model pins it to 1.",
        source=_GENERATOR,
        limit=above(0.0),
    )
    flip_spurious: Flip = option(
        "never",
        help="Whether γ changes its sign: never, on the test rows, or for each task at random on either the training "
        "or the test rows.",
        source=f"{_GENERATOR}: flip_spurious",
    )
    causal_law: Law = option("normal", help="The law of the causal latents, of one variance each.", source=_REVIEWERS)
    spurious_law: Law = option("normal", help="The law of the spurious latents around their mean.", source=_REVIEWERS)
    degrees_of_freedom: float = option(5.0, help="Of the law student-t; its variance exists above 2.", limit=above(2.0))
    causal_correlation: float = option(
        0.0,
        help="Correlation of every two causal latents of a task, through a common cause.",
        source=_REVIEWERS,
        limit=between(0.0, 0.99),
    )
    spurious_parent: SpuriousParent = option(
        "target",
        help="What the spurious latents are children of: the target, or an unseen confounder of it and of them. The "
        "confounder has the target's variance, so that their own does not change.",
        source=_REVIEWERS,
    )
    confounding: float = option(
        1.0,
        help='With spurious_parent = "confounder": its correlation with the target\'s noise.',
        source=_REVIEWERS,
        limit=between(0.0, 1.0),
    )
    standardise_observed: bool = option(
        False, help="Whether every observed feature is brought to mean 0 and variance 1 over the training rows."
    )
    data_seed: int | None = option(
        None,
        help="Seed of the data; without it they follow the run's seed. Runs are lined up where the data are the same.",
        limit=at_least(0),
    )
    memory: float = option(
        8.0,
        help="Sizes that would take more than this are refused before anything is drawn.",
        unit="GB",
        limit=above(0.0),
    )

    @property
    def observed_dimension(self) -> int:
        """D."""
        return self.latents

    def __attrs_post_init__(self) -> None:
        if self.causal_factors > self.latents:
            raise ValueError(
                f"causal_factors is {self.causal_factors}, but there are {self.latents} latents: at most all of them "
                "can be causes"
            )
        self._check_fixed_ids()
        for name in ("gamma", "target_noise"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} is [{low:g}, {high:g}]: the lower limit comes first")
        if self.causal_factors == 0 and self.target_noise[1] == 0.0:
            raise ValueError(
                "the target is 0 everywhere: with causal_factors = 0 it is noise alone, and target_noise is [0, 0]"
            )
        if self.standardise == "per-task" and self.points == 1:
            raise ValueError(
                'points is 1, but with standardise = "per-task" one row of a task has no variance: draw at least 2, '
                'or standardise = "global"'
            )

    def _check_fixed_ids(self) -> None:
        ids = self.fixed_causal_ids
        if not ids:
            return
        if max(ids) >= self.latents:
            raise ValueError(f"fixed_causal_ids names latent {max(ids)}, but the latents are 0 to {self.latents - 1}")
        if len(set(ids)) != len(ids):
            raise ValueError(f"fixed_causal_ids names a latent twice: {list(ids)}")
        if len(ids) != self.causal_factors:
            raise ValueError(
                f"fixed_causal_ids names {len(ids)} latents, but causal_factors is {self.causal_factors}: make them "
                "agree"
            )


@attrs.frozen
class LinearOptions(SyntheticOptions):
    """The options of `linear`."""

    mixing: Mixing = option(
        "random",
        help="How latents become observations: as they are, by a random orthogonal matrix, or by a matrix of standard "
        "normal numbers.",
        source=f"{_LINEAR}: matrices",
    )
    observed: int | None = option(
        None, help="Observed dimension, D; without it as many as latents, as in the study.", limit=at_least(1)
    )
    observation_noise: float = option(
        0.01,
        help="σ_o, the standard deviation of the noise on every observed feature.",
        source=_LINEAR,
        limit=at_least(0.0),
    )
    largest_condition: float | None = option(
        None,
        help="A random mixing whose condition number is larger is drawn again; without it 5 d, which three in five "
        "draws keep; inf for every draw, as in the study. The noise σ_o in the direction that a mixing nearly loses "
        "bounds what can be recovered: at d = 10, 0.9995 for a condition number of 50, 0.994 for 190, 0.95 for 600.",
        limit=above(1.0),
        infinite=True,
    )

    @property
    def condition_limit(self) -> float:
        """The largest condition number that a random mixing may have."""
        return 5.0 * self.latents if self.largest_condition is None else self.largest_condition

    @property
    def observed_dimension(self) -> int:
        """D."""
        return self.latents if self.observed is None else self.observed


@attrs.frozen
class NonlinearOptions(SyntheticOptions):
    """The options of `nonlinear`."""

    latents: int = option(20, help="Latent dimension, d.", source=_NONLINEAR, limit=at_least(1))
    causal_factors: int = option(
        4,
        help="Latents that cause the target of a task, k; the others are its children.",
        source=_NONLINEAR,
        limit=at_least(0),
    )
    tasks: int = option(500, help="Tasks, T.", source=_NONLINEAR, limit=_COUNT)
    points: int = option(200, help="Training rows of each task.", source=_NONLINEAR, limit=_COUNT)
    observed: int = option(100, help="Observed dimension, D.", source=_NONLINEAR, limit=at_least(1))
    decoder_layers: int = option(
        1, help="Hidden layers of the decoder.", source="released code: Linear-ReLU-Linear", limit=at_least(0)
    )
    decoder_width: int | None = option(
        None, help="Units of each hidden layer of the decoder; without it as many as are observed.", limit=at_least(1)
    )
    decoder_activation: DecoderActivation = option(
        "relu", help="The function after each hidden layer of the decoder.", source="released code: Linear-ReLU-Linear"
    )
    decoder_initialisation: Literal["torch", "he"] = option(
        "torch",
        help="The decoder's weights: torch's default for dense layers, as in the study, or He's, with which signals "
        "keep their size in deep decoders.",
        source="released code; He et al., ICCV 2015, arXiv 1502.01852",
    )
    observation_noise: float = option(
        0.0, help="Standard deviation of the noise on every observed feature.", source=_NONLINEAR, limit=at_least(0.0)
    )

    @property
    def observed_dimension(self) -> int:
        """D."""
        return self.observed


@attrs.frozen
class Legacy2024Options:
    """The study's generator as its code has it, draw by draw: what `linear-2024` and `nonlinear-2024` share."""

    latents: int = option(10, help="Latent dimension, d.", source=_LINEAR, limit=at_least(1))
    causal_factors: int = option(2, help="Causal latents of each task, k.", source=_LINEAR, limit=at_least(1))
    tasks: int = option(200, help="Tasks, T.", source=_LINEAR, limit=_COUNT)
    points: int = option(100, help="Training rows of each task (the support split).", source=_LINEAR, limit=_COUNT)
    query_points: int = option(
        128,
        help="Rows of each task in the query split, here `test`. They are drawn last: another number leaves the "
        "training rows and the mixing as they are.",
        source=_GENERATOR,
        limit=_COUNT,
    )
    fix_causal_ids: bool = option(False, help="Whether the last k latents cause every target.", source=_GENERATOR)
    sample_gammas: bool = option(True, help="Whether γ is drawn, or 1.", source=_GENERATOR)
    sample_weights: bool = option(True, help="Whether the weights are drawn, or 1.", source=_GENERATOR)
    target_noise: Literal["sigmas", "standard-normal", "deterministic"] | float = option(
        "sigmas",
        help="Standard deviation of the target's noise: the task's σ_t, 1, 0, or a number.",
        source=_GENERATOR,
        limit=at_least(0.0),
    )
    sigma_support: float | None = option(
        None,
        help="σ_t of every task in training; without it uniform on [2, 3].",
        source=_GENERATOR,
        limit=at_least(0.0),
    )
    sigma_query: float | None = option(
        None,
        help="σ_t of every task in the query split; without it uniform on [0, 1].",
        source=_GENERATOR,
        limit=at_least(0.0),
    )
    causal_noise: float = option(
        1.0, help="Standard deviation of the causal latents.", source=_GENERATOR, limit=above(0.0)
    )
    spurious_noise: float = option(
        0.1, help="σ_s, of the spurious latents around γ y.", source=_LINEAR, limit=at_least(0.0)
    )
    flip_spurious: bool = option(
        False, help="Whether γ changes its sign on the query split.", source=f"{_GENERATOR}: flip_spurious"
    )
    standardise: bool = option(
        True,
        help="Whether each latent is standardised within each task, each split by itself, after the target was formed.",
        source=f"{_GENERATOR}: standardize_features",
    )
    data_seed: int | None = option(
        None,
        help="What the study's seeding is given; without it the run's seed.",
        limit=between(0, 2**32 - 1),
    )

    memory: float = option(
        8.0,
        help="Sizes that would take more than this are refused before anything is drawn.",
        unit="GB",
        limit=above(0.0),
    )

    @property
    def observed_dimension(self) -> int:
        """D."""
        return self.latents

    def __attrs_post_init__(self) -> None:
        if self.causal_factors > self.latents:
            raise ValueError(
                f"causal_factors is {self.causal_factors}, but there are {self.latents} latents: at most all of them "
                "can be causes"
            )


@attrs.frozen
class Linear2024Options(Legacy2024Options):
    """The options of `linear-2024`."""

    matrix: Mixing = option(
        "random", help="The mixing: the identity, orthogonal, or standard normal.", source=f"{_LINEAR}: matrices"
    )
    observation_noise: float = option(0.01, help="σ_o, of every observed feature.", source=_LINEAR, limit=at_least(0.0))


@attrs.frozen
class Nonlinear2024Options(Legacy2024Options):
    """The options of `nonlinear-2024`."""

    latents: int = option(20, help="Latent dimension, d.", source=_NONLINEAR, limit=at_least(1))
    causal_factors: int = option(4, help="Causal latents of each task, k.", source=_NONLINEAR, limit=at_least(1))
    tasks: int = option(500, help="Tasks, T.", source=_NONLINEAR, limit=_COUNT)
    points: int = option(200, help="Training rows of each task (the support split).", source=_NONLINEAR, limit=_COUNT)
    observed: int = option(
        100,
        help="Observed dimension, D, and the units of the decoder's hidden layer.",
        source=_NONLINEAR,
        limit=at_least(1),
    )

    @property
    def observed_dimension(self) -> int:
        """D."""
        return self.observed
