"""Sums over rows and columns in float64, of chunks that stay in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Array = np.ndarray[Any, Any]

_LONG_ROW = 4096
_SAFE = (1e-4, 1e4)
_CHUNK = 2048  # float32 sums of so few rows lose less than the rows' own rounding
_PRODUCT_CHUNK = 16384  # products of fewer rows at a time leave the processor waiting for memory


def home_of(device: torch.device) -> torch.device:
    """Where finished statistics live: the CPU where a device has no float64."""
    return torch.device("cpu") if device.type == "mps" else device


def column_sums(rows: torch.Tensor) -> torch.Tensor:
    """Σ x over rows, shape (d,), float64."""
    return _over_rows(rows, lambda part: part.new_ones(len(part)) @ part, _sum_on_cpu)


def column_squares(rows: torch.Tensor) -> torch.Tensor:
    """Σ x² over rows, shape (d,), float64."""
    return _over_rows(rows, lambda part: part.square().sum(dim=0), _square_on_cpu)


def _over_rows(
    rows: torch.Tensor, reduce: Callable[[torch.Tensor], torch.Tensor], on_cpu: Callable[[Array], Array]
) -> torch.Tensor:
    """Sums over chunks of rows in their own type, added up in float64; by numpy on a CPU, whose calls cost less."""
    if rows.device.type != "cpu":
        total = torch.zeros(rows.shape[1], dtype=torch.float64, device=home_of(rows.device))
        for start in range(0, len(rows), _PRODUCT_CHUNK):
            total += reduce(rows[start : start + _PRODUCT_CHUNK]).to(total.device)
        return total
    values = rows.numpy()
    step = _PRODUCT_CHUNK if values.dtype == np.float64 else _CHUNK
    first = on_cpu(values[:step]).astype(np.float64, copy=False)
    for start in range(step, len(values), step):
        first += on_cpu(values[start : start + step])
    return torch.from_numpy(first)


def _sum_on_cpu(values: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found in the sum
        found: Array = np.ones(len(values), values.dtype) @ values
    return found


def _square_on_cpu(values: Array) -> Array:
    found: Array = np.einsum("ij,ij->j", values, values)
    return found


def row_squares(rows: torch.Tensor) -> torch.Tensor:
    """Σ x² over columns, shape (n,), float64."""
    if rows.device.type == "cpu":
        return torch.from_numpy(_square_rows_on_cpu(rows.numpy()))
    total = torch.zeros(len(rows), dtype=torch.float64, device=home_of(rows.device))
    for start in range(0, rows.shape[1], _LONG_ROW):
        total += rows[:, start : start + _LONG_ROW].square().sum(dim=1).to(total)
    return total


def _square_rows_on_cpu(values: Array) -> Array:
    # numpy squares and sums in one pass; torch writes the squares down first.
    found: Array = np.einsum("ij,ij->i", values[:, :_LONG_ROW], values[:, :_LONG_ROW]).astype(np.float64, copy=False)
    for start in range(_LONG_ROW, values.shape[1], _LONG_ROW):
        part = values[:, start : start + _LONG_ROW]
        found += np.einsum("ij,ij->i", part, part)
    return found


def subtract(rows: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """The rows less a shift in their own type, in memory of their own."""
    shift = shift.to(rows)
    if rows.device.type == "cpu":
        return torch.from_numpy(_subtract_on_cpu(rows.numpy(), shift.numpy()))
    return rows - shift


def _subtract_on_cpu(values: Array, shift: Array) -> Array:
    # numpy asks the system for large pages, which halves the time of a large result.
    found: Array = values - shift
    return found


def cross_products(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """XᵀY, shape (p, q), float64; products of float32 rows are float32, and their sums over chunks float64.

    Args:
        x: shape (n, p).
        y: shape (n, q); `x` itself takes half the work on a CPU, where numpy hands XᵀX to the symmetric product.
    """
    if x.device.type == "cpu":
        return torch.from_numpy(_products_on_cpu(x.numpy(), y.numpy()))
    dtype = torch.promote_types(x.dtype, y.dtype)
    total = torch.zeros(x.shape[1], y.shape[1], dtype=torch.float64, device=home_of(x.device))
    for start in range(0, len(x), _PRODUCT_CHUNK):
        left, right = x[start : start + _PRODUCT_CHUNK].to(dtype), y[start : start + _PRODUCT_CHUNK].to(dtype)
        total += (left.T @ right).to(total.device)
    return total


def _products_on_cpu(x: Array, y: Array) -> Array:
    if len(x) <= _PRODUCT_CHUNK or np.float64 in (x.dtype, y.dtype):
        return (x.T @ y).astype(np.float64, copy=False)
    total = np.zeros((x.shape[1], y.shape[1]))
    for start in range(0, len(x), _PRODUCT_CHUNK):
        total += x[start : start + _PRODUCT_CHUNK].T @ y[start : start + _PRODUCT_CHUNK]
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
