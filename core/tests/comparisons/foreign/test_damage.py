"""What is damaged, incomplete or not what its name says is one message that says what it is, never a wrong number."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numcodecs
import numpy as np
import pytest
import torch
import zarr
from safetensors.torch import save_file

from identify_core.comparisons.foreign import sizes, zarr_chunks
from identify_core.comparisons.foreign.door import open_outside
from identify_core.errors import UsageError

VALUES = np.random.default_rng(0).normal(size=(40, 3))


def read(reference: str) -> Any:
    (opened,) = open_outside([reference])
    return opened.representations()[0].values()


def text(name: str, content: str | bytes) -> Any:
    def write() -> None:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def zipped(name: str, member: str) -> Any:
    def write() -> None:
        with zipfile.ZipFile(name, "w") as archive:
            archive.writestr(member, "x")

    return write


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("write", "name", "message", "hint"),
    [
        (text("a.npy", b"\x01\x02\x03random"), "a.npy", "a.npy is not a NumPy file: it begins with", ""),
        (text("a.npz", b"\x01\x02\x03random"), "a.npz", "a.npz is not a NumPy file", ""),
        (text("a.npy", LFS), "a.npy", "a.npy is a Git LFS pointer", "git lfs pull"),
        (text("a.csv", LFS), "a.csv", "a.csv is a Git LFS pointer", "git lfs pull"),
        (text("a.npy", "/annex/objects/SHA256E-s1--2.npy\n"), "a.npy", "a git-annex pointer", "git annex get"),
        (text("a.npy", "\n <!DOCTYPE html><html>"), "a.npy", "a.npy is a web page", "fetch the file itself"),
        (text("a.h5", "<html>no</html>"), "a.h5", "a.h5 is a web page", ""),
        (text("a.npy", ""), "a.npy", "a.npy is empty", "again"),
        (text("a.npy", b"\x80\x04\x95pickle"), "a.npy", "a.npy is a Python pickle", "may run code"),
        (text("a.npy.gz", b"\x1f\x8b\x08"), "a.npy.gz", "is compressed with gzip", "unpack"),
        (text("a.h5", b"nothing"), "a.h5", "a.h5 is not a HDF5 file", ""),
        (text("a.h5", b"\x89HDF\r\n\x1a\n" + b"x" * 100), "a.h5", "a.h5 is a damaged HDF5 file", ""),
        (text("a.parquet", b"PAR1xxxxxxxxPAR1"), "a.parquet", "a.parquet is a damaged parquet file", ""),
        (text("a.mat", b"MATLAB 5.0" + b"x" * 200), "a.mat", "a.mat is not a MATLAB file, or it is damaged", ""),
        (text("a.safetensors", "x"), "a.safetensors", "is not a safetensors file", ""),
        (text("a.dat", "what"), "a.dat", "is not a file of arrays that is read here", ""),
        (text("a.npz", b"PK\x03\x04rest"), "a.npz", "is a damaged archive", ""),
        (zipped("a.xlsx", "xl/workbook.xml"), "a.xlsx", "is an Excel workbook", "csv"),
        (zipped("a.zip", "z/zarr.json"), "a.zip", "is a zipped Zarr store", "unpack"),
        (zipped("a.pt", "x/data.pkl"), "a.pt", "cannot be read as PyTorch's tensors", ""),
        (lambda: os.mkfifo("pipe.npy"), "pipe.npy", "is a device or a pipe", ""),
        (lambda: os.symlink("nowhere", "a.npy"), "a.npy", "a link to a file that is not there", ""),
        (lambda: Path("folder").mkdir(), "folder", "folder is a folder, not a file of arrays", "csv"),
        (lambda: Path("z.zarr").mkdir(), "z.zarr", "is not a Zarr array or group", ""),
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_an_array_is_named(write: Any, name: str, message: str, hint: str) -> None:
    write()
    with pytest.raises(UsageError, match=message) as error:
        read(name)
    assert hint in f"{error.value.message} {error.value.hint}"


def cut(path: str, size: int) -> None:
    os.truncate(path, os.path.getsize(path) - size)


def test_truncated_files_are_said_to_be() -> None:
    np.save("a.npy", VALUES)
    np.savez("b.npz", z=VALUES)
    save_file({"z": torch.from_numpy(VALUES)}, "d.safetensors")
    with h5py.File("f.h5", "w") as file:
        file["z"] = VALUES
    for path in ("a.npy", "b.npz", "d.safetensors", "f.h5"):
        cut(path, 100)
    with pytest.raises(UsageError, match=r"a\.npy is truncated: its header announces 960 bytes of values, and 860 are"):
        read("a.npy")
    for path in ("b.npz", "d.safetensors", "f.h5"):
        with pytest.raises(UsageError, match="damaged"):
            read(path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_flipped_byte_of_an_archive_is_found_or_harmless(save: Any) -> None:
    save("b.npz", z=VALUES)
    content = Path("b.npz").read_bytes()
    for place in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        Path("b.npz").write_bytes(flipped)
        try:
            found = read("b.npz")
        except UsageError:
            continue
        np.testing.assert_array_equal(found, VALUES, err_msg=f"byte {place}")


def store(path: str, **options: Any) -> None:
    """The values as a Zarr array, written a file at a time: zarr 3.1.0 loses chunks of shards written at once."""
    array = zarr.create_array(path, shape=VALUES.shape, dtype=VALUES.dtype, **{"chunks": (10, 3), **options})
    for start in range(0, len(VALUES), 10):
        array[start : start + 10] = VALUES[start : start + 10]


@pytest.mark.parametrize(
    ("options", "chunk"),
    [
        ({}, "c/2/0"),
        ({"zarr_format": 2}, "2.0"),
        ({"chunk_key_encoding": {"name": "v2", "separator": "/"}}, "2/0"),
        ({"chunks": (5, 3), "shards": (10, 3)}, "c/2/0"),
    ],
)
def test_a_missing_chunk_is_not_read_as_zeros(options: Any, chunk: str) -> None:
    store("c.zarr", **options)
    np.testing.assert_array_equal(read("c.zarr"), VALUES)
    os.remove(f"c.zarr/{chunk}")
    with pytest.raises(UsageError, match=f"is incomplete: its chunk {chunk} is missing") as error:
        read("c.zarr")
    assert "write_empty_chunks" in error.value.hint


def test_a_truncated_chunk_is_not_read() -> None:
    store("raw.zarr", compressors=None)
    store("packed.zarr")
    for name in ("raw.zarr", "packed.zarr"):
        cut(f"{name}/c/1/0", 8)
        with pytest.raises(UsageError, match="is damaged"):
            read(name)


def test_a_chunk_that_hdf5_never_wrote_is_not_read_as_zeros() -> None:
    with h5py.File("f.h5", "w") as file:
        file.create_dataset("z", shape=(40, 3), chunks=(10, 3), dtype="f8")[:30] = VALUES[:30]
        file.create_dataset("empty", shape=(40, 3), dtype="f8")
    with pytest.raises(UsageError, match="1 of its 4 chunks were never written"):
        read("f.h5:z")
    with pytest.raises(UsageError, match="it announces 960 bytes of values, and 0 were written"):
        read("f.h5:empty")


def metadata(path: str, **changes: Any) -> None:
    file = Path(path, "zarr.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def regular(*chunks: int) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": chunks}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"zarr_format": "https://purl.org/zarr/spec/protocol/core/3.0"}, "is written in a draft of Zarr's version 3"),
        ({"shape": [10**15, 3]}, "is incomplete"),
        ({"shape": [10**15, 3], "chunk_grid": regular(10**15, 3)}, "is incomplete|of memory a chunk"),
        ({"chunk_grid": regular(0, 3)}, "its metadata make no sense"),
        ({"shape": [40, -3]}, "its metadata make no sense"),
        ({"chunk_grid": {"name": "rectilinear", "configuration": {}}}, "is stored on a 'rectilinear' grid"),
        ({"data_type": "bfloat16"}, "holds bfloat16, which NumPy lacks"),
        ({"data_type": "complex128"}, "holds complex numbers"),
        ({"data_type": "string"}, "holds text"),
        ({"codecs": [{"name": "numcodecs.pickle"}]}, "with the codec 'numcodecs.pickle', which is not used here"),
        ({"codecs": None}, "its metadata make no sense"),
    ],
)
def test_metadata_that_are_hostile_or_of_another_layout_are_refused(changes: Any, message: str) -> None:
    store("c.zarr")
    metadata("c.zarr", **changes)
    with pytest.raises(UsageError, match=message):
        read("c.zarr")


def claim(path: str, count: int) -> None:
    """Make a zstd frame with eight bytes of content size say that it holds so many."""
    content = Path(path).read_bytes()
    assert content[:4] == b"\x28\xb5\x2f\xfd"
    head = content[:4] + bytes([0b11100000]) + count.to_bytes(8, "little")
    Path(path).write_bytes(head + content[13:])


@pytest.mark.parametrize("options", [{}, {"zarr_format": 2, "compressors": numcodecs.Zstd()}])
def test_a_chunk_that_claims_terabytes_is_refused_before_it_is_decoded(options: Any) -> None:
    store("c.zarr", **options)
    claim("c.zarr/1.0" if options else "c.zarr/c/1/0", 2**42)
    with pytest.raises(UsageError, match="claims to hold more than the 240 bytes of a chunk"):
        read("c.zarr")


@pytest.mark.parametrize(
    "codec", [numcodecs.Blosc(), numcodecs.LZ4(), numcodecs.Zlib(), numcodecs.GZip(), numcodecs.BZ2(), numcodecs.LZMA()]
)
def test_a_chunk_that_holds_more_than_a_chunk_is_refused(codec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store("c.zarr", zarr_format=2, compressors=codec)
    np.testing.assert_array_equal(read("c.zarr"), VALUES)
    Path("c.zarr/1.0").write_bytes(codec.encode(np.zeros(10**6)))
    monkeypatch.setattr(zarr_chunks, "memory_budget", lambda: 10**5)
    with pytest.raises(UsageError, match=r"its chunk 1\.0 claims to hold more than the 240 bytes of a chunk"):
        read("c.zarr")


def test_a_shard_whose_chunk_claims_too_much_or_lies_beyond_its_end_is_refused() -> None:
    store("c.zarr", chunks=(5, 3), shards=(10, 3))
    content = bytearray(Path("c.zarr/c/1/0").read_bytes())
    assert content[:4] == b"\x28\xb5\x2f\xfd"
    content[4:13] = bytes([0b11100000]) + (2**42).to_bytes(8, "little")
    Path("c.zarr/c/1/0").write_bytes(content)
    with pytest.raises(UsageError, match="claims to hold more than the 120 bytes of a chunk"):
        read("c.zarr")
    Path("c.zarr/c/1/0").write_bytes(content[:10])
    with pytest.raises(UsageError, match="has 10 bytes, less than its index"):
        read("c.zarr")


class Harmful:
    """What would run code when it is unpickled."""

    def __reduce__(self) -> Any:
        return (Path("ran").touch, ())


def test_a_codec_that_unpickles_is_never_run() -> None:
    zarr.create_array("c.zarr", data=VALUES, chunks=(40, 3), zarr_format=2)
    file = Path("c.zarr/.zarray")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"compressor": {"id": "pickle", "protocol": 5}}))
    harmful = numcodecs.Pickle().encode(np.asarray([Harmful()], dtype=object))
    Path("c.zarr/0.0").write_bytes(harmful)
    with pytest.raises(UsageError, match="with the codec 'pickle', which is not used here"):
        read("c.zarr")
    assert not Path("ran").exists()


def test_tensors_whose_record_is_compressed_are_refused() -> None:
    torch.save({"z": torch.zeros(3, 2)}, "a.pt")
    with zipfile.ZipFile("a.pt") as archive, zipfile.ZipFile("b.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in archive.namelist():
            packed.writestr(name, archive.read(name))
    np.testing.assert_array_equal(read("a.pt"), np.zeros((3, 2)))
    with pytest.raises(UsageError, match=r"b\.pt is packed as torch\.save packs no file") as error:
        read("b.pt")
    assert "torch.save" in error.value.hint


def test_an_n5_store_is_named() -> None:
    for name, attributes in (("a.n5", {}), ("b", {"n5": "2.5.1"}), ("c", {"dimensions": [3], "blockSize": [3]})):
        Path(name).mkdir()
        Path(name, "attributes.json").write_text(json.dumps(attributes))
        with pytest.raises(UsageError, match=f"{name} is an N5 store, which is not read"):
            read(name)


def test_an_array_at_any_depth_is_found_and_several_are_listed() -> None:
    group = zarr.open_group("c.zarr", mode="w")
    group.create_array("one/two/three/z", data=VALUES)
    np.testing.assert_array_equal(read("c.zarr"), VALUES)
    group.create_array("one/y", data=VALUES)
    with pytest.raises(UsageError, match="holds 2 arrays") as error:
        read("c.zarr")
    assert "there are: one/two/three/z, one/y" in error.value.hint
    with pytest.raises(UsageError, match=r"c\.zarr/one has no array 'x'") as error:
        read("c.zarr/one/x")
    assert "there are: two/three/z, y" in error.value.hint
    with pytest.raises(UsageError, match=r"'\.\./x' is not a place in"):
        read("c.zarr:../x")


def test_an_array_beyond_the_memory_is_judged_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed("b.npz", z=np.zeros((1000, 100)))
    np.save("a.npy", np.zeros((1000, 100)))
    monkeypatch.setattr(sizes, "memory_budget", lambda: 100_000)
    with pytest.raises(UsageError, match=r"b\.npz:z claims the shape \(1000, 100\)"):
        read("b.npz")
    assert read("a.npy").shape == (1000, 100)  # mapped, and read a block of rows at a time


def test_a_tensor_that_repeats_one_number_is_judged_by_what_it_claims() -> None:
    torch.save(torch.zeros(1).expand(10**9, 10**4), "a.pt")
    with pytest.raises(UsageError, match=r"claims the shape \(1000000000, 10000\)"):
        read("a.pt")
