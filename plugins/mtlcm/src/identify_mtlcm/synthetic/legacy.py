"""The datasets `linear-2024` and `nonlinear-2024`: the study's data draw by draw, from numpy's and torch's seeds."""

from __future__ import annotations

import attrs
import numpy as np
import torch
from torch import nn

from identify_core import Context, LabelledArray, OptionsError, Samples
from identify_mtlcm.options.synthetic import Legacy2024Options, Linear2024Options, Nonlinear2024Options
from identify_mtlcm.synthetic.assembly import assemble, drawn_splits
from identify_mtlcm.synthetic.decoder import decode
from identify_mtlcm.synthetic.latents import Scaling, measure_scaling
from identify_mtlcm.synthetic.laws import Array
from identify_mtlcm.synthetic.mixing import shape_mixing
from identify_mtlcm.synthetic.sizes import refuse_beyond_memory
from identify_mtlcm.synthetic.structure import TaskStructure
from identify_mtlcm.synthetic.truths import mixing_truth, task_truths

Split = tuple[Array, Array]

_SIGMAS = {"train": (2.0, 3.0), "test": (0.0, 1.0)}


@attrs.frozen(kw_only=True, eq=False)
class GeneratedData:
    """What gen_data gives.

    Args:
        structure: the tasks; the noise of the target is that of the training rows.
        splits: `train` (the study's support) and `test` (its query): latents (T, n, d), targets (T, n).
        scaling: how the training latents were standardised, or None.
    """

    structure: TaskStructure
    splits: dict[str, Split]
    scaling: Scaling | None


def generate(options: Legacy2024Options, random: np.random.RandomState) -> GeneratedData:
    """The study's gen_data: per task the causal latents; all γ; all weights; the support split; the query split.

    Within a split, per task: σ_t, the causal latents, the target's noise, the spurious latents' noise. Columns of γ and
    of the weights belong to the spurious and the causal latents in ascending order.
    """
    T, d, k = options.tasks, options.latents, options.causal_factors
    causal = np.zeros((T, d), dtype=bool)
    for row in causal:
        row[np.arange(d - k, d) if options.fix_causal_ids else random.choice(d, k, replace=False)] = True
    gamma, weights = np.zeros((T, d)), np.zeros((T, d))
    gamma[~causal] = (random.uniform(-1, 1, (T, d - k)) if options.sample_gammas else np.ones((T, d - k))).ravel()
    weights[causal] = (random.randn(T, 1, k) if options.sample_weights else np.ones((T, 1, k))).ravel()
    splits: dict[str, Split] = {}
    noises = {}
    for split, sign in (("train", 1.0), ("test", -1.0 if options.flip_spurious else 1.0)):
        z, y, noises[split] = _generate_split(options, random, split, causal, sign * gamma, weights)
        splits[split] = (z, y)
    scaling = None
    if options.standardise:
        for split, (z, y) in splits.items():
            own = measure_scaling(z, "per-task")
            splits[split] = (z if own is None else own(z), y)
            scaling = own if split == "train" else scaling
    structure = TaskStructure(
        causal=causal,
        weights=weights,
        gamma=gamma,
        target_noise=noises["train"],
        spurious_noise=np.where(causal, 0.0, options.spurious_noise),
        causal_noise=options.causal_noise,
        correlation=0.0,
        confounding=None,
        test_sign=np.full(T, -1.0 if options.flip_spurious else 1.0),
    )
    return GeneratedData(structure=structure, splits=splits, scaling=scaling)


def make_linear_2024(options: Linear2024Options, context: Context) -> Samples:
    """The study's linear data: torch's seed gives a standard normal matrix and the noise, numpy's seed gen_data.

    Both generators are seeded alike. Torch's draws the matrix first, for the identity too, then the noise of all
    support rows at once, then that of the query rows; all three in float32.

    Raises:
        OptionsError: the sizes need too much memory, or a latent is constant where it is to be standardised.
    """
    refuse_beyond_memory(options, options.tasks * (options.points + options.query_points))
    seed = _seed(options, context)
    noise = torch.Generator().manual_seed(seed)
    d = options.latents
    mixing = shape_mixing(options.matrix, torch.randn(d, d, generator=noise, dtype=torch.float32).double().numpy())
    data = generate(options, np.random.RandomState(seed))
    inputs = {}
    for split, (z, _) in data.splits.items():
        drawn = torch.randn(z.shape, generator=noise, dtype=torch.float32).double().numpy()
        inputs[split] = z @ mixing.T + options.observation_noise * drawn
    inverse = np.linalg.inv(mixing)
    noisy = {split: x @ inverse.T for split, x in inputs.items()}
    return _assemble(
        options,
        context,
        data,
        inputs,
        noisy,
        truths={"mixing": mixing_truth(mixing)},
        facts={
            "observation-noise": options.observation_noise,
            "mixing": options.matrix,
            "mixing-condition": float(np.linalg.cond(mixing)),
        },
    )


