"""Ids of several types in one: equal values are equal, unequal ones are not, and nothing goes through floats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from identify_core.data import Factor, Latents, Samples
from identify_core.data.sample_ids import in_one_type, normal_ids
from identify_core.evaluation.evaluators import representations_of
from identify_core.store import RunWriter, Store, StoredRun


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**64 - 1), unique=True, min_size=1, max_size=8))
def test_equal_integers_are_equal_in_every_type_and_unequal_ones_are_not(numbers: list[int]) -> None:
    written = normal_ids(np.asarray([str(each) for each in numbers]), "ids")
    signed = np.asarray([each for each in numbers if each < 2**63], dtype=np.int64)
    unsigned = np.asarray([each for each in numbers if each >= 0], dtype=np.uint64)
    texts, first, second = in_one_type([written, signed, unsigned])
    assert len({each.dtype.kind for each in (texts, first, second)}) == 1
    assert set(first.tolist()) | set(second.tolist()) == set(texts.tolist())
    assert len(set(texts.tolist())) == len(numbers)
    assert set(first.tolist()) & set(second.tolist()) == {
        text for text, number in zip(texts.tolist(), numbers, strict=True) if 0 <= number < 2**63
    }


def test_latents_with_ids_of_another_type_find_their_samples(tmp_path: Path) -> None:
    wide = np.asarray([2**62, 2**62 + 1, 2**62 + 3], dtype=np.uint64)
    samples = Samples(
        columns={"x": torch.zeros(3, 1)},
        ids=wide,
        splits={},
        factors={"f": Factor(values=np.asarray([0.0, 1.0, 2.0]), kind="continuous")},
    )
    latents = Latents(name="z", values=torch.zeros(1, 2, 1), split="all", ids=wide[[2, 0]].astype(np.int64))
    with RunWriter.create(Store(tmp_path / "store"), name="run", plugin="") as writer:
        writer.write_samples(samples)
        writer.write_latents(latents)
        writer.write_spec("")
        folder = writer.commit()
    (each,) = representations_of(StoredRun.open(folder), "z")
    assert each.factors["f"].values.tolist() == [2.0, 0.0]
