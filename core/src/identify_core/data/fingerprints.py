"""Fingerprints: hashes of rows and bits of tensors, with which runs tell equal content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

Column = torch.Tensor | tuple[str, ...]


def fingerprint_rows(columns: Mapping[str, Column], count: int) -> np.ndarray[Any, Any]:
    """A 64-bit hash of each sample's content, with which two runs tell whether equal ids mean equal samples.

    Floating-point numbers are hashed in float32, so that runs in different precision agree. Each row is a sum of its
    32-bit words times fixed odd multipliers (multiply-shift hashing, Dietzfelbinger et al. 1997): unequal rows collide
    with a probability of about 2⁻⁶³.

    Args:
        columns: name to tensor (n, ...) or strings; where there is an `x`, it alone counts.
        count: n.

    Returns:
        uint64, shape (n,).
    """
    hashes = np.zeros(count, dtype=np.uint64)
    for name in ["x"] if "x" in columns else sorted(columns):
        column = columns[name]
        if isinstance(column, torch.Tensor):
            floating = column.is_floating_point()
            words = column.detach().to("cpu", torch.float32 if floating else torch.int64).reshape(count, -1).numpy()
            lanes = np.ascontiguousarray(words).view(np.uint32).reshape(count, -1)
            hashes = _mix(hashes, lanes)
        else:
            digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in column)
            hashes = _mix(hashes, np.frombuffer(digests, dtype=np.uint32).reshape(count, 2))
    return hashes


def _mix(hashes: np.ndarray[Any, Any], lanes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    width = lanes.shape[1]
    random = np.random.Generator(np.random.PCG64(0x1DE27F))
    multipliers = random.integers(0, 2**63, size=width, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    total = np.full(len(lanes), width, dtype=np.uint64) + hashes * np.uint64(0x9E3779B97F4A7C15)
    for start in range(0, width, 256):  # the products of a block of columns at a time: memory does not grow with width
        block = lanes[:, start : start + 256].astype(np.uint64) * multipliers[start : start + 256]
        total += block.sum(axis=1, dtype=np.uint64)
    return total


def numpy_bits(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """The tensor's bits as an array, whatever its type."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype is torch.bfloat16:  # numpy has no bfloat16; its bits identify it as well
        return tensor.view(torch.uint16).numpy()
    array: np.ndarray[Any, Any] = tensor.numpy()
    return array
