"""Columns that stay in their files give what the same numbers in memory give, and are read only where they must be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import MappedColumn, RunError, Samples
from identify_core.data import blocks, fingerprint_cache, fingerprints

NUMBERS = [np.uint8, np.int8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64, np.bool_]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cached fingerprints go to a folder of the test's own; small blocks, so that every column has several."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)
    return tmp_path


def numbers(kind: Any = np.uint8, rows: int = 23) -> np.ndarray[Any, Any]:
    drawn = np.random.default_rng(0).integers(0 if np.dtype(kind).kind in "ub" else -100, 100, size=(rows, 3, 2))
    return drawn.astype(kind)


def stored(folder: Path, array: np.ndarray[Any, Any], *, age: float = 60.0, **settings: Any) -> MappedColumn:
    file = folder / "column.npy"
    np.save(file, array)
    column = MappedColumn.of_npy(file, **settings)
    then = os.stat(file).st_mtime - age
    os.utime(file, (then, then))
    return column


def samples(column: torch.Tensor | MappedColumn, **changes: Any) -> Samples:
    n = len(column)
    rest = {"ids": np.arange(n), "splits": {"train": np.arange(n - 5)[::-1], "test": np.arange(n - 5, n)}}
    return Samples(columns={"x": column, "y": torch.arange(float(n))}, **{**rest, **changes})


@pytest.mark.parametrize("kind", NUMBERS)
def test_fingerprints_are_those_of_the_same_numbers_in_memory(home: Path, kind: Any) -> None:
    array = numbers(kind)
    ours, theirs = samples(stored(home, array)), samples(torch.from_numpy(array))
    assert ours.fingerprint == theirs.fingerprint
    assert ours.row_fingerprints.tolist() == theirs.row_fingerprints.tolist()
    assert ours.split("train").fingerprint == theirs.split("train").fingerprint
    assert ours.split("train").row_fingerprints.tolist() == theirs.split("train").row_fingerprints.tolist()


@pytest.mark.parametrize("kind", NUMBERS)
def test_rows_have_the_hash_of_their_words_whatever_the_block(kind: Any) -> None:
    """The slow reference: every 32-bit word times its multiplier, in Python's integers."""
    array = numbers(kind, rows=4)
    wide = array.astype(np.float32 if np.dtype(kind).kind == "f" else np.int64).reshape(4, -1)
    words = np.ascontiguousarray(wide).view(np.uint32).reshape(4, -1).tolist()
    random = np.random.Generator(np.random.PCG64(0x1DE27F))
    factors = (random.integers(0, 2**63, size=len(words[0]), dtype=np.uint64).astype(object) * 2 + 1).tolist()
    expected = [(len(row) + sum(w * f for w, f in zip(row, factors, strict=True))) % 2**64 for row in words]
    assert fingerprints.fingerprint_rows({"x": torch.from_numpy(array)}, 4).tolist() == expected


def test_fingerprints_are_those_of_before_columns_could_be_mapped() -> None:
    """Stores that exist keep their values: these were printed before fingerprints were made in blocks."""
    made = samples(torch.from_numpy(numbers()))
    assert made.fingerprint == "bda2568bb00d6ce6f37c990929cd5ddc94751305f25e1413aba4d643ca451dc8"
    assert int(made.row_fingerprints.sum()) == 4405933551112084512


def test_scaled_rows_are_hashed_as_the_numbers_that_are_read(home: Path) -> None:
    array = numbers()
    scaled = stored(home, array, scale=1 / 255)
    same = torch.from_numpy(array).float() * (1 / 255)
    assert torch.equal(scaled.take(slice(0, 23)), same)
    assert samples(scaled).row_fingerprints.tolist() == samples(same).row_fingerprints.tolist()
    assert samples(scaled).fingerprint != samples(stored(home, array)).fingerprint


def test_splits_and_moves_read_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = numbers()
    made = samples(stored(home, array))

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a row was read")

    monkeypatch.setattr(MappedColumn, "stored_rows", refuse)
    part = made.to("cpu", torch.float64).split("train").rows(np.array([3, 0]))
    assert part.shape.inputs == (3, 2)
    monkeypatch.undo()
    assert torch.equal(part.tensor("x"), torch.from_numpy(array)[[14, 17]])


def test_an_index_of_several_axes_gathers_as_a_tensor_does(home: Path) -> None:
    array = numbers()
    column = stored(home, array).rows(np.arange(23)[::-1])
    index = torch.tensor([[0, 3, 3], [22, 1, 0]])
    assert torch.equal(column.take(index), torch.from_numpy(array).flip(0)[index])
    assert torch.equal(column.take(slice(2, 5)), torch.from_numpy(array).flip(0)[2:5])


