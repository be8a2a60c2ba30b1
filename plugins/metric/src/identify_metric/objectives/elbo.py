"""The objective `elbo`: train variational autoencoders with several decoders each, and keep the posterior means."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import cast

import torch

from identify_core import (
    Batch,
    Call,
    Context,
    Finding,
    FitResult,
    Group,
    Latents,
    Loss,
    MappedColumn,
    OptionsError,
    Replicates,
    Samples,
    Schedule,
    Table,
    Turn,
    fit,
    gaussian_divergence,
    optimiser,
    pure,
    row_blocks,
)
from identify_metric.networks.vae import EnsembleVae, negative_log_likelihood, posterior_of, split_sigma
from identify_metric.objectives.perceptual import Vgg16, load_vgg16, perceptual_distance
from identify_metric.objectives.refining import refine_latents
from identify_metric.options.objectives import ElboOptions

_ROWS_AT_ONCE = 1024
_DECAY = 1e-4  # of adamw in the study's configurations
_MOMENTUM = 0.9
_LEAST_SIDE = 4  # two poolings come before conv3_1
_FALLS = 5  # the schedule `piecewise` halves at every fifth of the steps, three times


def train(
    options: ElboOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Finding | Latents]:
    """Maximise the evidence lower bound with Gaussian posteriors and a standard normal prior; keep `z`.

    Each step trains every decoder on its own rows, so that the decoders of a replicate differ by their start and by
    what they saw. The validation bound is taken with one draw of the noise that stays the same in the whole training.

    Raises:
        OptionsError: the run has no such model, or a batch has fewer rows than there are decoders.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    vae = template_of(replicates)
    assert replicates is not None
    rows = inputs_of(samples, "train", context)
    size = min(options.batch_size, len(rows))
    count = len(vae.decoders)
    if options.decoders == "chunks" and size < count:
        raise OptionsError(
            f"a batch of {size} rows cannot be shared among {count} decoders",
            hint='raise batch_size, or set decoders = "draw"',
        )
    result = _fit(options, replicates, rows, size, samples, context)
    replicates.eval()
    yield _finding(options, vae, replicates, result, samples, context)
    kept = inputs_of(samples, options.keep, context)
    z = replicates.encode(kept, context=context)
    if options.refine:
        z = refine_latents(replicates, z, kept, beta=options.beta, iterations=options.refine, context=context)
    summary = "means of the posterior" + (", refined" if options.refine else "")
    yield Latents(name="z", values=z, split=options.keep, summary=summary)


def template_of(replicates: Replicates | None) -> EnsembleVae:
    """The module that the replicates are copies of.

    Raises:
        OptionsError: it is not one of this plugin's autoencoders.
    """
    template = None if replicates is None else replicates.template
    if not isinstance(template, EnsembleVae):
        found = "there is none" if template is None else f"it is a {type(template).__name__}"
        raise OptionsError(
            f"the run's model must be an encoder with decoders, but {found}", hint='set model.type = "dense"'
        )
    return template


def inputs_of(samples: Samples, split: str, context: Context) -> torch.Tensor | MappedColumn:
    """The column `x` of a split: on the device, or in its file."""
    x = samples.split(split).numbers("x")
    return x.to(context.device, context.dtype) if isinstance(x, torch.Tensor) else x


def bound_loss(
    vae: EnsembleVae, *, beta: float, decoders: str, vgg: Vgg16 | None = None, perceptual: float = 0.0
) -> Loss:
    """Minus the evidence lower bound of a batch, a mean over rows, in nats; plus the weighted perceptual term.

    The batch has `x` (n, ...), `eps` (n, d) standard normal, and `which` (S,), one-hot, where a decoder is drawn.
    """
    count, law = len(vae.decoders), vae.law

    @pure
    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        x = batch["x"]
        mean, log_variance = posterior_of(call.part("encoder")(x))
        z = mean + torch.exp(log_variance / 2) * batch["eps"]
        each = [call.part(f"decoders.{s}") for s in range(count)]
        if decoders == "draw":
            decoded = torch.einsum("s,snd->nd", batch["which"], torch.stack([decode(z) for decode in each]))
        else:
            parts = torch.tensor_split(z, count)
            decoded = torch.cat([decode(part) for decode, part in zip(each, parts, strict=True) if len(part)])
        misfit = negative_log_likelihood(x.flatten(1), decoded, call.tensors["log_sigma"], law).mean()
        excess = gaussian_divergence(mean, log_variance).sum(1).mean()
        total, terms = misfit + beta * excess, {"divergence": excess, "misfit": misfit}
        if vgg is not None:
            image = (split_sigma(decoded)[0] if law == "gaussian-network" else decoded).reshape(x.shape)
            image = torch.sigmoid(image) if law == "bernoulli" else image
            terms["perceptual"] = perceptual_distance(vgg, x, image).mean()
            total = total + perceptual * terms["perceptual"]
        return total, terms

    return cast(Loss, loss)


def _fit(
    options: ElboOptions,
    replicates: Replicates,
    rows: torch.Tensor | MappedColumn,
    size: int,
    samples: Samples,
    context: Context,
) -> FitResult:
    vae = template_of(replicates)
    vgg = _vgg(options, samples, context)
    loss = bound_loss(vae, beta=options.beta, decoders=options.decoders, vgg=vgg, perceptual=options.perceptual)
    noise = {"eps": lambda generator, n: torch.randn(n, vae.latents, generator=generator)}
    count = len(vae.decoders)
    if options.decoders == "draw":
        noise["which"] = lambda generator, n: torch.nn.functional.one_hot(
            torch.randint(count, (), generator=generator), count
        ).float()
    each_epoch = math.ceil(len(rows) / size)
    watched = "validation" in samples.splits and options.patience is not None
    return fit(
        replicates.train(),
        Turn(loss, groups_of(options, vae, options.epochs * each_epoch)),
        {"x": rows},
        steps=options.epochs * each_epoch,
        batch_size=size,
        order="shuffled",
        noise=noise,
        metric=_held_out(options, vae, samples, "validation", context) if watched else None,
        metric_every=options.validate_every * each_epoch,
        patience=options.patience if watched else None,
        keep_best=watched,
        context=context,
        log_every=options.log_every,
    )


