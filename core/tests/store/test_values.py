"""Hostile metadata of a stored array: whatever they claim is held against the files before anything is allocated."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from identify_core.errors import StoreError
from identify_core.store import RunSummary, StoredRun, verify_run
from identify_core.store.arrays import read_array, write_array
from identify_core.testing.memory import peak_memory

Write = Callable[..., RunSummary]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    group = zarr.open_group(store=str(tmp_path / "run" / "arrays.zarr"), mode="w", zarr_format=3)
    write_array(group, "floats", np.arange(12.0).reshape(3, 4), ("a", "b"))
    write_array(group, "integers", np.arange(5000).reshape(50, 100) % 7, ("a", "b"))
    write_array(group, "texts", np.array(["ä", "bc"]), ("a",))
    write_array(group, "nothing", np.zeros((0, 3)), ("a", "b"))
    write_array(group, "scalar", np.array(3.5), ())
    return tmp_path / "run" / "arrays.zarr"


def change(root: Path, array: str, **fields: Any) -> None:
    file = root / array / "zarr.json"
    document = json.loads(file.read_text())
    for key, value in fields.items():
        if key == "chunk_shape":
            document["chunk_grid"]["configuration"]["chunk_shape"] = value
        else:
            document[key] = value
    file.write_text(json.dumps(document))


def test_what_was_written_is_read(root: Path) -> None:
    assert read_array(root, "floats").tolist() == np.arange(12.0).reshape(3, 4).tolist()
    assert (
        read_array(root, "integers", (slice(10, 12),)).tolist()
        == (np.arange(5000) % 7).reshape(50, 100)[10:12].tolist()
    )
    assert read_array(root, "texts").tolist() == ["ä", "bc"]
    assert read_array(root, "nothing").shape == (0, 3)
    assert read_array(root, "scalar") == 3.5


HOSTILE: list[tuple[str, dict[str, Any], str]] = [
    ("floats", {"shape": [10**15, 4]}, "chunk c.1.0 is missing"),
    ("floats", {"shape": [10**15, 10**15], "chunk_shape": [10**15, 10**15]}, "would take .* bytes"),
    ("floats", {"shape": [10**30, 4]}, "its shape and chunks do not make sense"),
    ("floats", {"shape": [3] * 40}, "its shape and chunks do not make sense"),
    ("floats", {"shape": [-1, 4]}, "its shape and chunks do not make sense"),
    ("floats", {"shape": [True, 4]}, "its shape and chunks do not make sense"),
    ("floats", {"shape": "ab"}, "its shape and chunks do not make sense"),
    ("floats", {"chunk_shape": [0, 4]}, "its shape and chunks do not make sense"),
    ("floats", {"chunk_shape": [3]}, "its shape and chunks do not make sense"),
    ("floats", {"chunk_shape": [10**9, 4]}, "would take 32000000000 bytes"),
    ("floats", {"data_type": "object"}, "its type is object"),
    ("floats", {"data_type": "float128x"}, "not understood"),
    ("floats", {"data_type": {"name": "bytes"}}, "its shape and chunks do not make sense"),
    ("floats", {"data_type": "float32"}, "has 96 bytes instead of 48"),
    ("floats", {"codecs": []}, "cannot be read"),
    ("floats", {"codecs": [{"name": "pickle"}]}, "its codecs are pickle, which are not those of a store"),
    ("floats", {"codecs": [{"name": "bytes"}, {"name": "blosc"}]}, "are not those of a store"),
    ("floats", {"codecs": 3}, "cannot be read"),
    ("floats", {"node_type": "cake"}, "it is not a Zarr v3 array or group"),
    ("floats", {"attributes": 3}, "its attributes are not a mapping"),
    ("integers", {"shape": [10**12, 100], "chunk_shape": [10**12, 100]}, "would take .* bytes"),
    ("integers", {"chunk_shape": [100, 100]}, "claims to hold 40000 bytes instead of 80000"),
]


@pytest.mark.parametrize(("array", "fields", "message"), HOSTILE)
def test_hostile_metadata_is_one_message_at_once(root: Path, array: str, fields: dict[str, Any], message: str) -> None:
    change(root, array, **fields)
    start = time.process_time()
    with peak_memory() as peak, pytest.raises(StoreError, match=message):
        read_array(root, array)
    assert time.process_time() - start < 1
    assert peak.kilobytes < 50_000


@pytest.mark.parametrize("claimed", [2**40, 2**63, 39_999, 0])
def test_a_frame_that_claims_another_size_is_not_decoded(root: Path, claimed: int) -> None:
    """A header of zstd that announces terabytes costs nothing; neither does one without a size."""
    (chunk,) = [path for path in (root / "integers").glob("c.*") if path.is_file()]
    frame = chunk.read_bytes()
    chunk.write_bytes(frame[:4] + bytes([0xC0]) + frame[5:6] + struct.pack("<Q", claimed) + frame[8:])
    with pytest.raises(StoreError, match=rf"claims to hold {claimed} bytes instead of 40000"):
        read_array(root, "integers")
    chunk.write_bytes(frame[:4] + bytes([0x00]) + frame[5:])
    with pytest.raises(StoreError, match="claims to hold an unknown number of bytes"):
        read_array(root, "integers")


def test_a_shard_is_judged_by_its_index(tmp_path: Path) -> None:
    group = zarr.open_group(store=str(tmp_path / "run" / "arrays.zarr"), mode="w", zarr_format=3)
    values = np.arange(60, dtype=np.int64).reshape(20, 3)
    from zarr.codecs import ZstdCodec

    array = group.create_array(
        "a", shape=(20, 3), dtype="int64", chunks=(5, 3), shards=(20, 3), compressors=ZstdCodec(level=3, checksum=True)
    )
    array[:] = values
    root = tmp_path / "run" / "arrays.zarr"
    assert read_array(root, "a").tolist() == values.tolist()
    (shard,) = [path for path in (root / "a" / "c").rglob("*") if path.is_file()]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:40])
    with pytest.raises(StoreError, match="less than its index"):
        read_array(root, "a")
    index = len(whole) - 4 * 16 - 4
    shard.write_bytes(whole[:index] + struct.pack("<QQ", 0, 2**50) + whole[index + 16 :])
    with pytest.raises(StoreError, match="is truncated"):
        read_array(root, "a")


def test_links_and_other_things_among_the_files_are_not_followed(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "secret"
    elsewhere.write_bytes(b"x" * 96)
    chunk = root / "floats" / "c.0.0"
    chunk.unlink()
    chunk.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="it is a link"):
        read_array(root, "floats")
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(StoreError, match="not a regular file"):
        read_array(root, "floats")
    os.rename(root / "integers", tmp_path / "moved")
    (root / "integers").symlink_to(tmp_path / "moved")
    with pytest.raises(StoreError, match="it is a link"):
        read_array(root, "integers")


def test_verify_names_a_link_in_a_run(write_run: Write, tmp_path: Path) -> None:
    run = write_run()
    latents = run.folder / "arrays.zarr" / "latents"
    os.rename(latents, tmp_path / "moved")
    latents.symlink_to(tmp_path / "moved")
    assert any(text.startswith("latents: ") and "it is a link" in text for text in verify_run(run))
    assert dict(StoredRun(run).latents) == {}


def test_a_finding_nested_without_end_is_damage(root: Path) -> None:
    folder = root
    for _ in range(200):
        folder = folder / "a"
        folder.mkdir()
        (folder / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    from identify_core.store.nodes import walk

    problems = [problem for _, node, problem in walk(root) if node is None]
    assert problems == ["groups are nested more than 32 deep"]


def test_it_holds_within_a_process_of_little_memory(root: Path) -> None:
    """Under a limit of the address space nothing dies: what cannot be allocated is damage."""
    change(root, "floats", shape=[10**15, 4])
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom identify_core.store.arrays import read_array\n"
        "from identify_core.errors import StoreError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "try:\n    read_array(Path(sys.argv[1]), 'floats')\nexcept StoreError as error:\n    print(error.message)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True, check=True)
    assert "is missing" in done.stdout
