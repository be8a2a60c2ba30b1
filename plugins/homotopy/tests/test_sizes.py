"""What `identify validate` reckons is what is made."""

from __future__ import annotations

from pathlib import Path

import torch

from identify_core import Known
from identify_core.testing.contexts import make_context
from identify_homotopy import sizes
from identify_homotopy.encoders.tokens import VOCABULARY
from identify_homotopy.options.embedding import EmbedOptions
from identify_homotopy.options.texts import GeneratedOptions
from identify_homotopy.texts.generated import make_generated


def test_generated_sentences(tmp_path: Path) -> None:
    made = make_generated(GeneratedOptions(rows=12), make_context(tmp_path))
    told = sizes.generated(GeneratedOptions(rows=12), Known(replicates=1, itemsize=4))
    assert (told.samples, told.factors) == (len(made), len(made.factors))


def test_a_random_encoder_is_reckoned_to_a_tenth() -> None:
    from transformers import BertConfig, BertModel

    options = EmbedOptions(encoders=("bert#0", "bert#1"), layers=(0, -1), width=64, depth=3)
    told = sizes.embed(options, Known(replicates=2, itemsize=4, samples=10)).parts
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=options.tokens,
    )
    with torch.device("meta"):
        module = BertModel(config)
    assert abs(told["a random encoder"] / (4 * sum(each.numel() for each in module.parameters())) - 1) < 0.1
    assert told["hidden states"] == 2 * 2 * 10 * 64 * 4
    counted = EmbedOptions(encoders=("tfidf",))
    assert sizes.embed(counted, Known(replicates=1, itemsize=4)).parts == {"a random encoder": 0, "hidden states": 0}
