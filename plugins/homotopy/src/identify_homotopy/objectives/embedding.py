"""Embedding: every encoder runs over the same sentences, and its hidden states are kept. Nothing is trained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import torch

from identify_core import Context, Latents, OptionsError, Samples
from identify_homotopy.encoders.counted import counted_states
from identify_homotopy.encoders.module import module_states
from identify_homotopy.encoders.perturbed import check_perturbation, perturb
from identify_homotopy.encoders.transformer import pretrained_states, random_states

if TYPE_CHECKING:
    from identify_homotopy.options.embedding import EmbedOptions

_RANDOM = re.compile(r"(bert|electra|roberta)#(\d+)")
_MODULE = "module:"
_KINDS = "bert#N, electra#N, roberta#N, path:FOLDER, package:MODULE, hub:NAME, module:FACTORY, tfidf, ngrams"


def embed(options: EmbedOptions, replicates: Any, samples: Samples, context: Context) -> Iterator[Latents]:
    """Hidden states of the encoders, `layer-K` for each layer that is asked for, K as it was written.

    An encoder that is done is kept in the checkpoint, so that a resumed run goes on with the next.

    Raises:
        OptionsError: an encoder is unknown or missing, there are more replicates than encoders, or no text.
    """
    chosen = options.encoders[: context.count]
    _check(options, context.count)
    rows = samples.split(options.split)
    done: dict[str, list[torch.Tensor]] = dict(context.restore() or {})
    with context.progress("encoders", len(chosen), "encoders") as bar:
        for name in chosen:
            if name not in done:
                try:
                    done[name] = _states(name, options, rows, context)
                finally:  # an interrupted run keeps the encoders before this one
                    context.checkpoint(done)
            bar.advance()
    for place, layer in enumerate(options.layers):
        yield Latents(
            name=f"layer-{layer if layer >= 0 else 'last' if layer == -1 else f'last-but-{-layer - 1}'}",
            values=[done[name][place].to(context.dtype) for name in chosen],
            split=options.split,
            names=chosen,  # type: ignore[arg-type]  # attrs reads the converter's generic as its own
            summary=f"{options.pooling} over tokens",
        )


def _check(options: EmbedOptions, count: int) -> None:
    if count > len(options.encoders):
        raise OptionsError(
            f"replicates is {count}, and there are {len(options.encoders)} encoders",
            hint="give each replicate an encoder of its own",
        )
    if len(set(options.encoders)) < len(options.encoders):
        raise OptionsError(f"an encoder is named twice: {', '.join(options.encoders)}", hint="name each once")
    for name in options.encoders:
        original, _, perturbation = name.partition("@")
        pretrained = original.startswith(("path:", "package:", "hub:", _MODULE))
        if not (pretrained or _RANDOM.fullmatch(original) or original in ("tfidf", "ngrams")):
            raise OptionsError(f"there is no encoder {original!r}", hint=f"allowed: {_KINDS}")
        if perturbation:
            check_perturbation(perturbation)


def _states(name: str, options: EmbedOptions, rows: Samples, context: Context) -> list[torch.Tensor]:
    original, _, perturbation = name.partition("@")
    column, pairs = rows.columns["x"], cast("tuple[str, ...] | None", rows.columns.get("pair"))
    random = _RANDOM.fullmatch(original)
    if original.startswith(_MODULE) is isinstance(column, tuple):
        held, wanted = ("sentences", "numbers") if isinstance(column, tuple) else ("numbers", "sentences")
        raise OptionsError(
            f"the column x holds {held}, and the encoder {original!r} takes {wanted}",
            hint="choose another dataset: module:FACTORY is for numbers such as images, all others for text",
        )
    if not isinstance(column, tuple):
        states = module_states(original.removeprefix(_MODULE), options, column, context)
    elif random:
        states = random_states(random[1], int(random[2]), options, column, pairs, context)
    elif original in ("tfidf", "ngrams"):
        states = [counted_states(original, options.width, column, pairs)] * len(options.layers)
    else:
        states = pretrained_states(original, options, column, pairs, context)
    if not perturbation:
        return states
    return [perturb(each, perturbation, context.stream(f"perturbation {name}")) for each in states]
