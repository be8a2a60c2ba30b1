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
    if rows.device.type == "cpu":
        return torch.from_numpy(column_sums_on_cpu(rows.numpy()))
    return _over_rows(rows, lambda part: part.new_ones(len(part)) @ part)


def column_squares(rows: torch.Tensor) -> torch.Tensor:
    """Σ x² over rows, shape (d,), float64."""
    if rows.device.type == "cpu":
        return torch.from_numpy(column_squares_on_cpu(rows.numpy()))
    return _over_rows(rows, lambda part: part.square().sum(dim=0))


def _over_rows(rows: torch.Tensor, reduce: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Sums over chunks of rows in their own type, added up in float64."""
    total = torch.zeros(rows.shape[1], dtype=torch.float64, device=home_of(rows.device))
    for start in range(0, len(rows), _PRODUCT_CHUNK):
        total += reduce(rows[start : start + _PRODUCT_CHUNK]).to(total.device)
    return total


def _over_rows_on_cpu(values: Array, reduce: Callable[[Array], Array]) -> Array:
    step = _PRODUCT_CHUNK if values.dtype == np.float64 else _CHUNK
    if len(values) <= step:
        return reduce(values).astype(np.float64, copy=False)
    first = reduce(values[:step]).astype(np.float64, copy=False)
    for start in range(step, len(values), step):
        first += reduce(values[start : start + step])
    return first


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is found in the sum
def column_sums_on_cpu(values: Array) -> Array:
    """`column_sums` of an array, where a call of torch would be most of the time."""
    return _over_rows_on_cpu(values, _sum_on_cpu)


def _sum_on_cpu(values: Array) -> Array:
    found: Array = np.ones(len(values), values.dtype).dot(values)
    return found


def column_squares_on_cpu(values: Array) -> Array:
    """`column_squares` of an array."""
    return _over_rows_on_cpu(values, _square_on_cpu)


def _square_on_cpu(values: Array) -> Array:
    found: Array = np.einsum("ij,ij->j", values, values)
    return found


def row_squares(rows: torch.Tensor) -> torch.Tensor:
    """Σ x² over columns, shape (n,), float64."""
    if rows.device.type == "cpu":
        return torch.from_numpy(row_squares_on_cpu(rows.numpy()))
    total = torch.zeros(len(rows), dtype=torch.float64, device=home_of(rows.device))
    for start in range(0, rows.shape[1], _LONG_ROW):
        total += rows[:, start : start + _LONG_ROW].square().sum(dim=1).to(total)
    return total


def row_squares_on_cpu(values: Array) -> Array:
    """`row_squares` of an array."""
    # numpy squares and sums in one pass; torch writes the squares down first.
    if values.shape[1] <= _LONG_ROW:
        whole: Array = np.einsum("ij,ij->i", values, values).astype(np.float64, copy=False)
        return whole
    found: Array = np.einsum("ij,ij->i", values[:, :_LONG_ROW], values[:, :_LONG_ROW]).astype(np.float64, copy=False)
    for start in range(_LONG_ROW, values.shape[1], _LONG_ROW):
        part = values[:, start : start + _LONG_ROW]
        found += np.einsum("ij,ij->i", part, part)
    return found


def cross_products(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """XᵀY, shape (p, q), float64; products of float32 rows are float32, and their sums over chunks float64.

    Args:
        x: shape (n, p).
        y: shape (n, q); `x` itself takes half the work on a CPU, where numpy hands XᵀX to the symmetric product.
    """
    if x.device.type == "cpu":
        return torch.from_numpy(products_on_cpu(x.numpy(), y.numpy()))
    dtype = torch.promote_types(x.dtype, y.dtype)
    total = torch.zeros(x.shape[1], y.shape[1], dtype=torch.float64, device=home_of(x.device))
    for start in range(0, len(x), _PRODUCT_CHUNK):
        left, right = x[start : start + _PRODUCT_CHUNK].to(dtype), y[start : start + _PRODUCT_CHUNK].to(dtype)
        total += (left.T @ right).to(total.device)
    return total


def products_on_cpu(x: Array, y: Array) -> Array:
    """`cross_products` of arrays."""
    if len(x) <= _PRODUCT_CHUNK or np.float64 in (x.dtype, y.dtype):
        whole: Array = x.T.dot(y).astype(np.float64, copy=False)
        return whole
    total = np.zeros((x.shape[1], y.shape[1]))
    for start in range(0, len(x), _PRODUCT_CHUNK):
        total += x[start : start + _PRODUCT_CHUNK].T.dot(y[start : start + _PRODUCT_CHUNK])
    return total


def unit_of(rows: torch.Tensor, squares: torch.Tensor | None = None) -> float:
    """A power of two near the largest size of a value where squares could overflow or vanish; otherwise 1.

    Args:
        rows: any values.
        squares: their `row_squares`, where these are known.
    """
    if squares is not None and is_safe(float(squares.max()), rows.shape[1]):
        return 1.0
    smallest, largest = (float(each) for each in torch.aminmax(rows))
    return unit_of_size(max(-smallest, largest))


def is_safe(largest: float, width: int) -> bool:
    """Whether rows whose largest sum of squares this is need no other unit."""
    return _SAFE[0] ** 2 < largest / width < _SAFE[1] ** 2


def unit_of_size(size: float) -> float:
    """A power of two near the largest size of a value; 1 where its square is near enough to 1."""
    return 1.0 if size == 0 or _SAFE[0] < size < _SAFE[1] else 2.0 ** math.frexp(size)[1]