def make_nonlinear_2024(options: Nonlinear2024Options, context: Context) -> Samples:
    """The study's nonlinear data: the decoder from torch's seed, then gen_data from numpy's.

    Raises:
        OptionsError: the sizes need too much memory, or a latent is constant where it is to be standardised.
    """
    refuse_beyond_memory(options, options.tasks * (options.points + options.query_points))
    seed = _seed(options, context)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        decoder = nn.Sequential(
            nn.Linear(options.latents, options.observed, dtype=torch.float32),
            nn.ReLU(),
            nn.Linear(options.observed, options.observed, dtype=torch.float32),
        )
    data = generate(options, np.random.RandomState(seed))
    decoder = decoder.double().requires_grad_(False)
    inputs = {}
    for split, (z, _) in data.splits.items():
        x = decode(decoder, torch.from_numpy(z.reshape(-1, options.latents)))
        inputs[split] = x.numpy().reshape(*z.shape[:2], -1)
    return _assemble(options, context, data, inputs, {}, truths={}, facts={"observation-noise": 0.0})


def _seed(options: Legacy2024Options, context: Context) -> int:
    seed = context.seed if options.data_seed is None else options.data_seed
    if seed >= 2**32:
        raise OptionsError(
            f"the seed {seed} is too large for numpy's legacy generator, which takes less than 2³²",
            hint="set data_seed, or a smaller seed",
        )
    return seed


def _assemble(
    options: Legacy2024Options,
    context: Context,
    data: GeneratedData,
    inputs: dict[str, Array],
    noisy: dict[str, Array],
    *,
    truths: dict[str, LabelledArray],
    facts: dict[str, float | int | str | bool],
) -> Samples:
    own = attrs.asdict(options, filter=lambda field, _: field.name not in ("memory", "data_seed"))
    return assemble(
        drawn_splits(
            data.splits, inputs, noisy, lambda split: [type(options).__name__, _seed(options, context), split, own]
        ),
        dtype=context.dtype,
        truths={**task_truths(data.structure, data.scaling), **truths},
        facts={
            "tasks": options.tasks,
            "latents": options.latents,
            "observed": options.observed_dimension,
            "causal-factors": options.causal_factors,
            "spurious-noise": options.spurious_noise,
            "standardise": "per-task" if options.standardise else "none",
            "unseparated-pairs": data.structure.unseparated_pairs,
            **facts,
        },
    )


def _generate_split(
    options: Legacy2024Options,
    random: np.random.RandomState,
    split: str,
    causal: Array,
    gamma: Array,
    weights: Array,
) -> tuple[Array, Array, Array]:
    """Latents (T, n, d), targets (T, n) and the standard deviation of the targets' noise (T,)."""
    (T, d), k = causal.shape, options.causal_factors
    n, fixed = (
        (options.points, options.sigma_support) if split == "train" else (options.query_points, options.sigma_query)
    )
    z, y, noises = np.empty((T, n, d)), np.empty((T, n)), np.empty(T)
    for t in range(T):
        sigma = random.uniform(*_SIGMAS[split]) if fixed is None else fixed
        noises[t] = _noise_level(options.target_noise, sigma)
        z[t][:, causal[t]] = random.normal(0, options.causal_noise, (n, k))
        y[t] = z[t][:, causal[t]] @ weights[t, causal[t]]
        if options.target_noise != "deterministic":
            y[t] += random.normal(0, noises[t], n)
        spurious = random.normal(0, options.spurious_noise, (n, d - k))
        z[t][:, ~causal[t]] = y[t][:, None] * gamma[t, ~causal[t]] + spurious
    return z, y, noises


def _noise_level(kind: str | float, sigma: float) -> float:
    if isinstance(kind, str):
        return {"sigmas": sigma, "standard-normal": 1.0, "deterministic": 0.0}[kind]
    return kind
