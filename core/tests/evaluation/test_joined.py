"""Latents of a stored run belong to samples by their ids, whatever their order; what does not fit is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from identify_core import Context, Latents, OptionsError, RunError, RunWriter, Samples, Store, StoredRun, join_latents
from identify_core.evaluation import joined
from identify_core.testing.contexts import make_context

ROWS = 12


def samples(ids: Any, shift: float = 0.0) -> Samples:
    rows = np.asarray(ids)
    numbers = torch.arange(len(rows)) if rows.dtype.kind == "U" else torch.from_numpy(rows)
    return Samples(columns={"x": numbers[:, None].float() + shift}, ids=rows, splits={"train": np.arange(len(rows))})


@pytest.fixture
def run(tmp_path: Path) -> StoredRun:
    """Two replicates of width 3 and an array of unequal widths, the rows in falling order of their ids."""
    ids = np.arange(ROWS)[::-1].copy()
    values = torch.stack([torch.from_numpy(ids[:, None] * 10.0 + k) + torch.arange(3) / 10 for k in range(2)])
    with RunWriter.create(Store(tmp_path / "store"), name="first", plugin="") as writer:
        writer.write_samples(samples(ids))
        writer.write_latents(Latents(name="h", values=values, split="train", identified_up_to="affine"))
        writer.write_latents(Latents(name="uneven", values=[values[0], values[1][:, :2]], split="train"))
        writer.write_spec("")
        writer.write_document({"replicates": 2})
        return StoredRun.open(writer.commit())


@pytest.fixture
def context(run: StoredRun, tmp_path: Path) -> Context:
    return make_context(tmp_path / "scratch", count=2, dtype=torch.float64, open_run=lambda reference: run)


@pytest.mark.parametrize("block", [1, 5, 8192])
def test_rows_are_those_of_the_ids(context: Context, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(joined, "_ROWS_AT_ONCE", block)
    ids = np.random.default_rng(0).permutation([0, 2, 3, 7, 9, 11, 40, 41])
    found = join_latents("@first", "h", samples(ids), context)
    assert (found.width, found.claim, len(found.numbers)) == (3, "affine", 6)
    for replicate in range(2):
        values = torch.cat(list(found.read(replicate, found.numbers, context))).numpy()
        for number, row in zip(found.numbers, values, strict=True):
            np.testing.assert_allclose(row, ids[number] * 10.0 + replicate + np.arange(3) / 10, rtol=1e-6)
    part = found.numbers[1::2]
    values = torch.cat(list(found.read(0, part, context))).numpy()
    np.testing.assert_allclose(values[:, 0], ids[part] * 10.0, rtol=1e-6)
    assert context.warnings[-1].startswith("6 of 8 samples have a row in the latents 'h' of ")


def test_one_replicate_for_all(context: Context) -> None:
    found = join_latents("@first", "uneven", samples(np.arange(ROWS)), context, replicate=1)
    assert found.width == 2
    first, other = (torch.cat(list(found.read(replicate, found.numbers, context))) for replicate in (0, 1))
    assert torch.equal(first, other)
    assert first[0, 0] == 10 * (ROWS - 1) + 1


@pytest.mark.parametrize(
    ("name", "ids", "more", "said"),
    [
        ("z", np.arange(ROWS), {}, "has no latents 'z'; it has: h, uneven"),
        ("uneven", np.arange(ROWS), {}, "have another width in each replicate"),
        ("h", np.arange(ROWS), {"replicate": 2}, "replicate is 2, but the latents 'h' of .* have replicates 0 to 1"),
        ("h", np.arange(100, 105), {}, r"has the id of a sample of this run \(12 stored, 5 samples\)"),
        ("h", np.array(["a", "b"]), {}, r"has the id of a sample of this run \(12 stored, 2 samples\)"),
    ],
)
def test_what_does_not_fit_is_refused(context: Context, name: str, ids: Any, more: Any, said: str) -> None:
    with pytest.raises(OptionsError, match=said):
        join_latents("@first", name, samples(ids), context, **more)


def test_other_inputs_under_the_same_ids_are_refused(context: Context) -> None:
    with pytest.raises(OptionsError, match=r"12 of 12 rows of .* have the id of a sample of this run and other inputs"):
        join_latents("@first", "h", samples(np.arange(ROWS), shift=0.5), context)
    unknown = attrs.evolve(samples(np.arange(ROWS), shift=0.5), known_inputs=False)
    assert len(join_latents("@first", "h", unknown, context).numbers) == ROWS


def test_more_replicates_than_the_stored_run_has(run: StoredRun, tmp_path: Path) -> None:
    three = make_context(tmp_path / "three", count=3, open_run=lambda reference: run)
    with pytest.raises(OptionsError, match="have 2 replicates, but this run has 3") as caught:
        join_latents("@first", "h", samples(np.arange(ROWS)), three)
    assert caught.value.hint == "set replicates = 2, or choose one for all with replicate = 0"


def test_without_a_store_nothing_can_be_opened(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="'@first' cannot be opened"):
        join_latents("@first", "h", samples(np.arange(ROWS)), make_context(tmp_path))