def _vgg(options: ElboOptions, samples: Samples, context: Context) -> Vgg16 | None:
    if not options.perceptual:
        return None
    inputs = samples.shape.inputs
    if len(inputs) != 3 or inputs[0] != 3 or min(inputs[1:]) < _LEAST_SIDE:
        raise OptionsError(
            f"the perceptual term compares colour images of at least {_LEAST_SIDE} × {_LEAST_SIDE} pixels, and one row "
            f"of 'x' has the shape {inputs}",
            hint="set objective.perceptual = 0",
        )
    return load_vgg16(options, context)


def groups_of(options: ElboOptions, vae: EnsembleVae, steps: int) -> list[Group]:
    """What moves the parameters: one group, or one a tensor where each one's gradient is clipped for itself."""
    more = {"weight_decay": _DECAY} if options.optimiser == "adamw" else {}
    more |= {"momentum": _MOMENTUM, "nesterov": True} if options.optimiser == "nesterov" else {}
    name = "sgd" if options.optimiser == "nesterov" else options.optimiser
    mover = optimiser(name, learning_rate=options.learning_rate, **more)
    if options.clip_rms is None:
        return [
            Group(
                ".*",
                mover,
                schedule=_schedule(options, steps),
                clip_norm=options.clip_norm,
                clip_value=options.clip_value,
            )
        ]
    return [
        Group(
            re.escape(name),
            mover,
            schedule=_schedule(options, steps),
            clip_norm=options.clip_rms * math.sqrt(each.numel()),
            clip_value=options.clip_value,
        )
        for name, each in vae.named_parameters()
    ]


def _schedule(options: ElboOptions, steps: int) -> Schedule:
    warm_up = options.warm_up
    if options.schedule in ("exponential", "step"):
        return Schedule(shape=options.schedule, warm_up=warm_up, decay=0.5, every=options.halve_every)
    if options.schedule == "restarts":
        return Schedule(shape="cosine", warm_up=warm_up, cycles=options.cycles)
    if options.schedule == "piecewise":
        return Schedule(shape="step", warm_up=warm_up, decay=0.5, every=max(steps // _FALLS, 1), final=0.5**3)
    return Schedule(shape=options.schedule, warm_up=warm_up)


def _held_out(
    options: ElboOptions, vae: EnsembleVae, samples: Samples, split: str, context: Context
) -> Callable[[Replicates, int], torch.Tensor]:
    """Minus the bound on the rows of a split, the same noise every time, the mean over all decoders."""
    x = inputs_of(samples, split, context)
    eps = torch.randn(len(x), vae.latents, generator=context.stream("validation-noise")).to(context.device)

    def body(call: Call, batch: Batch) -> torch.Tensor:
        mean, log_variance = posterior_of(call.part("encoder")(batch["x"]))
        z = mean + torch.exp(log_variance / 2) * batch["eps"]
        flat, log_sigma = batch["x"].flatten(1), call.tensors["log_sigma"]
        misfits = [
            negative_log_likelihood(flat, call.part(f"decoders.{s}")(z), log_sigma, vae.law).mean()
            for s in range(len(vae.decoders))
        ]
        return torch.stack(misfits).mean() + options.beta * gaussian_divergence(mean, log_variance).sum(1).mean()

    def metric(replicates: Replicates, step: int) -> torch.Tensor:
        total = torch.zeros(replicates.count, device=context.device, dtype=torch.float64)
        for rows in row_blocks(len(x), _ROWS_AT_ONCE):
            block = x[rows] if isinstance(x, torch.Tensor) else x.take(rows, device=context.device, dtype=context.dtype)
            bounds = replicates.map(body, {"x": block, "eps": eps[rows].to(block)})
            total += bounds * len(block) / len(x)
        return total

    return metric


def _finding(
    options: ElboOptions,
    vae: EnsembleVae,
    replicates: Replicates,
    result: FitResult,
    samples: Samples,
    context: Context,
) -> Finding:
    split = "validation" if "validation" in samples.splits else "train"
    bounds = _held_out(options, vae, samples, split, context)(replicates, 0).double().cpu()
    return Finding(
        name="elbo",
        summary=f"the evidence lower bound of the {split} rows is {-float(bounds.median()):.4g} nats a row "
        f"(median of {replicates.count} replicates)",
        scalars={"bound": -float(bounds.median()), "decoders": len(vae.decoders), "latents": vae.latents},
        tables={
            "replicates": Table(
                columns=("replicate", "steps", "ended", "bound"),
                rows=[
                    (number, int(result.steps[row]), result.reasons[row], -float(bounds[row]))
                    for row, number in enumerate(replicates.numbers)
                ],
                caption=f"How the training of each replicate ended; the bound is of the {split} rows.",
                units={"bound": "nats a row"},
            )
        },
        conventions={
            "bound": "one draw a row, the same for all replicates; a Gaussian's constant D log(2π) / 2 is left out",
            "decoders": "each training row goes to one decoder; the bound is the mean over all of them",
        },
    )
