"""Options of the datasets of sentences."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import at_least, between, option


@attrs.frozen
class GeneratedOptions:
    """Sentences made from word lists."""

    task: Literal["sentiment", "acceptability", "paraphrase", "entailment"] = option(
        "sentiment",
        help="What the label says: a good or bad opinion, a sentence or its words in disorder, whether two sentences "
        "say the same, whether the first implies the second.",
    )
    rows: int = option(400, help="How many sentences, or pairs of sentences.", limit=at_least(8))
    test_share: float = option(0.5, help="Which part of them is the split `test`.", limit=between(0.1, 0.9))


@attrs.frozen
class FileOptions:
    """Sentences of a file."""

    path: str = option(
        help="The file: .tsv, .csv or .jsonl, with .gz where it is compressed, or .parquet.", names_file=True
    )
    text: str = option("", help="The column of the sentences; empty for the usual name of the task, or `sentence`.")
    pair: str = option("", help="The column of the second sentences; empty for none, or for the task's own.")
    labels: str = option("label", help="The column of the labels; a file without it has none.")
    task: Literal["", "sst2", "cola", "mrpc", "rte", "qnli", "qqp", "mnli"] = option(
        "", help="A task of GLUE, for the names of its columns.", source="Wang et al., ICLR 2019, arXiv 1804.07461"
    )
    rows: int = option(0, help="How many rows are read from the beginning; 0 for all.", limit=at_least(0))
    test_share: float = option(0.5, help="Which part of them, drawn by the seed, is `test`.", limit=between(0.1, 0.9))
