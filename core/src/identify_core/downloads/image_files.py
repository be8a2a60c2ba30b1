"""Images in files: read from pictures and idx files, converted once into plain bytes, and mapped from there."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from identify_core.atomic_files import replacing
from identify_core.contexts.context import Context
from identify_core.data.mapped import MappedColumn
from identify_core.errors import Interrupted, RunError

Array = np.ndarray[Any, Any]
Resampling = Literal["bicubic", "bilinear"]


def map_images(
    target: Path, shape: tuple[int, ...], blocks: Callable[[], Iterator[Array]], context: Context, *, scale: float
) -> MappedColumn:
    """The images of a file, which is written first where it is not there.

    Args:
        target: an .npy file; it appears whole or not at all.
        shape: of all images, (n, C, H, W).
        blocks: gives uint8 images (b, C, H, W), one after the other.
        context: shows the progress, and may stop.
        scale: what a byte is multiplied with to be a number from 0 to 1.

    Raises:
        RunError: the file cannot be written, or is of other images.
        Interrupted: the user stopped the conversion.
    """
    if not target.is_file():
        _write(target, shape, blocks(), context)
    column = MappedColumn.of_npy(target, scale=scale)
    if column.shape != shape:
        raise RunError(
            f"{target} holds images of the shape {tuple(column.shape)}, and {tuple(shape)} are wanted",
            hint="delete it, and it is made again",
        )
    return column


def _write(target: Path, shape: tuple[int, ...], blocks: Iterator[Array], context: Context) -> None:
    try:
        with replacing(target) as draft:
            array = np.lib.format.open_memmap(draft, mode="w+", dtype=np.uint8, shape=shape)
            with context.progress(f"converting {target.stem}", shape[0], "images") as bar:
                done = 0
                for block in blocks:
                    array[done : done + len(block)] = block
                    done += len(block)
                    bar.advance(len(block))
                    if context.should_stop():
                        raise Interrupted(f"stopped while converting images for {target.name}")
            if done != shape[0]:
                raise RunError(f"{done} images were found for {target.name}, and {shape[0]} are wanted")
            array.flush()
            del array
    except OSError as error:
        raise RunError(
            f"{target} cannot be written: {error.strerror or error}",
            hint="name another folder with dataset.folder or the environment variable IDENTIFY_DATA",
        ) from error


def read_pictures(
    pictures: Sequence[Path] | Sequence[IO[bytes] | Path],
    side: int,
    *,
    crop: int | None = None,
    resampling: Resampling = "bicubic",
    rows: int = 512,
) -> Iterator[Array]:
    """Pictures of files in blocks, (b, 3, side, side) in uint8, resized with antialiasing.

    Args:
        pictures: paths or open files; a lazy sequence opens each when its turn comes.
        side: height and width of what is given.
        crop: height and width of the part in the middle that is taken first; None for the whole picture.
        resampling: how pixels are interpolated.
        rows: of a block.

    Raises:
        RunError: a file is missing, is not a picture, or is smaller than the part that is to be taken.
    """
    for start in range(0, len(pictures), rows):
        found = (pictures[number] for number in range(start, min(start + rows, len(pictures))))
        yield np.stack([_read_picture(picture, side, crop, resampling) for picture in found])


def _read_picture(picture: IO[bytes] | Path, side: int, crop: int | None, resampling: Resampling) -> Array:
    from PIL import Image

    name = picture if isinstance(picture, Path) else getattr(picture, "name", "a file")
    try:
        with Image.open(picture) as opened:
            image = opened.convert("RGB")
    except (OSError, SyntaxError) as error:
        raise RunError(f"{name} cannot be read as a picture: {error}") from error
    if crop is not None:
        if min(image.size) < crop:
            raise RunError(f"{name} has {image.size[0]} x {image.size[1]} pixels; {crop} x {crop} are cut out of it")
        left, top = (round((length - crop) / 2) for length in image.size)
        image = image.crop((left, top, left + crop, top + crop))
    return resized(np.asarray(image), side, resampling=resampling)


def resized(picture: Array, side: int, *, resampling: Resampling = "bicubic") -> Array:
    """A picture (H, W, C) or (H, W) as (C, side, side), antialiased; its shape may change."""
    from PIL import Image

    image = Image.fromarray(picture)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling[resampling.upper()])
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)


def read_idx(path: Path) -> Array:
    """The bytes of an idx file, plain or under gzip: images (n, H, W) or labels (n,) of MNIST and its kin.

    Raises:
        RunError: it is not such a file, or is cut short.

    Source: LeCun, Cortes & Burges, The MNIST database, yann.lecun.com/exdb/mnist.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    if len(content) < 8 or content[:3] != b"\x00\x00\x08" or not 1 <= content[3] <= 4:
        raise RunError(f"{path} is not an idx file of bytes: it begins with {content[:4].hex() or 'nothing'}")
    axes = content[3]
    start = 4 + 4 * axes
    shape = struct.unpack_from(f">{axes}I", content, 4) if len(content) >= start else ()
    if not shape or len(content) - start != math.prod(shape):
        raise RunError(f"{path} has {len(content)} bytes, which do not fit the {axes}-dimensional array that it names")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
