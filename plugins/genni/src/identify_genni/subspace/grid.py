"""J on a grid: chunk by chunk, each kept as soon as it is finished, so that a killed evaluation goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from identify_core import Context, Interrupted, StoreError, replacing
from identify_genni.subspace.axes import Array, Grid
from identify_genni.subspace.loss import SubspaceLoss

_CHUNKS = 64  # of a full grid: at most about a sixtieth of the work is lost in a crash

Advance = Callable[[int], None]


@attrs.frozen(kw_only=True)
class SavedChunks:
    """Finished chunks as one file each, in a folder that belongs to one evaluation.

    Args:
        folder: made at the first chunk.
    """

    folder: Path

    @classmethod
    def of(cls, scratch: Path, grid: Grid, settings: Mapping[str, Any]) -> SavedChunks:
        """The chunks of this grid under these settings: whatever changes a value must be among them.

        Args:
            scratch: the run's scratch folder.
            grid: its axes count as settings.
            settings: arrays, and values with a meaningful `repr`.
        """
        digest = hashlib.sha256()
        for name, value in (*sorted(settings.items()), *((f"axis {k}", axis) for k, axis in enumerate(grid.axes))):
            content = np.ascontiguousarray(value).tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
            digest.update(f"{name}|{len(content)}|".encode() + content)
        return cls(folder=scratch / f"subspace-{digest.hexdigest()[:16]}")

    def load(self, name: str, count: int) -> Array | None:
        """The chunk, or None where it is missing or its file is not what was written."""
        try:
            values: Array = np.load(self.folder / f"{name}.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        return values if values.shape == (count,) and values.dtype == np.float64 else None

    def save(self, name: str, values: Array) -> None:
        """Keep a chunk, in one step.

        Raises:
            StoreError: it cannot be written.
        """
        try:
            with replacing(self.folder / f"{name}.npy") as draft:
                np.save(draft, values, allow_pickle=False)
        except OSError as error:
            raise StoreError(
                f"a finished part of the grid cannot be kept in {self.folder}: {error.strerror or error}",
                hint="free some space, then `identify resume`: the parts before it are kept",
            ) from error


def evaluate_points(
    loss: SubspaceLoss,
    grid: Grid,
    numbers: Array,
    *,
    saved: SavedChunks,
    name: str,
    context: Context,
    advance: Advance = lambda points: None,
) -> Array:
    """J at the grid points with these numbers, in their order.

    Args:
        loss: J of coefficients.
        grid: where the numbers count.
        numbers: (m,), integers.
        saved: where finished chunks are kept and found again.
        name: of this set of points, which must be the same set whenever the evaluation is repeated.
        context: says when to stop.
        advance: told how many points are done.

    Returns:
        (m,), float64.

    Raises:
        Interrupted: the user asked to stop; what is finished is kept.
    """
    values = np.empty(len(numbers), dtype=np.float64)
    step = chunk_length(grid.size, loss.points)
    for chunk, start in enumerate(range(0, len(numbers), step)):
        part = numbers[start : start + step]
        found = saved.load(f"{name}-{chunk:05d}", len(part))
        if found is None:
            if context.should_stop():
                raise Interrupted(
                    f"stopped with {start:,} of {len(numbers):,} points of the grid evaluated",
                    hint="`identify resume` goes on from there",
                )
            found = loss(grid.coefficients(part)).numpy()
            saved.save(f"{name}-{chunk:05d}", found)
        values[start : start + len(part)] = found
        advance(len(part))
    return values


def evaluate_grid(
    loss: SubspaceLoss, grid: Grid, *, saved: SavedChunks, context: Context, advance: Advance = lambda points: None
) -> Array:
    """J at every point, in the shape of the grid; see `evaluate_points`."""
    every = np.arange(grid.size)
    values = evaluate_points(loss, grid, every, saved=saved, name="all", context=context, advance=advance)
    return values.reshape(grid.shape)


def chunk_length(size: int, tile: int) -> int:
    """How many points a chunk has: whole tiles, about a sixty-fourth of the grid."""
    return max(1, -(-size // (_CHUNKS * tile))) * tile
