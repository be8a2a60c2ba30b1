"""Arrays come back bit for bit; chunks keep to their sizes; a lost or damaged chunk is said, never read as zeros."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from identify_core.errors import StoreError
from identify_core.store import arrays
from identify_core.store.arrays import CHUNK_BYTES, SHARD_BYTES, plan_chunks, read_array, write_array
from identify_core.store.nodes import read_node

shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
dtypes = st.sampled_from(
    ["f2", "f4", "f8", "c8", "c16", "b1", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8))]
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    zarr.create_group(store=str(tmp_path / "arrays.zarr"), zarr_format=3)
    return tmp_path / "arrays.zarr"


def write(root: Path, values: Any, name: str = "a", **more: Any) -> None:
    ndim = len(values.shape)
    write_array(zarr.open_group(store=str(root), mode="a"), name, values, [f"d{i}" for i in range(ndim)], **more)


@settings(max_examples=60, deadline=None)
@given(values=dtypes.flatmap(lambda dtype: hnp.arrays(dtype, shapes)))
def test_numbers_come_back_bit_for_bit(tmp_path_factory: Any, values: np.ndarray[Any, Any]) -> None:
    root = tmp_path_factory.mktemp("run") / "arrays.zarr"
    zarr.create_group(store=str(root), zarr_format=3)
    write(root, values)
    read = read_array(root, "a")
    assert read.dtype == values.dtype
    assert read.shape == values.shape
    assert read.tobytes() == values.tobytes()


@settings(max_examples=40, deadline=None)
@given(values=hnp.arrays(np.dtype("U6"), hnp.array_shapes(max_dims=2, max_side=4, min_side=0)))
def test_text_comes_back(tmp_path_factory: Any, values: np.ndarray[Any, Any]) -> None:
    root = tmp_path_factory.mktemp("run") / "arrays.zarr"
    zarr.create_group(store=str(root), zarr_format=3)
    write(root, values)
    read = read_array(root, "a")
    assert read.shape == values.shape
    assert read.tolist() == values.tolist()


def test_big_endian_numbers_come_back_as_native_ones(root: Path) -> None:
    write(root, np.arange(5, dtype=">f4"))
    np.testing.assert_array_equal(read_array(root, "a"), np.arange(5, dtype="f4"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn])
def test_short_floats_lose_nothing_and_keep_their_name(root: Path, dtype: torch.dtype) -> None:
    values = torch.randn(4, 3).to(dtype)
    write(root, values)
    read = read_array(root, "a")
    assert torch.equal(torch.from_numpy(read).to(dtype).float(), values.float())
    assert read_node(root, "a").dtype == str(dtype).removeprefix("torch.")


def test_a_tensor_that_needs_gradients_and_is_no_contiguous_block_is_written(root: Path) -> None:
    values = torch.arange(6.0, requires_grad=True).reshape(2, 3).T
    write(root, values)
    np.testing.assert_array_equal(read_array(root, "a"), [[0, 3], [1, 4], [2, 5]])


@pytest.mark.parametrize(
    "values", [np.array([object()]), np.array(["2020-01-01"], dtype="M8[D]"), np.array([1], dtype=np.longdouble)]
)
def test_what_would_need_pickling_is_refused(root: Path, values: np.ndarray[Any, Any]) -> None:
    with pytest.raises(StoreError, match="which a store does not hold"):
        write(root, values)


@given(
    shape=st.lists(st.integers(1, 3000), min_size=1, max_size=4).map(tuple),
    itemsize=st.sampled_from([1, 2, 4, 8]),
    whole=st.integers(0, 1),
)
def test_chunks_and_shards_keep_to_their_sizes(shape: tuple[int, ...], itemsize: int, whole: int) -> None:
    chunks, shards = plan_chunks(shape, itemsize, whole=whole)
    row = math.prod(shape[len(shape) - whole :]) * itemsize
    assert chunks[len(shape) - whole :] == shape[len(shape) - whole :]
    assert math.prod(chunks) * itemsize <= max(CHUNK_BYTES, row)
    if math.prod(shape) * itemsize > 2 * CHUNK_BYTES and row < CHUNK_BYTES // 2:
        assert math.prod(min(c, s) for c, s in zip(chunks, shape, strict=True)) * itemsize > CHUNK_BYTES // 3
    if math.prod(shape) * itemsize <= SHARD_BYTES:
        assert shards is None
    if shards is not None:
        assert all(shard % chunk == 0 for shard, chunk in zip(shards, chunks, strict=True))
        assert CHUNK_BYTES // 2 < math.prod(shards) * itemsize <= SHARD_BYTES


def test_latents_are_cut_along_the_samples_only(root: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 1024)
    write(root, np.arange(3 * 100 * 8, dtype="f4").reshape(3, 100, 8), whole=1)
    assert read_node(root, "a").chunks == (1, 32, 8)


def test_large_arrays_are_sharded_and_read_back(root: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 256)
    monkeypatch.setattr(arrays, "SHARD_BYTES", 2048)
    values = np.arange(3 * 150 * 4, dtype="f4").reshape(3, 150, 4)
    write(root, values, whole=1)
    node = read_node(root, "a")
    assert node.chunks == (1, 128, 4)
    assert node.file_count == 6
    np.testing.assert_array_equal(read_array(root, "a"), values)
    np.testing.assert_array_equal(read_array(root, "a", (2, slice(100, 140))), values[2, 100:140])


def test_floats_are_stored_as_they_are_and_integers_compressed(root: Path) -> None:
    write(root, np.zeros((2, 3), dtype="f4"), name="floats")
    write(root, np.zeros((2, 3), dtype="i8"), name="integers")

    def codecs(name: str) -> list[str]:
        return [codec["name"] for codec in json.loads((root / name / "zarr.json").read_text())["codecs"]]

    assert codecs("floats") == ["bytes"]
    assert codecs("integers") == ["bytes", "zstd"]
    assert (root / "floats" / "c.0.0").read_bytes() == bytes(24)


def test_every_array_names_its_dimensions(root: Path) -> None:
    write(root, np.zeros((2, 3)))
    metadata: Any = zarr.open_array(store=str(root / "a"), mode="r").metadata
    assert metadata.dimension_names == ("d0", "d1")


def damage(root: Path, what: str) -> None:
    chunk = root / "a" / "c.1.0"
    if what == "missing":
        chunk.unlink()
    elif what == "changed":
        data = bytearray(chunk.read_bytes())
        data[len(data) // 2] ^= 255
        chunk.write_bytes(data)
    elif what == "truncated":
        chunk.write_bytes(chunk.read_bytes()[:-5])
    elif what == "no metadata":
        (root / "a" / "zarr.json").unlink()
    elif what == "broken metadata":
        (root / "a" / "zarr.json").write_text("{")
    elif what == "no shape":
        (root / "a" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "array"}')
    elif what == "older format":
        (root / "a" / "zarr.json").write_text('{"zarr_format": 2, "node_type": "array"}')
    elif what == "a group":
        (root / "a" / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')


def test_truncated_floats_are_said_with_their_chunk(root: Path) -> None:
    write(root, np.arange(8, dtype="f4").reshape(2, 4)[:, None])
    (root / "a" / "c.0.0.0").write_bytes(bytes(16))
    with pytest.raises(StoreError, match=r"its chunk c\.0\.0\.0 has 16 bytes instead of 32"):
        read_array(root, "a")


@pytest.mark.parametrize("what", ["truncated", "changed"])
def test_damaged_integers_are_said(root: Path, monkeypatch: Any, what: str) -> None:
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 64)
    write(root, np.random.default_rng(0).integers(0, 2**60, (4, 8)))
    damage(root, what)
    with pytest.raises(StoreError, match="one of its chunks is truncated or damaged"):
        read_array(root, "a")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("missing", "its chunk c.1.0 is missing"),
        ("no metadata", "it is missing"),
        ("broken metadata", "Expecting property name"),
        ("no shape", "its shape and chunks do not make sense"),
        ("older format", "it is not a Zarr v3 array or group"),
        ("a group", "it is a group"),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "i8"])
def test_damage_is_said_and_the_run_named(root: Path, monkeypatch: Any, dtype: str, what: str, words: str) -> None:
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 64)
    write(root, np.arange(32, dtype=dtype).reshape(4, 8))
    damage(root, what)
    with pytest.raises(StoreError, match=f"the array a of the run {root.parent.name} cannot be read: .*{words}"):
        read_array(root, "a")


def test_rows_whose_chunks_are_there_can_be_read_beside_a_missing_one(root: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 64)
    values = np.arange(64, dtype="f4").reshape(8, 8)
    write(root, values)
    damage(root, "missing")
    np.testing.assert_array_equal(read_array(root, "a", (slice(4, 8),)), values[4:8])
    with pytest.raises(StoreError, match=r"its chunk c\.1\.0 is missing"):
        read_array(root, "a", (slice(0, 3),))
