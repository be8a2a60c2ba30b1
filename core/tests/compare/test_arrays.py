"""Arrays in files: every format reads in spans, and everything that is no array of real numbers is one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr
from safetensors.torch import save_file

from identify_core.compare.arrays import is_array_reference, open_array, read_ids
from identify_core.errors import UsageError

VALUES = np.arange(12.0).reshape(4, 3)


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("a.npy", True),
        ("some/b.npz:key", True),
        ("c.zarr/path/in", True),
        ("d.safetensors:x", True),
        ("@last", False),
        ("20261122-030346-smoke-a6a1:hidden-1[2]", False),
    ],
)
def test_what_names_an_array(reference: str, expected: bool) -> None:
    assert is_array_reference(reference) is expected


def write_all() -> None:
    np.save("a.npy", VALUES)
    np.savez("b.npz", z=VALUES, other=VALUES + 1)
    group = zarr.open_group("c.zarr", mode="w")
    group.create_array("deep/z", data=VALUES, chunks=(2, 2))  # chunked across the latent axis too
    save_file({"z": torch.from_numpy(VALUES)}, "d.safetensors")
    save_file({"z": torch.from_numpy(VALUES).bfloat16()}, "e.safetensors")


@pytest.mark.parametrize("reference", ["a.npy", "b.npz:z", "c.zarr/deep/z", "d.safetensors:z", "e.safetensors"])
def test_every_format_reads_the_same_rows(reference: str) -> None:
    write_all()
    (each,) = open_array(reference)
    assert each.shape == (4, 3)
    np.testing.assert_array_equal(each.values(), VALUES)
    np.testing.assert_array_equal(each.rows(1, 3), VALUES[1:3])
    assert each.ids.tolist() == [0, 1, 2, 3]


def test_one_dimension_is_one_column_and_three_are_replicates() -> None:
    np.save("flat.npy", np.arange(5))
    np.save("cube.npy", np.stack([VALUES, -VALUES]))
    (flat,) = open_array("flat.npy")
    assert flat.values().shape == (5, 1)
    first, second = open_array("cube.npy")
    np.testing.assert_array_equal(second.rows(0, 2), -VALUES[:2])
    assert (first.label, second.label) == ("cube.npy[0]", "cube.npy[1]")


def objects() -> None:
    np.save("o.npy", np.asarray([{}], dtype=object), allow_pickle=True)
    np.savez("o.npz", z=np.asarray([{}], dtype=object))


@pytest.mark.parametrize(
    ("write", "reference", "message", "hint"),
    [
        (lambda: None, "no.npy", "there is no file no.npy", ""),
        (objects, "o.npy", "holds pickled objects, which are never loaded", "save it as numbers"),
        (objects, "o.npz:z", "o.npz:z holds pickled objects", "save it as numbers"),
        (lambda: Path("x.npy").write_text("not numpy"), "x.npy", "x.npy", ""),
        (lambda: Path("x.npz").write_text("not numpy"), "x.npz", "x.npz", ""),
        (write_all, "a.npy:key", "holds one array and has no key 'key'", ""),
        (write_all, "b.npz", "holds 2 arrays", "say which: other, z"),
        (write_all, "b.npz:zz", "has no array 'zz'", "did you mean 'z'?"),
        (write_all, "c.zarr/deep/y", "c.zarr has no array 'deep/y'", "deep/z"),
        (lambda: np.savez("empty.npz"), "empty.npz", "holds no array", ""),
        (lambda: Path("z.zarr").mkdir(), "z.zarr", "is no Zarr array or group", ""),
        (lambda: Path("s.safetensors").write_text("x"), "s.safetensors", "is no safetensors file", ""),
        (lambda: np.save("c.npy", VALUES + 1j), "c.npy", "holds complex numbers, not real numbers", ""),
        (lambda: np.save("t.npy", np.array(["a"])), "t.npy", "not real numbers", ""),
        (lambda: np.save("q.npy", np.zeros((2, 2, 2, 2))), "q.npy", r"has the shape \(2, 2, 2, 2\)", "replicates"),
        (lambda: np.save("n.npy", np.zeros((0, 3))), "n.npy", "is empty", ""),
    ],
)
def test_what_is_no_array_of_real_numbers_is_one_message(write: Any, reference: str, message: str, hint: str) -> None:
    write()
    with pytest.raises(UsageError, match=message) as error:
        open_array(reference)
    assert hint in error.value.hint


def test_ids_must_be_as_many_as_rows() -> None:
    write_all()
    with pytest.raises(UsageError, match=r"there are 3 ids for the 4 rows of a\.npy"):
        open_array("a.npy", ids=np.arange(3))


def test_ids_are_read_from_numpy_and_text() -> None:
    np.save("ids.npy", np.array([3, 1, 2]))
    Path("numbers.txt").write_text("3\n1\n-2\n")
    Path("names.txt").write_text("b\na\n")
    assert read_ids(Path("ids.npy")).tolist() == [3, 1, 2]
    assert read_ids(Path("numbers.txt")).tolist() == [3, 1, -2]
    assert read_ids(Path("names.txt")).tolist() == ["b", "a"]


@pytest.mark.parametrize(
    ("write", "name", "message"),
    [
        (lambda: None, "no.txt", "there is no file"),
        (lambda: Path("twice.txt").write_text("a\nb\na\n"), "twice.txt", "the id a comes 2 times"),
        (lambda: np.save("float.npy", np.zeros(3)), "float.npy", "one integer or text a row, not float64"),
        (lambda: Path("binary.txt").write_bytes(b"\xff\xfe"), "binary.txt", "is no text in UTF-8"),
    ],
)
def test_ids_that_cannot_be_used_are_one_message(write: Any, name: str, message: str) -> None:
    write()
    with pytest.raises(UsageError, match=message):
        read_ids(Path(name))
