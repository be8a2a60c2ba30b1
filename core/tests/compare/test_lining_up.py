"""Lining up: common rows in the first order, read in spans, and equal ids that stand for other samples noticed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identify_core.compare.lining_up import line_up
from identify_core.data import Factor
from identify_core.errors import UsageError
from identify_core.run.subject import Representation


def representation(ids: Any, *, label: str = "z", fingerprints: Any = None, reads: list[Any] | None = None) -> Any:
    """A representation whose row for id i is (i, 2 i)."""
    ids = np.asarray(ids)
    numbers = ids.astype(np.float64) if ids.dtype.kind in "iu" else np.asarray([float(len(text)) for text in ids])
    values = np.stack([numbers, 2 * numbers], axis=1)

    def load(start: int, stop: int) -> Any:
        if reads is not None:
            reads.append((start, stop))
        return values[start:stop]

    return Representation(
        label=label,
        run_id="run",
        latents="h",
        replicate=0,
        ids=ids,
        identified_up_to="",
        shape=(len(ids), 2),
        load_rows=load,
        factors={"f": Factor(values=numbers, kind="continuous")},
        fingerprints=None if fingerprints is None else np.asarray(fingerprints, dtype=np.uint64),
    )


@settings(deadline=None)
@given(
    st.lists(
        st.permutations(range(12)).flatmap(lambda p: st.integers(1, 12).map(lambda k: p[:k])), min_size=1, max_size=4
    )
)
def test_every_row_of_every_representation_is_the_same_sample(orders: list[list[int]]) -> None:
    representations = [representation(order) for order in orders]
    common = [i for i in orders[0] if all(i in order for order in orders)]
    if not common:
        with pytest.raises(UsageError, match="have no sample in common"):
            line_up(representations)
        return
    lined = line_up(representations)
    assert lined.rows == len(common)
    for each in lined.representations:
        assert each.ids.tolist() == common
        np.testing.assert_array_equal(each.values()[:, 0], common)
        np.testing.assert_array_equal(each.rows(1, 3)[:, 0], common[1:3])
        np.testing.assert_array_equal(each.factors["f"].values, common)


def test_text_ids_line_up() -> None:
    lined = line_up([representation(["a", "bbb", "cc"]), representation(["cc", "dddd", "bbb"])])
    assert lined.representations[1].values()[:, 0].tolist() == [3.0, 2.0]
    assert lined.left_out == {"z": 1}


def test_numbers_never_line_up_with_text() -> None:
    with pytest.raises(UsageError, match="no sample in common") as error:
        line_up([representation([1, 2]), representation(["1", "2"])])
    assert error.value.hint == "the ids of one are numbers, of the other text"


def test_equal_ids_with_other_inputs_are_refused_unless_trusted() -> None:
    first = representation([1, 2, 3], label="first", fingerprints=[7, 8, 9])
    other = representation([3, 2, 1], label="other", fingerprints=[9, 8, 6])
    with pytest.raises(UsageError, match="first and other have other inputs under the same ids: 1 of 3 rows differ"):
        line_up([first, other])
    assert line_up([first, other], trust_ids=True).rows == 3


def test_inputs_are_compared_only_where_they_are_known() -> None:
    assert line_up([representation([1, 2], fingerprints=[7, 8]), representation([1, 2])]).rows == 2


def test_equal_ids_are_read_as_they_are() -> None:
    reads: list[Any] = []
    lined = line_up([representation(range(1000)), representation(range(1000), reads=reads)])
    lined.representations[1].rows(100, 200)
    assert reads == [(100, 200)]


def test_scattered_rows_are_read_in_spans_not_as_a_whole() -> None:
    reads: list[Any] = []
    wide = representation(range(100_000), reads=reads)
    lined = line_up([representation([5, 6, 7, 50_000, 50_003, 99_000]), wide])
    assert lined.representations[1].values()[:, 0].tolist() == [5, 6, 7, 50_000, 50_003, 99_000]
    assert sum(stop - start for start, stop in reads) < 20
