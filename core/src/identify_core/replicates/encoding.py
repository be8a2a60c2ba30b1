"""Encoding: what every replicate makes of the rows of a column, block by block, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from identify_core.contexts.context import Context
from identify_core.contexts.display import Progress
from identify_core.data.fingerprints import Column
from identify_core.data.mapped import MappedColumn, to_device
from identify_core.errors import Interrupted, RunError

Encode = Callable[[Any], torch.Tensor]


def encode_in_blocks(
    encoders: Sequence[Encode],
    column: Column,
    *,
    batch_size: int,
    device: torch.device,
    dtype: torch.dtype,
    into: Path | None,
    context: Context | None,
) -> torch.Tensor:
    """What each encoder gives for each row, (R, n, ...); see `Replicates.encode`."""
    if batch_size < 1:
        raise RunError(f"a batch of {batch_size} rows cannot be encoded; it needs at least one")
    if not len(column):
        raise RunError("there are no rows to encode", hint="choose a split that has rows")
    result: torch.Tensor | None = None
    bar = nullcontext() if context is None else context.progress("encode", len(column), unit="rows")
    with bar as progress, torch.no_grad():
        for start in range(0, len(column), batch_size):
            block = slice(start, min(start + batch_size, len(column)))
            rows = _rows(column, block, device, dtype)
            for replicate, encode in enumerate(encoders):
                encoded = _checked(encode(rows), block.stop - block.start)
                if result is None:
                    result = _empty((len(encoders), len(column), *encoded.shape[1:]), encoded, into)
                result[replicate, block] = encoded
            _go_on(progress, context, block)
    assert result is not None
    return result


def _rows(column: Column, block: slice, device: torch.device, dtype: torch.dtype) -> Any:
    if isinstance(column, MappedColumn):
        return column.take(block, device=device, dtype=dtype)
    return to_device(column[block], device) if isinstance(column, torch.Tensor) else column[block]


def _checked(encoded: Any, rows: int) -> torch.Tensor:
    if not isinstance(encoded, torch.Tensor) or encoded.ndim < 1 or len(encoded) != rows:
        found = tuple(encoded.shape) if isinstance(encoded, torch.Tensor) else type(encoded).__name__
        raise RunError(
            f"the encoder gave {found} for {rows} rows; it must give a tensor with one entry a row, ({rows}, ...)",
            hint="give a body that picks what is wanted, such as lambda call, x: call(x)[0]",
        )
    return encoded


def _empty(shape: tuple[int, ...], like: torch.Tensor, into: Path | None) -> torch.Tensor:
    if into is None:
        return torch.empty(shape, dtype=like.dtype, device=like.device)
    kind = torch.float32 if like.dtype is torch.bfloat16 else like.dtype  # numpy has no bfloat16
    numbers = torch.empty(0, dtype=kind).numpy().dtype
    array: Any = np.lib.format.open_memmap(into, mode="w+", dtype=numbers, shape=shape)
    return torch.from_numpy(array)


def _go_on(progress: Progress | None, context: Context | None, block: slice) -> None:
    if progress is not None:
        progress.advance(block.stop - block.start)
    if context is not None and context.should_stop():
        context.checkpoint({}, section="encode")  # with what was trained before; encoding begins again
        raise Interrupted(f"stopped after encoding {block.stop} rows")
