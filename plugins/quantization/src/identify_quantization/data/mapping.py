"""Images converted once into a plain file of bytes, from which they are mapped ever after."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from identify_core import Context, Interrupted, MappedColumn, RunError

Array = np.ndarray[Any, Any]


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
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        array = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
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
        os.replace(part, target)
    except OSError as error:
        raise RunError(
            f"{target} cannot be written: {error.strerror or error}",
            hint="name another folder with dataset.folder or the environment variable IDENTIFY_DATA",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def read_pictures(paths: Sequence[Path], side: int, *, rows: int = 512) -> Iterator[Array]:
    """Pictures of files in blocks, (b, 3, side, side) in uint8, resized by antialiased bicubic interpolation.

    Raises:
        RunError: a file is missing or is not a picture.
    """
    for start in range(0, len(paths), rows):
        yield np.stack([_read_picture(path, side) for path in paths[start : start + rows]])


def _read_picture(path: Path, side: int) -> Array:
    try:
        with Image.open(path) as picture:
            return resized(np.asarray(picture.convert("RGB")), side)
    except (OSError, SyntaxError) as error:
        raise RunError(f"{path} cannot be read as a picture: {error}") from error


def resized(picture: Array, side: int) -> Array:
    """A picture (H, W, C) or (H, W) as (C, side, side), by antialiased bicubic interpolation; its shape may change."""
    image = Image.fromarray(picture)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
