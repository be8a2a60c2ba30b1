"""Encoding: what every replicate makes of the rows of a column, block by block, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from identify_core.contexts.context import Context
from identify_core.contexts.display import Progress
from identify_core.data.blocks import row_blocks
from identify_core.data.fingerprints import Column
from identify_core.data.mapped import MappedColumn, to_device
from identify_core.errors import Interrupted, RunError

Encode = Callable[[Any], Any]


def encode_in_blocks(
    encoders: Sequence[Encode],
    columns: Column | Mapping[str, Column],
    *,
    batch_size: int,
    device: torch.device,
    dtype: torch.dtype,
    into: Path | None,
    context: Context | None,
) -> Any:
    """What each encoder gives for each row, (R, n, ...); see `Replicates.encode`."""
    if batch_size < 1:
        raise RunError(f"a batch of {batch_size} rows cannot be encoded; it needs at least one")
    count = _count(columns)
    result: dict[str, torch.Tensor] = {}
    bar = nullcontext() if context is None else context.progress("encode", count, unit="rows")
    with bar as progress, torch.no_grad():
        for block in row_blocks(count, batch_size):
            if isinstance(columns, Mapping):
                rows: Any = {name: _rows(column, block, device, dtype) for name, column in columns.items()}
            else:
                rows = _rows(columns, block, device, dtype)
            for replicate, encode in enumerate(encoders):
                for name, encoded in _checked(encode(rows), block.stop - block.start).items():
                    if name not in result:
                        result[name] = _empty((len(encoders), count, *encoded.shape[1:]), encoded, _file(into, name))
                    result[name][replicate, block] = encoded
            _go_on(progress, context, block)
    return result.get("", result)


def _count(columns: Column | Mapping[str, Column]) -> int:
    lengths = {len(each) for each in (columns.values() if isinstance(columns, Mapping) else [columns])}
    if len(lengths) != 1:
        raise RunError(f"columns that are encoded together have one length, not {sorted(lengths)}")
    if lengths == {0}:
        raise RunError("there are no rows to encode", hint="choose a split that has rows")
    return lengths.pop()


def _file(into: Path | None, name: str) -> Path | None:
    return into if into is None or not name else into.with_stem(f"{into.stem}-{name}")


def _rows(column: Column, block: slice, device: torch.device, dtype: torch.dtype) -> Any:
    if isinstance(column, MappedColumn):
        return column.take(block, device=device, dtype=dtype)
    return to_device(column[block], device) if isinstance(column, torch.Tensor) else column[block]


def _checked(encoded: Any, rows: int) -> Mapping[str, torch.Tensor]:
    """What an encoder gave, by name; without a name where it is one tensor."""
    named = encoded if isinstance(encoded, Mapping) else {"": encoded}
    for each in named.values():
        if not isinstance(each, torch.Tensor) or each.ndim < 1 or len(each) != rows:
            found = tuple(each.shape) if isinstance(each, torch.Tensor) else type(each).__name__
            raise RunError(
                f"the encoder gave {found} for {rows} rows; it must give tensors with one entry a row, ({rows}, ...)",
                hint="give a body that picks what is wanted, such as lambda call, x: call(x)[0]",
            )
    return named


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
