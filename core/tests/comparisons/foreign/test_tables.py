"""Tables: latents, ids and factors by the names of their columns; text is never dropped or taken for a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from identify_core.comparisons.foreign.door import Opened, Terms, open_outside
from identify_core.errors import UsageError

TABLE = "id,z1,z2,shape,angle\nx1,1,2,cat,0.5\nx2,3,4.5,dog,1\nx3,5,6,cat,2\n"


def one(reference: str, **terms: Any) -> Opened:
    (opened,) = open_outside([reference], Terms(**terms))
    return opened


@pytest.fixture(params=["t.csv", "t.parquet"])
def table(request: pytest.FixtureRequest) -> str:
    Path("t.csv").write_text(TABLE)
    pandas.read_csv("t.csv").to_parquet("t.parquet", index=False)
    return str(request.param)


def test_columns_are_latents_ids_and_factors_by_name(table: str) -> None:
    opened = one(table, factors=("shape", "angle:circular"))
    (each,) = opened.representations()
    np.testing.assert_array_equal(each.values(), [[1, 2], [3, 4.5], [5, 6]])
    assert each.ids.tolist() == ["x1", "x2", "x3"]
    assert {name: factor.kind for name, factor in each.factors.items()} == {"shape": "categorical", "angle": "circular"}
    assert each.factors["shape"].values.tolist() == ["cat", "dog", "cat"]


def test_text_that_is_neither_id_nor_factor_is_refused_with_what_to_say(table: str) -> None:
    with pytest.raises(UsageError, match=r"the column 'shape' of .* holds text, such as 'cat'") as error:
        one(table)
    hint = error.value.hint
    assert hint.startswith("--factors shape, or --ids shape between tables, or name the columns that are latents: ")
    assert hint.endswith(f"{table}:z1,z2,angle")
    (each,) = one(f"{table}:z*").representations()
    assert each.shape == (3, 2)
    assert each.ids.tolist() == ["x1", "x2", "x3"]


def test_columns_that_cannot_be_ids_or_latents_are_one_message(table: str) -> None:
    with pytest.raises(UsageError, match="the id cat comes 2 times in the column 'shape'"):
        one(f"{table}:z1", ids=("shape",))
    with pytest.raises(UsageError, match="has no column 'z9'"):
        one(f"{table}:z9")


def test_a_named_column_of_ids_is_no_latent() -> None:
    Path("t.csv").write_text("sample,z\n7,1\n8,2\n")
    assert one("t.csv").representations()[0].shape == (2, 2)
    (each,) = one("t.csv", ids=("sample",)).representations()
    assert each.ids.tolist() == [7, 8]
    assert each.shape == (2, 1)


def test_the_index_of_pandas_is_no_latent_and_counts_as_ids_only_where_it_says_something() -> None:
    frame = pandas.DataFrame({"z": [1.0, 2.0, 3.0]})
    for name, index, ids in (("plain", [0, 1, 2], None), ("named", ["a", "b", "c"], ["a", "b", "c"])):
        frame.index = index
        frame.to_csv(f"{name}.csv")
        frame.to_parquet(f"{name}.parquet")
        for suffix in ("csv", "parquet"):
            opened = one(f"{name}.{suffix}")
            assert opened.representations()[0].shape == (3, 1)
            assert (None if opened.ids is None else opened.ids.tolist()) == ids


def test_missing_numbers_are_nan_and_not_zero() -> None:
    Path("t.csv").write_text("z1,z2\n1,\nNA,2\n")
    values = one("t.csv").representations()[0].values()
    np.testing.assert_array_equal(values, [[1, np.nan], [np.nan, 2]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3\n", "has 2 columns, but its row 3 has 1"),
        ("a,a\n1,2\n", "has 2 columns called 'a'"),
        ("a,b\n", "has no rows"),
        ("id\n1\n", "has no column left for latents"),
        ('a,b\n"1,2\n', "is not a table"),
        (b"a,b\n\xe9,1\n", "is not text in UTF-8"),
        ("a\n1_000\n", "holds text, such as '1_000'"),
    ],
)
def test_what_is_not_a_table_is_one_message(content: Any, message: str) -> None:
    Path("t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=message):
        one("t.csv")


def test_lists_of_different_lengths_are_refused() -> None:
    pandas.DataFrame({"z": [[1.0, 2.0], [1.0]]}).to_parquet("t.parquet")
    with pytest.raises(UsageError, match="holds lists of different lengths"):
        one("t.parquet")


def test_factors_come_as_one_or_several_columns_of_arrays_and_tables() -> None:
    np.save("z.npy", np.zeros((3, 2)))
    np.savez("f.npz", one=np.arange(3), two=np.arange(6).reshape(3, 2))
    Path("t.csv").write_text("shape,size\ncat,1\ndog,2\ncat,3\n")
    opened = one("z.npy", factors=("a=f.npz:one", "b:ordinal=f.npz:two", "c=t.csv", "d=t.csv:shape"))
    assert {name: factor.kind for name, factor in opened.factors.items()} == {
        "a": "categorical",
        "b-0": "ordinal",
        "b-1": "ordinal",
        "c-shape": "categorical",
        "c-size": "categorical",
        "d": "categorical",
    }
    assert opened.factors["b-1"].values.tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ("hue", r"the factor 'hue' is not a column of z\.npy"),
        ("=f.npz:short", "is not NAME=ARRAY"),
        ("hue=", "is not NAME=ARRAY"),
        ("hue:purple=f.npz:short", "the factor 'hue' cannot be 'purple'"),
        ("hue=f.npz:gaps", "the factor 'hue' has no value in 1 of 3 rows, the first of them row 2"),
        ("hue:circular=f.npz:turned", "values up to 350; circular values are in radians"),
        ("hue=f.npz:short", "the factor 'hue' has 2 values for 3 rows"),
        ("hue=f.npz:cube", "the factor 'hue' has the shape"),
    ],
)
def test_factors_that_do_not_fit_are_one_message(factor: str, message: str) -> None:
    np.save("z.npy", np.zeros((3, 2)))
    np.savez("f.npz", short=np.arange(2), cube=np.zeros((3, 2, 2)), gaps=[1, 2, np.nan], turned=[10, 350, 90])
    with pytest.raises(UsageError, match=message):
        one("z.npy", factors=(factor,))


def test_a_file_that_is_not_there_is_told_the_nearest() -> None:
    Path("rotated.csv").write_text("z\n1\n2\n")
    with pytest.raises(UsageError, match=r"there is no file rotatd.csv") as error:
        one("rotatd.csv")
    assert error.value.hint == "did you mean 'rotated.csv'?"
