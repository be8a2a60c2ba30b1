"""Lining up: common rows in the first order, read in spans, and equal ids that stand for other samples noticed."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identify_core.comparisons.joins import line_up
from identify_core.data import Factor
from identify_core.errors import UsageError
from identify_core.testing.representations import represent


def representation(ids: Any, *, label: str = "z", fingerprints: Any = None, reads: list[Any] | None = None) -> Any:
    """A representation whose row for id i is (i, 2 i)."""
    ids = np.asarray(ids)
    numbers = ids.astype(np.float64) if ids.dtype.kind in "iu" else np.asarray([float(len(text)) for text in ids])
    values = np.stack([numbers, 2 * numbers], axis=1)

    def load(start: int, stop: int) -> Any:
        if reads is not None:
            reads.append((start, stop))
        return values[start:stop]

    return represent(
        values,
        label,
        ids=ids,
        load_rows=load,
        factors={"f": Factor(values=numbers, kind="continuous")},
        fingerprints=None if fingerprints is None else np.asarray(fingerprints, dtype=np.uint64),
    )


@settings(deadline=None)
@given(
    st.lists(
        st.permutations(range(12)).flatmap(lambda p: st.integers(1, 12).map(lambda k: p[:k])), min_size=2, max_size=4
    )
)
def test_every_row_of_every_representation_is_the_same_sample(orders: list[list[int]]) -> None:
    representations = [representation(order) for order in orders]
    common = [i for i in orders[0] if all(i in order for order in orders)]
    if not common:
        with pytest.raises(UsageError, match="have no sample in common"):
            line_up(representations, partial=True)
        return
    lined = line_up(representations, partial=True)
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


def test_ids_line_up_by_value_whatever_their_type() -> None:
    wide = [2**62, 2**62 + 1, 2**62 + 3]
    signed, unsigned = (representation(np.asarray(wide, dtype=kind)) for kind in (np.int64, np.uint64))
    text = representation([str(each) for each in reversed(wide)])
    for pair in ((signed, unsigned), (unsigned, signed), (unsigned, text), (text, signed)):
        assert line_up(pair).rows == 3
    beyond = representation(np.asarray([2**62 + 1, 2**63 + 1, 2**62 + 2], dtype=np.uint64))
    assert line_up([signed, beyond]).rows == 1


def test_text_that_is_no_number_lines_up_with_none() -> None:
    with pytest.raises(UsageError, match="no sample in common") as error:
        line_up([representation([1, 2]), representation(["x1", "x2"])])
    assert error.value.hint.endswith("the ids of one begin with 1, of the other with x1")


def without_ids(rows: int, label: str) -> Any:
    return attrs.evolve(representation(range(rows), label=label), has_ids=False)


def test_rows_without_ids_are_paired_only_where_all_have_as_many() -> None:
    assert line_up([without_ids(5, "a.npy"), without_ids(5, "b.npy")]).rows == 5
    assert line_up([without_ids(5, "a.npy"), representation(range(5))]).rows == 5
    with pytest.raises(UsageError, match=r"a\.npy has 5 rows and b\.npy has 4, and nothing says which") as error:
        line_up([without_ids(5, "a.npy"), without_ids(4, "b.npy")])
    assert "--ids a.npy=FILE" in error.value.hint
    with pytest.raises(UsageError, match=r"run has sample ids and a\.npy has none"):
        line_up([representation([4, 3, 2, 1, 0], label="run"), without_ids(5, "a.npy")])


def test_a_join_that_keeps_little_is_said_and_one_that_keeps_less_is_refused() -> None:
    hundred = representation(range(100), label="a")
    assert line_up([hundred, representation(range(10, 110))]).warning == ""
    warning = line_up([hundred, representation(range(11, 111))]).warning
    assert warning.startswith("only 89 of the 100 rows of a have a counterpart in all others")
    assert line_up([hundred, representation(range(90, 190))]).warning
    few = [hundred, representation(range(91, 191))]
    with pytest.raises(UsageError, match="only 9 of the 100 rows of a have a counterpart") as error:
        line_up(few)
    assert "begin with 0 and 91; --partial" in error.value.hint
    assert line_up(few, partial=True).rows == 9


def test_one_representation_alone_is_not_compared() -> None:
    with pytest.raises(UsageError, match="z is one representation alone, and a comparison needs two"):
        line_up([representation([1, 2])])


def test_dissimilarities_keep_the_columns_of_the_common_rows_and_compare_with_one_another_alone() -> None:
    matrix = np.arange(9.0).reshape(3, 3)
    first = attrs.evolve(
        representation([1, 2, 3]), holds="dissimilarities", shape=(3, 3), load_rows=lambda a, b: matrix[a:b]
    )
    lined = line_up([first, attrs.evolve(first, ids=np.asarray([3, 9, 1]))])
    np.testing.assert_array_equal(lined.representations[0].values(), matrix[[0, 2]][:, [0, 2]])
    np.testing.assert_array_equal(lined.representations[1].values(), matrix[[2, 0]][:, [2, 0]])
    assert lined.representations[1].shape == (2, 2)
    with pytest.raises(UsageError, match="m is a matrix of dissimilarities and z is not"):
        line_up([representation([1, 2, 3]), attrs.evolve(first, label="m")])


def test_the_same_inputs_in_another_order_are_named_as_such() -> None:
    first, other = (
        representation([1, 2, 3], label=str(n), fingerprints=f) for n, f in ((0, [7, 8, 9]), (1, [8, 7, 9]))
    )
    with pytest.raises(UsageError, match="have the same inputs in another order under the same ids: 2 of 3 rows"):
        line_up([first, other])


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
