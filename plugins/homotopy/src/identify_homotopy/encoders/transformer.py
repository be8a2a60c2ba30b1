"""Transformers encoders: pretrained ones from a folder, a package or the hub, and random ones of a small configuration.

Weights are safetensors, or .bin files read with `weights_only=True`; code of a repository is never run.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from identify_core import Context, Interrupted, OptionsError
from identify_homotopy.encoders.tokens import VOCABULARY, Tokens, batches, hashed_tokens, layer_place, pool

if TYPE_CHECKING:
    from identify_homotopy.options.embedding import EmbedOptions


def random_states(
    kind: str, number: int, options: EmbedOptions, texts: Sequence[str], pairs: Sequence[str] | None, context: Context
) -> list[torch.Tensor]:
    """Pooled hidden states of an encoder with random weights, one (n, d) a layer that is kept."""
    from transformers import AutoModel, BertConfig, ElectraConfig, RobertaConfig

    shared: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": options.width,
        "num_hidden_layers": options.depth,
        "num_attention_heads": 4 if options.width % 4 == 0 else 1,
        "intermediate_size": 2 * options.width,
        "type_vocab_size": 2,
    }
    if kind == "bert":
        config: Any = BertConfig(max_position_embeddings=options.tokens, **shared)
    elif kind == "electra":
        config = ElectraConfig(max_position_embeddings=options.tokens, embedding_size=options.width, **shared)
    else:
        config = RobertaConfig(max_position_embeddings=options.tokens + 2, pad_token_id=0, **shared)
    with context.streams.as_global(f"encoder {kind}", number):
        model: Any = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    tokens = hashed_tokens(texts, pairs, options.tokens)
    return hidden_states(model, tokens, 0, options, context)


def pretrained_states(
    where: str, options: EmbedOptions, texts: Sequence[str], pairs: Sequence[str] | None, context: Context
) -> list[torch.Tensor]:
    """Pooled hidden states of a pretrained encoder, one (n, d) a layer that is kept.

    Raises:
        OptionsError: it, or its tokenizer, is not where it was looked for.
    """
    from transformers import AutoModel, AutoTokenizer

    kind, _, name = where.partition(":")
    place = _place(kind, name)
    more: dict[str, Any] = {"trust_remote_code": False}
    if kind == "hub":
        more |= {"revision": options.revision, "local_files_only": not options.download}
    else:
        more["local_files_only"] = True
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **more)
        model = AutoModel.from_pretrained(place, dtype=torch.float32, **more)
    except (OSError, ValueError) as error:
        hint = "set objective.download = true to fetch it" if kind == "hub" else "give a folder saved by transformers"
        raise OptionsError(f"the encoder {where!r} cannot be read: {str(error).splitlines()[0]}", hint=hint) from error
    longest = min(options.tokens, int(getattr(tokenizer, "model_max_length", options.tokens)))
    coded = tokenizer(list(texts), *([list(pairs)] if pairs else []), truncation=True, max_length=longest)
    segments = coded.get("token_type_ids") or [[0] * len(ids) for ids in coded["input_ids"]]
    tokens = [Tokens(ids=i, segments=s) for i, s in zip(coded["input_ids"], segments, strict=True)]
    return hidden_states(model, tokens, int(tokenizer.pad_token_id or 0), options, context)


def _place(kind: str, name: str) -> str:
    if kind == "package":
        try:
            return str(importlib.import_module(name).get_model_path())
        except ImportError as error:
            raise OptionsError(f"there is no package {name!r} that carries an encoder", hint="install it") from error
    if kind == "path" and not Path(name).expanduser().is_dir():
        raise OptionsError(f"there is no folder {name!r} of an encoder", hint="give a folder saved by transformers")
    return str(Path(name).expanduser()) if kind == "path" else name


def hidden_states(
    model: Any, tokens: Sequence[Tokens], padding: int, options: EmbedOptions, context: Context
) -> list[torch.Tensor]:
    """All layers that are kept in one pass, in evaluation mode, float32 on the CPU.

    Raises:
        OptionsError: the encoder has no such layer.
        Interrupted: the user asked to stop.
    """
    model = model.eval().to(context.device)
    kept: list[torch.Tensor] = []
    places: list[int] = []
    with context.progress("sentences", len(tokens), "sentences") as bar, torch.inference_mode():
        for rows, inputs in batches(tokens, options.batch_size, padding):
            if context.should_stop():
                raise Interrupted("stopped")
            inputs = {name: each.to(context.device) for name, each in inputs.items()}
            if getattr(model.config, "type_vocab_size", 0) < 2:
                del inputs["token_type_ids"]
            with context.autocast():
                states = model(**inputs, output_hidden_states=True).hidden_states
            places = places or [layer_place(each, len(states)) for each in options.layers]
            pooled = [pool(states[each], inputs["attention_mask"], options.pooling).float().cpu() for each in places]
            kept = kept or [each.new_zeros(len(tokens), each.shape[1]) for each in pooled]
            for whole, part in zip(kept, pooled, strict=True):
                whole[torch.from_numpy(rows)] = part
            bar.advance(len(rows))
    return kept
