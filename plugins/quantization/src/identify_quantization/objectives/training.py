"""How every objective trains: the two groups of parameters, the latents that are kept, the books that are counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from identify_core import (
    Adam,
    Call,
    Context,
    FitResult,
    Group,
    Latents,
    Loss,
    OptionsError,
    Replicates,
    Samples,
    Turn,
    fit,
)
from identify_quantization.networks.autoencoder import Autoencoder
from identify_quantization.networks.latents import Code, Gaussian, Latent
from identify_quantization.options.objectives import TrainingOptions

ROWS_AT_ONCE = 256


def latent_of(replicates: Replicates | None, objective: str, allowed: Mapping[type[Latent], str]) -> Latent:
    """The latents of the run's model, which must be of a type that the objective can train.

    Args:
        replicates: of the run; None where it has no model.
        objective: its name, for messages.
        allowed: type to its name as an option.

    Raises:
        OptionsError: there is no such model, or its latents are of another type.
    """
    kinds = " or ".join(f'"{name}"' for name in allowed.values())
    module = None if replicates is None else replicates.template
    if not isinstance(module, Autoencoder):
        raise OptionsError(
            f"{objective} trains an encoder with a decoder, and the run has no such model",
            hint='add [model] with type = "dense", "image" or "style-image" of the plugin quantization',
        )
    if not isinstance(module.latent, tuple(allowed)):
        found = type(module.latent).__name__
        raise OptionsError(
            f"{objective} trains latents of the kind {kinds}, and those of the model are {found}",
            hint=f"set model.latent.kind = {kinds}",
        )
    return module.latent


def decayed_and_rest(options: TrainingOptions, *, part: str = "", **adam: Any) -> tuple[Group, Group]:
    """The groups of the study: what decays is all but biases and books, and has its gradient's entries cut.

    Weights of norms and the constant input of style networks decay too.

    Args:
        options: of the training.
        part: a pattern of the beginnings of names, such as `encoder`; empty for all.
        adam: further settings of the optimiser.
    """
    start = rf"({part})\..*" if part else ".*"
    rate = options.learning_rate
    decayed = Group(
        rf"(?!latent\.)(?!(.*\.)?bias$){start}",
        Adam(learning_rate=rate, weight_decay=options.weight_decay, decoupled=True, **adam),
        clip_value=options.clip or None,
    )
    return decayed, Group(start, Adam(learning_rate=rate, **adam))


def train_one_loss(
    options: TrainingOptions,
    loss: Loss,
    replicates: Replicates,
    samples: Samples,
    context: Context,
    *,
    noise: Mapping[str, Any] | None = None,
) -> FitResult:
    """Train encoder, latents and decoder by one loss.

    Raises:
        OptionsError: a setting that cannot be, such as a step beyond the last.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    turn = Turn(loss, decayed_and_rest(options))
    return train_turns(options, [turn], replicates, samples, context, noise=noise)


def train_turns(
    options: TrainingOptions,
    turns: list[Turn],
    replicates: Replicates,
    samples: Samples,
    context: Context,
    *,
    noise: Mapping[str, Any] | None = None,
) -> FitResult:
    """Train by turns on the split `train`, and keep latents of the split that is kept at the chosen steps."""
    images = samples.split("train").numbers("x")
    if isinstance(images, torch.Tensor):  # what is mapped stays in its file
        images = images.to(context.device)
    steps = options.kept_steps
    return fit(
        replicates.train(),
        turns,
        {"x": images},
        steps=options.steps,
        batch_size=min(options.batch_size, len(images)),
        order="shuffled",
        context=context,
        noise=noise,
        snapshot=(lambda each, _: next(iter(kept_latents(options, each, samples, context)))) if steps else None,
        snapshot_at=steps,
        log_every=options.log_every,
    )


def normal(count: int) -> Any:
    """A draw of standard normal numbers (rows, count)."""
    return lambda generator, rows: torch.randn(rows, count, generator=generator)


def uniform(*shape: int) -> Any:
    """A draw of numbers between 0 and 1, (rows, *shape)."""
    return lambda generator, rows: torch.rand(rows, *shape, generator=generator)


def kept_latents(
    options: TrainingOptions, replicates: Replicates, samples: Samples, context: Context
) -> Iterator[Latents]:
    """What is stored of the trained networks: first what is scored, then what it came from.

    Of books these are the indices (`z`) and then the values and what was quantised; never the straight-through value.
    """
    latent: Any = replicates.template.latent
    codes = encode_split(replicates, samples, options.keep, context)
    if latent.quantised:
        yield Latents(
            name="z", values=codes["index"], split=options.keep, kind="symbols", summary="indices of book entries"
        )
        yield Latents(name="values", values=codes["value"], split=options.keep, summary="book values")
        if options.keep_before:
            yield Latents(name="before", values=codes["before"], split=options.keep, summary="before quantising")
    else:
        yield Latents(name="z", values=codes["value"], split=options.keep, summary="the encoder's latents")
    if "deviation" in codes:
        yield Latents(name="deviation", values=codes["deviation"], split=options.keep, summary="of the posterior")


def encode_split(replicates: Replicates, samples: Samples, split: str, context: Context) -> dict[str, torch.Tensor]:
    """The codes of one split, read in blocks: name to (R, n, width), on the CPU."""
    if split not in samples.splits:
        raise OptionsError(f"keep is {split!r}; the samples have the splits {', '.join(sorted(samples.splits))}")
    latent: Any = replicates.template.latent
    parts = {"value": latent.outputs, "before": latent.outputs}
    if latent.quantised:
        parts["index"] = latent.count
    if isinstance(latent, Gaussian):
        parts["deviation"] = latent.count
    column = samples.split(split).numbers("x")
    found = replicates.eval().encode(column, _codes, batch_size=ROWS_AT_ONCE, context=context).cpu()
    return dict(zip(parts, torch.split(found, list(parts.values()), dim=2), strict=True))


def _codes(call: Call, x: torch.Tensor) -> torch.Tensor:
    """Values, what they came from, indices and deviations next to each other, (b, width)."""
    code: Code = call.part("latent")(call.part("encoder")(x))
    parts = [code.value, code.before]
    if code.indices is not None:
        parts.append(code.indices.to(code.value.dtype))
    if code.deviation is not None:
        parts.append(code.deviation)
    return torch.cat(parts, dim=1)
