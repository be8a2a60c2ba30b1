"""The baseline `ivae`: an identifiable variational autoencoder conditioned on target and task."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from identify_core import (
    Adam,
    Batch,
    Call,
    Context,
    Finding,
    FitResult,
    Latents,
    OptionsError,
    Replicates,
    Samples,
    Schedule,
    Table,
    fit,
    row_blocks,
)
from identify_mtlcm.networks.conditional_autoencoder import ConditionalAutoencoder
from identify_mtlcm.objectives.elbo import evidence_lower_bound
from identify_mtlcm.objectives.rows import ROWS_AT_ONCE, Rows, rows_of_split
from identify_mtlcm.objectives.scaling import InputMap, TargetScale
from identify_mtlcm.options.baselines import IvaeOptions


def train(
    options: IvaeOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Maximise the evidence lower bound of p(x | y, t) with a prior p(z | y, t) of learned mean and variance; keep `z`.

    `z` is the mean of the posterior q(z | x, y, t). Where the conditional law of the latents varies enough over (y, t),
    it is identified up to permutation and a map of each latent (Khemakhem et al. 2020, theorem 2).

    Raises:
        OptionsError: the run has a model, which would not be used, or the samples do not fit.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    if replicates is not None:
        raise OptionsError(
            "ivae brings an encoder of its own, conditioned on the targets: the run's model would not be used",
            hint="leave the [model] table out",
        )
    rows = rows_of_split(samples, "train", context)
    kept = rows if options.keep == "train" else rows_of_split(samples, options.keep, context, learnable=False)
    if rows.inputs.ndim != 2:
        raise OptionsError(f"ivae takes inputs (n, D), but one has the shape {tuple(rows.inputs.shape[1:])}")
    mapping, scale = InputMap.of(rows.inputs, "standardise"), TargetScale.of(rows.tasks)
    networks = _networks(options, rows, context)
    result = _fit(options, networks, _columns(rows, mapping, scale), context)
    columns = _columns(kept, mapping, scale)
    yield _finding(options, networks, result, rows)
    yield Latents(
        name="z",
        values=torch.stack([_posterior_means(networks, replicate, columns) for replicate in range(networks.count)]),
        split=options.keep,
        ids=samples.ids[kept.numbers],
        identified_up_to="permutation-monotone",
        summary="means of the posterior q(z | x, y, t)",
    )


def _networks(options: IvaeOptions, rows: Rows, context: Context) -> Replicates:
    modules = []
    for replicate in range(context.count):
        with context.streams.as_global("ivae", replicate):
            module = ConditionalAutoencoder(
                inputs=rows.inputs.shape[1],
                tasks=rows.tasks.count,
                one_task=rows.tasks.task is not None,
                latents=options.latent_dim,
                hidden=[options.hidden] * options.layers,
                activation=options.activation,
                noise=None if options.decoder_noise == "learned" else float(options.decoder_noise),
            )
        modules.append(module)
    # The bound is estimated with random numbers, which each replicate draws from its own stream: one after the other.
    return Replicates.from_modules(modules, device=context.device, dtype=context.dtype, strategy="loop")


def _columns(rows: Rows, mapping: InputMap, scale: TargetScale) -> dict[str, torch.Tensor]:
    columns = {"x": mapping.apply(rows.inputs), "y": scale.apply(rows.tasks)}
    return columns if rows.tasks.task is None else columns | {"task": rows.tasks.task}


def _fit(options: IvaeOptions, networks: Replicates, columns: dict[str, torch.Tensor], context: Context) -> FitResult:
    size = min(options.batch_size, len(columns["x"]))
    return fit(
        networks.train(),
        negative_bound,
        columns,
        optimiser=Adam(learning_rate=options.learning_rate),
        schedule=Schedule(shape=options.schedule),
        steps=options.epochs * math.ceil(len(columns["x"]) / size),
        batch_size=size,
        order="shuffled",
        context=context,
        log_every=options.log_every,
    )


def negative_bound(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Minus the evidence lower bound of a `ConditionalAutoencoder`, a mean over rows, in nats."""
    decoded, log_noise, posterior, prior = call(batch["x"], batch["y"], batch.get("task"))
    fit_of_inputs, divergence = evidence_lower_bound(batch["x"], decoded, log_noise, posterior, prior)
    return divergence - fit_of_inputs, {"divergence": divergence}


def _posterior_means(networks: Replicates, replicate: int, columns: dict[str, torch.Tensor]) -> torch.Tensor:
    module = networks.module(replicate).eval()
    assert isinstance(module, ConditionalAutoencoder)
    means = []
    with torch.no_grad():
        for rows in row_blocks(len(columns["x"]), ROWS_AT_ONCE):
            block = {name: column[rows] for name, column in columns.items()}
            means.append(module.posterior(block["x"], block["y"], block.get("task"))[0])
    return torch.cat(means)


def _finding(options: IvaeOptions, networks: Replicates, result: FitResult, rows: Rows) -> Finding:
    losses = [float(loss) for loss in result.losses]
    return Finding(
        name="ivae",
        summary=f"the evidence lower bound of the last batch is {-float(result.losses.median()):.4g} nats a row",
        scalars={"bound": -float(result.losses.median()), "rows": len(rows), "latents": options.latent_dim},
        tables={
            "replicates": Table(
                columns=("replicate", "steps", "ended", "bound"),
                rows=[
                    (number, int(result.steps[number]), result.reasons[number], -losses[number])
                    for number in range(networks.count)
                ],
                caption="How the training of each replicate ended.",
                units={"bound": "nats a row"},
            )
        },
        conventions={"bound": "of standardised inputs, on one batch, with one draw a row"},
    )
