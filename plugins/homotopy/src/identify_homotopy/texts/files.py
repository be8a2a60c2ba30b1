"""Sentences of files: tab- or comma-separated, JSON lines, parquet; plain or gzipped."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from identify_core import Context, OptionsError, Samples, did_you_mean
from identify_homotopy.texts.table import make_samples

if TYPE_CHECKING:
    from identify_homotopy.options.texts import FileOptions

COLUMNS = {
    "sst2": ("sentence", ""),
    "cola": ("sentence", ""),
    "mrpc": ("sentence1", "sentence2"),
    "rte": ("sentence1", "sentence2"),
    "qnli": ("question", "sentence"),
    "qqp": ("question1", "question2"),
    "mnli": ("premise", "hypothesis"),
}
"""The columns of the first and the second sentence of each task of GLUE."""

_LIMIT = 2**24  # characters of a field


def read_file(options: FileOptions, context: Context) -> Samples:
    """The rows of a file as samples whose ids are `row-N`, N counted from 0 below the header.

    Raises:
        OptionsError: the file, or a column of it, does not exist, or is of another format.
    """
    path = Path(options.path).expanduser()
    if not path.is_file():
        raise OptionsError(f"there is no file {options.path!r}", hint="give dataset.path the name of one")
    usual = COLUMNS.get(options.task, ("sentence", ""))
    text, pair = options.text or usual[0], options.pair or usual[1]
    rows = list(islice(_rows(path), options.rows or None))
    if rows:
        for column in filter(None, (text, pair)):
            if column not in rows[0]:
                raise OptionsError(f"{path.name} has no column {column!r}", hint=did_you_mean(column, list(rows[0])))
    labelled = bool(rows) and options.labels in rows[0]
    return make_samples(
        [f"row-{number}" for number in range(len(rows))],
        [str(row[text]) for row in rows],
        [str(row[pair]) for row in rows] if pair else None,
        _numbers([row[options.labels] for row in rows]) if labelled else None,
        test_share=options.test_share,
        generator=context.streams.numpy("splits"),
    )


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        import pyarrow.parquet as pq

        yield from pq.read_table(path).to_pylist()
        return
    if not name.endswith((".tsv", ".csv", ".jsonl")):
        raise OptionsError(f"{path.name} has an unknown ending", hint="allowed: .tsv, .csv, .jsonl, .parquet, and .gz")
    with _open(path) as lines:
        if name.endswith(".jsonl"):
            yield from (json.loads(line) for line in lines if line.strip())
            return
        csv.field_size_limit(_LIMIT)
        tabs = name.endswith(".tsv")
        # Sentences hold quotation marks, which tab-separated files of GLUE do not escape.
        yield from csv.DictReader(
            lines, delimiter="\t" if tabs else ",", quoting=csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
        )


def _open(path: Path) -> TextIO:
    if path.name.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _numbers(labels: list[Any]) -> list[int]:
    """Numbers as they are; names numbered in alphabetical order; what is missing as −1."""
    try:
        return [-1 if label in (None, "") else int(label) for label in labels]
    except ValueError:
        names = sorted({str(label) for label in labels if label not in (None, "")})
        return [-1 if label in (None, "") else names.index(str(label)) for label in labels]
