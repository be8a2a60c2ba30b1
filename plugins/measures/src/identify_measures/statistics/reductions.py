"""Sums over rows and columns in float64, of chunks that stay in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

_LONG_ROW = 4096
_SAFE = (1e-4, 1e4)
_CHUNK = 512  # float32 sums of so few rows lose less than the rows' own rounding


def home_of(device: torch.device) -> torch.device:
    """Where finished statistics live: the CPU where a device has no float64."""
    return torch.device("cpu") if device.type == "mps" else device


def column_sums(rows: torch.Tensor) -> torch.Tensor:
    """Σ x over rows, shape (d,), float64."""
    total = torch.zeros(rows.shape[1], dtype=torch.float64, device=home_of(rows.device))
    for part in _chunks(rows):
        total += part.sum(dim=0).to(total.device)
    return total


def column_squares(rows: torch.Tensor) -> torch.Tensor:
    """Σ x² over rows, shape (d,), float64."""
    total = torch.zeros(rows.shape[1], dtype=torch.float64, device=home_of(rows.device))
    for part in _chunks(rows):
        total += part.square().sum(dim=0).to(total.device)
    return total


def row_squares(rows: torch.Tensor) -> torch.Tensor:
    """Σ x² over columns, shape (n,), float64."""
    home = home_of(rows.device)
    total = torch.zeros(len(rows), dtype=torch.float64, device=home)
    for start in range(0, rows.shape[1], _LONG_ROW):
        part: torch.Tensor = torch.linalg.vector_norm(rows[:, start : start + _LONG_ROW], dim=1)
        total += part.to(home, torch.float64).square()
    return total


def unit_of(rows: torch.Tensor, squares: torch.Tensor | None = None) -> float:
    """A power of two near the largest size of a value where squares could overflow or vanish; otherwise 1.

    Args:
        rows: any values.
        squares: their `row_squares`, where these are known.
    """
    if squares is not None and _SAFE[0] ** 2 < float(squares.max()) / rows.shape[1] < _SAFE[1] ** 2:
        return 1.0
    smallest, largest = (float(each) for each in torch.aminmax(rows))
    return unit_of_size(max(-smallest, largest))


def unit_of_size(size: float) -> float:
    """A power of two near the largest size of a value; 1 where its square is near enough to 1."""
    return 1.0 if size == 0 or _SAFE[0] < size < _SAFE[1] else 2.0 ** math.frexp(size)[1]


def _chunks(rows: torch.Tensor) -> Iterator[torch.Tensor]:
    length = _CHUNK if rows.device.type == "cpu" else 32 * _CHUNK
    return (rows[start : start + length] for start in range(0, len(rows), length))