def test_what_is_taken_is_the_reader_s_own(home: Path) -> None:
    column = stored(home, numbers())
    column.take(slice(0, 2)).zero_()
    assert torch.equal(column.take(slice(0, 23)), torch.from_numpy(numbers()))


def test_a_raw_file_is_mapped_by_its_offset(home: Path) -> None:
    array = numbers(np.int32)
    file = home / "raw"
    file.write_bytes(b"0123456789abcdef" + array.tobytes())
    column = MappedColumn(path=file, rows_shape=array.shape, stored=torch.int32, offset=16)
    assert torch.equal(column.take(slice(0, 23)), torch.from_numpy(array))


def count_readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    read: list[int] = []
    original = MappedColumn.stored_rows

    def counting(self: MappedColumn, which: Any) -> torch.Tensor:
        read.append(1)
        return original(self, which)

    monkeypatch.setattr(MappedColumn, "stored_rows", counting)
    return read


def test_a_file_is_fingerprinted_once_until_it_changes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint_cache, "_SETTLED", 0.0)
    read = count_readings(monkeypatch)
    first = samples(stored(home, numbers()))
    known = (first.fingerprint, first.row_fingerprints.tolist())
    cost = len(read)
    again = samples(MappedColumn.of_npy(home / "column.npy"))
    assert (again.fingerprint, again.row_fingerprints.tolist()) == known
    assert len(read) == cost
    assert samples(MappedColumn.of_npy(home / "column.npy"), splits={}).fingerprint != known[0]
    assert len(read) > cost
    array = numbers()
    array[22, 2, 1] ^= 1
    changed = samples(stored(home, array, age=50.0))
    assert changed.fingerprint == samples(torch.from_numpy(array)).fingerprint != known[0]


def test_a_file_that_changed_a_moment_ago_is_read_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples(stored(home, numbers(), age=0.0)).fingerprint  # noqa: B018
    read = count_readings(monkeypatch)
    samples(MappedColumn.of_npy(home / "column.npy")).fingerprint  # noqa: B018
    assert read
    assert not fingerprint_cache.cache_folder().exists()


def test_a_damaged_or_unwritable_cache_costs_only_the_reading(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint_cache, "_SETTLED", 0.0)
    made = samples(stored(home, numbers()))
    expected = made.fingerprint
    for file in fingerprint_cache.cache_folder().iterdir():
        file.write_bytes(b"\x93NUMPY no")
    assert samples(MappedColumn.of_npy(home / "column.npy")).fingerprint == expected
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nothing")
    assert samples(MappedColumn.of_npy(home / "column.npy")).fingerprint == expected


def test_the_cache_keeps_a_bounded_number_of_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint_cache, "_KEPT", 3)
    for number in range(5):
        fingerprint_cache.keep(f"{number}", np.zeros(1))
        os.utime(fingerprint_cache.cache_folder() / f"{number}.npy", (number, number))
    assert sorted(each.stem for each in fingerprint_cache.cache_folder().iterdir()) == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: None, "cannot be mapped as an .npy file"),
        (lambda file: file.write_bytes(b"hello"), "cannot be mapped as an .npy file"),
        (
            lambda file: np.save(file, np.asfortranarray(numbers()[:, :, 0])),
            "does not hold one array of rows in C order",
        ),
        (lambda file: np.save(file, np.array(1)), "cannot be mapped as an .npy file|does not hold one array of rows"),
        (lambda file: np.save(file, numbers(np.int32).astype(">i4")), "holds >i4; a mapped column holds bool, uint8"),
    ],
)
def test_what_cannot_be_mapped_is_refused(tmp_path: Path, write: Any, message: str) -> None:
    write(tmp_path / "a.npy")
    with pytest.raises(RunError, match=message):
        MappedColumn.of_npy(tmp_path / "a.npy")


def test_a_file_that_is_too_short_or_no_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "raw"
    file.write_bytes(bytes(47))
    with pytest.raises(RunError, match=r"has 47 bytes, but int32 of shape \(3, 4\) needs 48 bytes"):
        MappedColumn(path=file, rows_shape=(3, 4), stored=torch.int32)
    with pytest.raises(RunError, match="would begin at byte 2; int32 begins at a multiple of 4"):
        MappedColumn(path=file, rows_shape=(1, 4), stored=torch.int32, offset=2)
    with pytest.raises(RunError, match="is not a file"):
        MappedColumn(path=tmp_path, rows_shape=(3, 4), stored=torch.int32)
    with pytest.raises(RunError, match="a mapped column cannot hold complex64; it holds bool, uint8"):
        MappedColumn(path=file, rows_shape=(3,), stored=torch.complex64)
