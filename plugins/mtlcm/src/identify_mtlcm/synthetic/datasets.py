"""The datasets `linear` and `nonlinear`: many tasks over shared latents, observed through a matrix or a network."""

from __future__ import annotations

import attrs
import numpy as np
import torch

from identify_core import Context, LabelledArray, Samples, Streams
from identify_mtlcm.options.synthetic import LinearOptions, NonlinearOptions, SyntheticOptions
from identify_mtlcm.synthetic.assembly import assemble, drawn_splits, standardise_features
from identify_mtlcm.synthetic.decoder import build_decoder, decode, measure_grip
from identify_mtlcm.synthetic.latents import draw_latents, measure_scaling
from identify_mtlcm.synthetic.laws import Array, draw_rows
from identify_mtlcm.synthetic.mixing import draw_mixing
from identify_mtlcm.synthetic.sizes import refuse_beyond_memory
from identify_mtlcm.synthetic.structure import TaskStructure, draw_structure
from identify_mtlcm.synthetic.truths import mixing_truth, task_truths

Split = tuple[Array, Array]  # latents (T, n, d) and targets (T, n)


def make_linear(options: LinearOptions, context: Context) -> Samples:
    """Latents of many tasks, mixed by a matrix A: x = A z + ε_o.

    Source: section 4 of the paper, Algorithm 1; released code, gen_data.

    Returns:
        Columns `x` (n, D), `y` (n, 1), `task` (n,) and, where A has a left inverse, `noisy-latents` (n, d), its product
        with x: the ceiling of what can be recovered. Splits `train` and `test`, factors `z-1` to `z-d`, and truths.

    Raises:
        OptionsError: the sizes need too much memory, no mixing was well enough conditioned, or a latent is constant.
    """
    refuse_beyond_memory(options, options.tasks * (options.points + options.test_points))
    streams = _streams(options, context)
    structure, splits, truths = _draw(options, streams)
    drawn = draw_mixing(
        options.mixing,
        options.observed_dimension,
        options.latents,
        streams.numpy("data/mixing"),
        options.condition_limit,
    )
    if options.observed_dimension < options.latents:
        context.warn(_too_few_features(options))
    inputs = {
        split: z @ drawn.matrix.T + _observation_noise(options, streams, split) for split, (z, _) in splits.items()
    }
    noisy = {}
    if options.observed_dimension >= options.latents:
        inverse = np.linalg.pinv(drawn.matrix)
        noisy = {split: x @ inverse.T for split, x in inputs.items()}
    inputs, scale = _scale_features(options, inputs)
    return _assemble(
        "linear",
        options,
        context,
        splits,
        inputs,
        noisy=noisy,
        truths={**truths, "mixing": mixing_truth(drawn.matrix / scale[:, None])},
        facts={
            **_facts(options, structure),
            "mixing": options.mixing,
            "mixing-condition": drawn.condition,
            "mixing-draws": drawn.draws,
        },
    )


def make_nonlinear(options: NonlinearOptions, context: Context) -> Samples:
    """Latents of many tasks, observed through a frozen random network f: x = f(z).

    Source: section 4 of the paper; released code, multitask_synthetic.

    Returns:
        Columns `x` (n, D), `y` (n, 1) and `task` (n,); splits `train` and `test`, factors `z-1` to `z-d`, and truths.

    Raises:
        OptionsError: the sizes need too much memory, or a latent is constant where it is to be standardised.
    """
    refuse_beyond_memory(options, options.tasks * (options.points + options.test_points))
    streams = _streams(options, context)
    structure, splits, truths = _draw(options, streams)
    decoder = build_decoder(options, streams)
    grip = measure_grip(decoder, torch.from_numpy(splits["train"][0].reshape(-1, options.latents)))
    if options.observed < options.latents:
        context.warn(_too_few_features(options))
    elif grip.collapsed:
        context.warn(
            f"the decoder is not injective: around {grip.collapsed:.0%} of the rows that were looked at it loses a "
            f"direction of the {options.latents} latents; more observed features than the {options.observed}, or a "
            "wider decoder, would keep them"
        )
    inputs = {}
    for split, (z, _) in splits.items():
        x = decode(decoder, torch.from_numpy(z.reshape(-1, options.latents))).numpy()
        inputs[split] = x.reshape(*z.shape[:2], -1) + _observation_noise(options, streams, split)
    inputs, _ = _scale_features(options, inputs)
    return _assemble(
        "nonlinear",
        options,
        context,
        splits,
        inputs,
        noisy={},
        truths=truths,
        facts={
            **_facts(options, structure),
            "decoder-condition": grip.condition,
            "decoder-collapsed-part": grip.collapsed,
        },
    )


