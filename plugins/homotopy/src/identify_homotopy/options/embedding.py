"""Options of the embedding objective."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, not_empty, option


@attrs.frozen
class EmbedOptions:
    """Which encoders are run over the sentences, and what of them is kept."""

    encoders: tuple[str, ...] = option(
        ("bert#0", "bert#1", "electra#0", "roberta#0"),
        help="The encoders, one a replicate. bert#N, electra#N, roberta#N: random weights, number N; path:FOLDER, "
        "package:MODULE, hub:NAME: pretrained; tfidf, ngrams: counted words; module:PACKAGE.MODULE:FACTORY+FILE: any "
        "module over numbers, such as images, with the state of the file if there is one. Any may end with @rotation, "
        "@affine, @noise, @int8 or @rank-N, a copy whose hidden states are perturbed that way.",
        limit=not_empty(),
        names_file=True,
        names_code=True,
    )
    layers: tuple[int, ...] = option(
        (-1,),
        help="Which hidden states are kept: 0 are the embeddings, -1 the last layer's; of a module its children's.",
        limit=not_empty(),
    )
    pooling: Literal["mean", "cls", "last", "max"] = option(
        "mean", help="How the states of a sentence's tokens become one: padding never takes part."
    )
    split: str = option("all", help="The split whose sentences are embedded.")
    tokens: int = option(128, help="Longer sentences are cut here.", limit=at_least(4))
    batch_size: int = option(64, help="Sentences at once, of like length.", limit=at_least(1))
    width: int = option(32, help="Width of random encoders and of counted words.", limit=at_least(4))
    depth: int = option(2, help="Layers of random encoders.", limit=at_least(1))
    revision: str = option("main", help="Revision of encoders from the hub.")
    download: bool = option(False, help="Whether encoders may be fetched; without it nothing asks the network.")
