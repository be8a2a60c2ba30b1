"""Ids by value: neither the width of a type nor how an id is written makes it another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.comparisons.foreign.door import Terms, open_outside, read_ids
from identify_core.errors import UsageError


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"3\n1\n-2\n", [3, 1, -2]),
        (b"\xef\xbb\xbf3\r\n1 \r\n 2\r\n\r\n", [3, 1, 2]),
        ("3\n1\n".encode("utf-16"), [3, 1]),
        (b"b\na\n", ["b", "a"]),
        (b"1\n2\nx6\n", ["1", "2", "x6"]),
        (b"007\n7\n", ["007", "7"]),
        (b"18446744073709551615\n0\n", [2**64 - 1, 0]),
        (b"99999999999999999999\n1\n", ["99999999999999999999", "1"]),
    ],
)
def test_ids_are_read_from_text_by_value(content: bytes, expected: list[Any]) -> None:
    Path("ids.txt").write_bytes(content)
    assert read_ids("ids.txt").tolist() == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([3, 1], dtype=np.uint8), [3, 1]),
        (np.array([3.0, 1.0]), [3, 1]),
        (np.array([[3], [1]]), [3, 1]),
        (np.array(["3", "1 "]), [3, 1]),
        (np.array([b"a", b"b"]), ["a", "b"]),
        (np.array([2**63, 1], dtype=np.uint64), [2**63, 1]),
    ],
)
def test_ids_are_read_from_arrays_by_value(values: Any, expected: list[Any]) -> None:
    np.save("ids.npy", values)
    assert read_ids("ids.npy").tolist() == expected


def test_ids_are_read_from_columns() -> None:
    Path("t.csv").write_text("id,name,z\n3,c,1\n1,a,2\n")
    Path("one.csv").write_text("id\n3\n1\n")
    Path("bare.csv").write_text("b\na\n")
    assert read_ids("t.csv").tolist() == [3, 1]
    assert read_ids("t.csv:name").tolist() == ["c", "a"]
    assert read_ids("one.csv").tolist() == [3, 1]
    assert read_ids("bare.csv").tolist() == ["b", "a"]
    with pytest.raises(UsageError, match="has no column 'nam'"):
        read_ids("t.csv:nam")
    Path("t.csv").write_text("name,z\nc,1\na,2\n")
    with pytest.raises(UsageError, match=r"t\.csv has no column of ids") as error:
        read_ids("t.csv")
    assert error.value.hint == "say which, as in t.csv:name"


@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (lambda: None, "no.txt", "there is no file no.txt"),
        (lambda: Path("twice.txt").write_text("a\nb\na\n"), "twice.txt", "the id a comes 2 times"),
        (lambda: Path("gap.txt").write_text("a\n\nb\n"), "gap.txt", "row 1 of gap.txt has no id"),
        (lambda: np.save("float.npy", np.ones(3) / 2), "float.npy", "one integer or text a row, not float64"),
        (lambda: np.save("wide.npy", np.array([2.0**60])), "wide.npy", "one integer or text a row, not float64"),
        (lambda: np.save("flags.npy", np.array([True])), "flags.npy", "one integer or text a row, not"),
        (lambda: np.save("two.npy", np.ones((2, 2), int)), "two.npy", r"not int64 of shape \(2, 2\)"),
        (lambda: Path("binary.txt").write_bytes(b"\xff\xfea"), "binary.txt", "is not text in UTF-8"),
    ],
)
def test_ids_that_cannot_be_used_are_one_message(write: Any, name: str, message: str) -> None:
    write()
    with pytest.raises(UsageError, match=message):
        read_ids(name)


def test_ids_belong_to_all_arrays_or_to_the_one_that_is_named() -> None:
    np.save("a.npy", np.zeros((2, 3)))
    np.save("b.npy", np.zeros((2, 3)))
    Path("a.txt").write_text("1\n2\n")
    Path("b.txt").write_text("2\n1\n")
    first, second = open_outside(["a.npy", "b.npy"], Terms(ids=("a.txt",)))
    assert first.ids is not None
    assert second.ids is not None
    assert first.ids.tolist() == second.ids.tolist() == [1, 2]
    first, second = open_outside(["a.npy", "b.npy"], Terms(ids=("a.npy=a.txt", "b.npy=b.txt")))
    assert second.ids is not None
    assert second.ids.tolist() == [2, 1]
    with pytest.raises(UsageError, match=r"--ids is given 2 times for a\.npy"):
        open_outside(["a.npy"], Terms(ids=("a.txt", "b.txt")))
    with pytest.raises(UsageError, match="there is no file nowhere"):
        open_outside(["a.npy"], Terms(ids=("nowhere",)))
    Path("a.txt").write_text("1\n2\n3\n")
    with pytest.raises(UsageError, match=r"there are 3 ids for the 2 rows of a\.npy"):
        open_outside(["a.npy"], Terms(ids=("a.txt",)))