def _assemble(
    dataset: str,
    options: LinearOptions | NonlinearOptions,
    context: Context,
    splits: dict[str, Split],
    inputs: dict[str, Array],
    *,
    noisy: dict[str, Array],
    truths: dict[str, LabelledArray],
    facts: dict[str, float | int | str | bool],
) -> Samples:
    return assemble(
        drawn_splits(splits, inputs, noisy, lambda split: _told(dataset, options, context, split)),
        dtype=context.dtype,
        truths=truths,
        facts=facts,
    )


def _scale_features(
    options: LinearOptions | NonlinearOptions, inputs: dict[str, Array]
) -> tuple[dict[str, Array], Array]:
    """The inputs as the models see them, and what each feature was divided by, (D,)."""
    if options.standardise_observed:
        return standardise_features(inputs)
    return inputs, np.ones(options.observed_dimension)


def _told(dataset: str, options: LinearOptions | NonlinearOptions, context: Context, split: str) -> list[object]:
    """What decides the rows of a split: how many tasks and rows there are only where something is standardised."""
    aside = {"memory", "data_seed", "test_points"}
    if not options.standardise_observed and options.standardise != "global":
        aside |= {"tasks"} if options.standardise == "per-task" else {"tasks", "points"}
    seed = context.seed if options.data_seed is None else options.data_seed
    return [dataset, seed, split, attrs.asdict(options, filter=lambda field, _: field.name not in aside)]


def _streams(options: SyntheticOptions, context: Context) -> Streams:
    return context.streams if options.data_seed is None else Streams(options.data_seed)


def _draw(
    options: SyntheticOptions, streams: Streams
) -> tuple[TaskStructure, dict[str, Split], dict[str, LabelledArray]]:
    structure = draw_structure(options, streams)
    splits = {split: draw_latents(options, structure, streams, split) for split in ("train", "test")}
    scaling = measure_scaling(splits["train"][0], options.standardise)
    if scaling is not None:
        splits = {split: (scaling(z), y) for split, (z, y) in splits.items()}
    return structure, splits, task_truths(structure, scaling)


def _facts(options: LinearOptions | NonlinearOptions, structure: TaskStructure) -> dict[str, float | int | str | bool]:
    return {
        "tasks": options.tasks,
        "latents": options.latents,
        "observed": options.observed_dimension,
        "causal-factors": options.causal_factors,
        "spurious-noise": options.spurious_noise,
        "observation-noise": options.observation_noise,
        "standardise": options.standardise,
        "unseparated-pairs": structure.unseparated_pairs,
    }


def _observation_noise(options: LinearOptions | NonlinearOptions, streams: Streams, split: str) -> Array | float:
    if options.observation_noise == 0.0:
        return 0.0
    points = options.points if split == "train" else options.test_points
    shape = (options.tasks, points, options.observed_dimension)
    return options.observation_noise * draw_rows(streams, f"data/{split}/observed", shape)


def _too_few_features(options: LinearOptions | NonlinearOptions) -> str:
    return (
        f"{options.latents} latents are observed through {options.observed_dimension} features: no injective map does "
        "that, so that the latents cannot be recovered from them"
    )
