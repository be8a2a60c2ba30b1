"""Sentences: labels that mean what they say, files of several formats, and what is said of bad ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core import IdentifyError, Samples
from identify_core.testing.contexts import make_context
from identify_homotopy.options.texts import FileOptions, GeneratedOptions
from identify_homotopy.texts.files import read_file
from identify_homotopy.texts.generated import make_generated

SHARED = Path(__file__).parents[4] / "shared" / "data"


def read(path: Path, folder: Path, **options: Any) -> Samples:
    return read_file(FileOptions(path=str(path), **options), make_context(folder))


@pytest.mark.parametrize("task", ["sentiment", "acceptability", "paraphrase", "entailment"])
def test_generated_sentences_are_balanced_and_different(tmp_path: Path, task: Any) -> None:
    samples = make_generated(GeneratedOptions(task=task, rows=200), make_context(tmp_path))
    assert samples.factors["label"].values.mean() == 0.5
    assert len(set(samples.ids.tolist())) == 200
    assert ("pair" in samples.columns) == (task in ("paraphrase", "entailment"))
    assert sorted([*samples.splits["train"], *samples.splits["test"]]) == list(range(200))


def test_an_entailed_sentence_has_no_negation(tmp_path: Path) -> None:
    samples = make_generated(GeneratedOptions(task="entailment", rows=50), make_context(tmp_path))
    denied = np.array(["never" in text for text in samples.columns["pair"]])
    np.testing.assert_array_equal(denied, samples.factors["label"].values == 0)


def test_the_same_rows_come_from_every_format(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"sentence": f'he said "{k}"', "label": k % 3} for k in range(9)]
    tabs = "sentence\tlabel\n" + "".join(f"{r['sentence']}\t{r['label']}\n" for r in rows)
    (tmp_path / "a.tsv").write_text(tabs)
    with gzip.open(tmp_path / "b.tsv.gz", "wt") as file:
        file.write(tabs)
    quoted = "".join('"{}",{}\n'.format(r["sentence"].replace('"', '""'), r["label"]) for r in rows)  # type: ignore[attr-defined]
    (tmp_path / "c.csv").write_text("sentence,label\n" + quoted)
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "e.parquet")
    found = [read(path, tmp_path) for path in sorted(tmp_path.glob("[a-e].*"))]
    assert len(found) == 5
    assert len({each.fingerprint for each in found}) == 1
    assert found[0].columns["x"][3] == 'he said "3"'


def test_hidden_labels_are_no_labels_and_names_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "hidden.tsv").write_text("question\tsentence\tlabel\n" + "a\tb\t-1\n" * 6)
    hidden = read(tmp_path / "hidden.tsv", tmp_path, task="qnli")
    assert not hidden.factors
    assert hidden.columns["pair"][0] == "b"
    (tmp_path / "named.tsv").write_text("sentence\tlabel\n" + "a\tyes\nb\tno\n" * 3)
    assert read(tmp_path / "named.tsv", tmp_path).factors["label"].values.tolist() == [1, 0] * 3


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no real data here")
@pytest.mark.parametrize(
    ("name", "task", "rows"), [("sst2_dev", "sst2", 872), ("cola_dev", "cola", 1043), ("mrpc_msr_test", "mrpc", 1725)]
)
def test_real_sentences_are_read_whole(tmp_path: Path, name: str, task: Any, rows: int) -> None:
    samples = read(SHARED / f"{name}.tsv.gz", tmp_path, task=task)
    assert len(samples) == rows
    assert set(samples.factors["label"].values.tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("no.tsv", None, {}, "there is no file"),
        ("a.txt", "sentence\n", {}, "a.txt has an unknown ending"),
        ("a.tsv", "sentnce\tlabel\n" + "a\t1\n" * 5, {}, "a.tsv has no column 'sentence'"),
        ("a.tsv", "sentence\tlabel\na\t1\n", {}, "there are 1 sentences"),
        ("a.tsv", "sentence\tlabel\n" + "a\t1\n" * 5 + " \t0\n", {}, "1 sentences are empty, the first is row-5"),
        ("a.tsv", "sentence1\tlabel\n" + "a\t1\n" * 5, {"task": "mrpc"}, "a.tsv has no column 'sentence2'"),
    ],
)
def test_a_bad_file_is_told(tmp_path: Path, name: str, content: str | None, options: Any, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(IdentifyError) as raised:
        read(tmp_path / name, tmp_path, **options)
    assert message in str(raised.value)
    assert raised.value.hint


def test_more_sentences_than_there_are_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(IdentifyError, match="100000 generated sentences are too many"):
        make_generated(GeneratedOptions(rows=100_000), make_context(tmp_path))
