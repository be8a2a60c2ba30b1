"""Sums over rows and columns in float64, of chunks that stay in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

_LONG_ROW = 4096
_SAFE = (1e-4, 1e4)
_CHUNK = 512  # float32 sums of so few rows lose less than the rows' own rounding
_PRODUCT_CHUNK = 4096


def home_of(device: torch.device) -> torch.device:
    """Where finished statistics live: the CPU where a device has no float64."""
    return torch.device("cpu") if device.type == "mps" else device


def column_sums(rows: torch.Tensor) -> torch.Tensor:
    """Σ x over rows, shape (d,), float64."""
    total = torch.zeros(rows.shape[1], dtype=torch.float64, device=home_of(rows.device))
    for part in _chunks(rows):
        total += (part.new_ones(len(part)) @ part).to(total.device)
    return total


def column_squares(rows: torch.Tensor) -> torch.Tensor:
    """Σ x² over rows, shape (d,), float64."""
    total = torch.zeros(rows.shape[1], dtype=torch.float64, device=home_of(rows.device))
    for part in _chunks(rows):
        total += _sum_of_squares(part, "ij,ij->j").to(total.device)
    return total


def row_squares(rows: torch.Tensor) -> torch.Tensor:
    """Σ x² over columns, shape (n,), float64."""
    home = home_of(rows.device)
    if rows.shape[1] <= _LONG_ROW:
        return _sum_of_squares(rows, "ij,ij->i").to(home, torch.float64)
    total = torch.zeros(len(rows), dtype=torch.float64, device=home)
    for start in range(0, rows.shape[1], _LONG_ROW):
        total += _sum_of_squares(rows[:, start : start + _LONG_ROW], "ij,ij->i").to(total)
    return total


def _sum_of_squares(rows: torch.Tensor, over: str) -> torch.Tensor:
    # numpy squares and sums in one pass; torch writes the squares down first.
    if rows.device.type == "cpu":
        values = rows.numpy()
        return torch.from_numpy(np.einsum(over, values, values))
    return rows.square().sum(dim=0 if over.endswith("j") else 1)


def subtract(rows: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """The rows less a shift in their own type, in memory of their own."""
    shift = shift.to(rows)
    # numpy asks the system for large pages, which halves the time of a large result.
    return torch.from_numpy(rows.numpy() - shift.numpy()) if rows.device.type == "cpu" else rows - shift


def cross_products(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """XᵀY, shape (p, q), float64; products of float32 rows are float32, and their sums over chunks float64.

    Args:
        x: shape (n, p).
        y: shape (n, q); `x` itself takes half the work on a CPU, where numpy hands XᵀX to the symmetric product.
    """
    dtype = torch.promote_types(x.dtype, y.dtype)
    step = len(x) if dtype == torch.float64 else _PRODUCT_CHUNK
    total: torch.Tensor | None = None
    for start in range(0, len(x), step):
        left, right = x[start : start + step].to(dtype), y[start : start + step].to(dtype)
        if x.device.type == "cpu":
            part = torch.from_numpy(left.numpy().T @ right.numpy())
        else:
            part = (left.T @ right).to(home_of(x.device))
        total = part.to(torch.float64) if total is None else total.add_(part)
    assert total is not None
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
    length = _CHUNK if rows.device.type == "cpu" and rows.dtype != torch.float64 else 32 * _CHUNK
    return (rows[start : start + length] for start in range(0, len(rows), length))
