"""Images in files: idx files and pictures against what was written, and conversions that do not end."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from identify_core.downloads.image_files import map_images, read_idx, read_pictures, resized
from identify_core.errors import Interrupted, RunError
from identify_core.testing.contexts import make_context


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.mark.parametrize("shape", [(3, 5, 4), (7,)])
def test_idx_files_are_read_plain_and_under_gzip(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = noise(*shape)
    (tmp_path / "plain-ubyte").write_bytes(idx(array))
    (tmp_path / "packed.gz").write_bytes(gzip.compress(idx(array)))
    for name in ("plain-ubyte", "packed.gz"):
        np.testing.assert_array_equal(read_idx(tmp_path / name), array)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "begins with nothing"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "not an idx file of bytes: it begins with 00000d01"),
        (idx(noise(3, 2))[:-1], "has 17 bytes, which do not fit the 2-dimensional"),
        (idx(noise(3, 2)) + b"\x00", "has 19 bytes"),
        (b"\x00\x00\x08\x03\x00\x00\x00\x01", "has 8 bytes, which do not fit the 3-dimensional"),
    ],
)
def test_what_is_not_an_idx_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(RunError, match=said):
        read_idx(tmp_path / "x")


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(idx(noise(30, 2)))[:20])
    with pytest.raises(RunError, match="cannot be read"):
        read_idx(tmp_path / "x.gz")


def test_a_picture_is_cut_in_its_middle_and_then_resized(tmp_path: Path) -> None:
    picture = noise(218, 178, 3)
    Image.fromarray(picture).save(tmp_path / "face.png")
    (block,) = read_pictures([tmp_path / "face.png"], 148, crop=148)
    np.testing.assert_array_equal(block[0], picture[35:183, 15:163].transpose(2, 0, 1))
    (small,) = read_pictures([tmp_path / "face.png"], 64, crop=148, resampling="bilinear")
    middle = Image.fromarray(picture[35:183, 15:163]).resize((64, 64), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(small[0], np.asarray(middle).transpose(2, 0, 1))
    with pytest.raises(RunError, match="178 x 218 pixels; 200 x 200 are cut out of it"):
        list(read_pictures([tmp_path / "face.png"], 64, crop=200))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(RunError, match="cannot be read as a picture"):
        list(read_pictures([tmp_path / "text.png"], 64))


def test_pictures_come_in_blocks(tmp_path: Path) -> None:
    pictures = noise(5, 8, 8, 3)
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    blocks = list(read_pictures(paths, 8, rows=2))
    assert [len(block) for block in blocks] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(blocks), pictures.transpose(0, 3, 1, 2))


def test_a_conversion_that_was_stopped_leaves_nothing(tmp_path: Path) -> None:
    target, context = tmp_path / "x.npy", make_context(tmp_path / "run", stop_requested=lambda: True)
    with pytest.raises(Interrupted, match="while converting"):
        map_images(target, (4, 1, 8, 8), lambda: iter([noise(4, 1, 8, 8)]), context, scale=1 / 255)
    assert not list(tmp_path.glob("x.npy*"))


def test_too_few_images_and_other_images_are_refused(tmp_path: Path) -> None:
    target, context = tmp_path / "x.npy", make_context(tmp_path / "run")
    with pytest.raises(RunError, match=r"3 images were found for x\.npy, and 4 are wanted"):
        map_images(target, (4, 1, 8, 8), lambda: iter([noise(3, 1, 8, 8)]), context, scale=1 / 255)
    map_images(target, (3, 1, 8, 8), lambda: iter([noise(3, 1, 8, 8)]), context, scale=1 / 255)
    with pytest.raises(RunError, match="holds images of the shape"):
        map_images(target, (4, 1, 8, 8), lambda: iter([]), context, scale=1 / 255)


def test_pictures_of_the_right_size_are_not_touched() -> None:
    picture = noise(8, 8, 3)
    np.testing.assert_array_equal(resized(picture, 8), picture.transpose(2, 0, 1))
