"""Fingerprints: hashes of rows and of whole columns, with which runs tell equal content, made block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from identify_core.data.blocks import row_blocks
from identify_core.data.mapped import MappedColumn

Column = torch.Tensor | tuple[str, ...] | MappedColumn


def fingerprint_rows(columns: Mapping[str, Column], count: int) -> np.ndarray[Any, Any]:
    """A 64-bit hash of each sample's content, with which two runs tell whether equal ids mean equal samples.

    Floating-point numbers are hashed in float32, so that runs in different precision agree. Each row is a sum of its
    32-bit words times fixed odd multipliers (multiply-shift hashing, Dietzfelbinger et al. 1997): unequal rows collide
    with a probability of about 2⁻⁶³.

    Args:
        columns: name to tensor (n, ...), mapped column or strings; where there is an `x`, it alone counts.
        count: n.

    Returns:
        uint64, shape (n,).
    """
    hashes = np.zeros(count, dtype=np.uint64)
    for name in ["x"] if "x" in columns else sorted(columns):
        column = columns[name]
        if isinstance(column, tuple):
            digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in column)
            lanes = np.frombuffer(digests, dtype=np.uint32).reshape(count, 2)
            hashes = _mix(hashes, lanes, _multipliers(2), 2)
        else:
            _mix_numbers(hashes, column)
    return hashes


def _mix_numbers(hashes: np.ndarray[Any, Any], column: torch.Tensor | MappedColumn) -> None:
    """Mix a column into the hashes in place: integers as int64, others as float32."""
    width = column.shape[1:].numel() * (1 if column.dtype.is_floating_point else 2)
    multipliers = _multipliers(width)
    small = column.dtype in (torch.uint8, torch.bool)
    for block in row_blocks(len(column), row_bytes=4 * width):
        rows = _rows(column, block)
        if small:  # the upper words of small numbers that are not negative are 0 and add nothing
            lanes, used = rows.to("cpu", torch.uint8).flatten(1).numpy(), multipliers[::2]
        else:
            kind = torch.float32 if rows.is_floating_point() else torch.int64
            words = np.ascontiguousarray(rows.to("cpu", kind).reshape(len(rows), -1).numpy())
            lanes, used = words.view(np.uint32).reshape(len(rows), -1), multipliers
        hashes[block] = _mix(hashes[block], lanes, used, width)


def _rows(column: torch.Tensor | MappedColumn, block: slice) -> torch.Tensor:
    rows = column.take(block) if isinstance(column, MappedColumn) else column[block].detach()
    return rows if rows.ndim > 1 else rows[:, None]


def _multipliers(width: int) -> np.ndarray[Any, Any]:
    random = np.random.Generator(np.random.PCG64(0x1DE27F))
    return random.integers(0, 2**63, size=width, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def _mix(
    hashes: np.ndarray[Any, Any], lanes: np.ndarray[Any, Any], multipliers: np.ndarray[Any, Any], width: int
) -> np.ndarray[Any, Any]:
    total = np.full(len(lanes), width, dtype=np.uint64) + hashes * np.uint64(0x9E3779B97F4A7C15)
    for start in range(0, lanes.shape[1], 256):  # a few columns at a time: memory does not grow with the width
        block = lanes[:, start : start + 256].astype(np.uint64)
        total += block @ multipliers[start : start + 256]
    return total


def column_bytes(column: torch.Tensor | MappedColumn) -> tuple[str, Iterator[bytes | memoryview]]:
    """What a column adds to the fingerprint of its samples: type and shape in words, then its bits in blocks.

    A mapped column adds what the same numbers in memory would, and its scale where it has one.
    """
    empty = numpy_bits(torch.zeros(0, dtype=column.stored if isinstance(column, MappedColumn) else column.dtype))
    head = f"{empty.dtype.str}|{tuple(column.shape)}|"
    if isinstance(column, MappedColumn):
        scaled = "" if column.scale is None else f"times {column.scale!r}|"
        blocks = row_blocks(len(column), row_bytes=column.row_bytes)
        return head + scaled, (numpy_bits(column.stored_rows(block)).tobytes() for block in blocks)
    blocks = row_blocks(len(column), row_bytes=column.itemsize * column.shape[1:].numel())
    return head, (numpy_bits(column[block]).tobytes() for block in blocks)


def numpy_bits(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """The tensor's bits as an array, whatever its type."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype is torch.bfloat16:  # numpy has no bfloat16; its bits identify it as well
        return tensor.view(torch.uint16).numpy()
    array: np.ndarray[Any, Any] = tensor.numpy()
    return array
