"""Inputs: a user's arrays become matrices once, with everything that a measure takes for granted checked here."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import UsageError
from identify_measures.statistics.reductions import column_sums

RANK_TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
"""Singular values below this part of the largest count as zero."""

_FLOATS = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.float32: torch.float32}


class InputError(UsageError, ValueError):
    """An array that no measure can take."""


@attrs.frozen(kw_only=True, eq=False)
class Matrix:
    """A checked representation.

    Args:
        values: shape (n, d), float32 or float64, finite, on the device where it came from.
        dtype: the type that it came in, such as `float16` or `int64`.
        name: what messages call it.
        sums: of the columns, shape (d,), float64.
    """

    values: torch.Tensor
    dtype: str
    name: str
    sums: torch.Tensor

    @property
    def n(self) -> int:
        """Rows."""
        return self.values.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.values.shape[1]

    @property
    def rank_tolerance(self) -> float:
        """Singular values below this part of the largest count as zero."""
        return rank_tolerance(self.values.dtype)


def rank_tolerance(dtype: torch.dtype) -> float:
    """The relative size below which singular values of data of this type count as zero."""
    return RANK_TOLERANCE[dtype]


def as_matrix(x: Any, name: str = "x", *, least_rows: int = 2) -> Matrix:
    """Check one array.

    Half precision becomes float32 and integers become float64, exactly; float32 and float64 stay what they are, and
    share memory with the caller's array where they can. It is never written to.

    Args:
        x: a numpy array, a torch tensor, or what numpy takes for an array, of shape (n, d), or (n,) for one column.
        name: what messages call it.
        least_rows: how many rows the measure needs.

    Raises:
        InputError: it is not such an array, holds something else than finite real numbers, or has too few rows.
    """
    values, dtype = _as_tensor(x, name)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] == 0:
        raise InputError(
            f"{name} has the shape {tuple(values.shape)}", hint="one row a sample: (n, d), or (n,) for one column"
        )
    if values.shape[0] < least_rows:
        raise InputError(f"{name} has {_rows(values.shape[0])}; at least {least_rows} are needed")
    return Matrix(values=values, dtype=dtype, name=name, sums=_finite_sums(values, name))


def first_row(x: Any) -> Matrix:
    """The first row of anything with rows that can be read in spans, for the type that they come in.

    Raises:
        InputError: it does not hold finite real numbers; all rows are read to say how many of them do not.
    """
    try:
        return as_matrix(x.rows(0, 1), x.label, least_rows=1)
    except InputError:
        as_matrix(x.rows(0, x.shape[0]), x.label, least_rows=1)
        raise


def paired(x: Any, y: Any, names: tuple[str, str] = ("x", "y"), *, least_rows: int = 2) -> tuple[Matrix, Matrix]:
    """Check two arrays whose rows are the same samples.

    Where one is a tensor on another device than the other, the second follows the first.

    Raises:
        InputError: one of them is not a matrix, or they have different numbers of rows.
    """
    first = as_matrix(x, names[0], least_rows=least_rows)
    second = as_matrix(y, names[1], least_rows=least_rows)
    if first.n != second.n:
        raise InputError(
            f"{names[0]} has {first.n} rows and {names[1]} has {second.n}",
            hint="row i of both must be the same sample",
        )
    if first.values.device != second.values.device:
        second = attrs.evolve(second, values=second.values.to(first.values.device))
    return first, second


def fit_mask(fit: Any, n: int) -> torch.Tensor:
    """Which of n rows a map or a matching is fitted on; the others judge it. One rule for every measure.

    Args:
        fit: how many rows from the beginning, as an integer, or a boolean for each row, True for those to fit on.
        n: rows.

    Returns:
        Boolean, shape (n,), on the CPU.

    Raises:
        InputError: it is neither, or leaves fewer than two rows to either part.
    """
    if isinstance(fit, int | np.integer) and not isinstance(fit, bool):
        mask = torch.arange(n) < int(fit)
    else:
        refuse_masked(fit, "fit")
        mask = torch.as_tensor(fit).cpu()
    if mask.dtype != torch.bool or mask.shape != (n,):
        what = str(mask.dtype).removeprefix("torch.")
        raise InputError(
            f"fit holds {what} values in the shape {tuple(mask.shape)}",
            hint=f"give how many rows from the beginning, or a boolean for each of the {n} rows",
        )
    chosen = int(mask.sum())
    if not 2 <= chosen <= n - 2:
        raise InputError(
            f"fit takes {chosen} of {n} rows and leaves {n - chosen} to judge on", hint="both parts need two rows"
        )
    return mask


def refuse_masked(x: Any, name: str) -> None:
    """Refuse a numpy array some of whose values are masked: what stands under a mask is not a value.

    Raises:
        InputError: values are masked; it says how many.
    """
    masked = int(np.ma.getmaskarray(x).sum()) if isinstance(x, np.ma.MaskedArray) else 0
    if masked:
        raise InputError(
            f"{name} has {masked} masked values", hint="leave those rows out, or give the values that stand for them"
        )


def _finite_sums(values: torch.Tensor, name: str) -> torch.Tensor:
    # A sum is finite only if every term is, and centring needs it anyway; large finite terms may overflow.
    sums = column_sums(values)
    if not math.isfinite(float(sums.sum())):
        bad = int((~torch.isfinite(values)).any(dim=1).sum())
        if bad:
            raise InputError(f"{name} has NaN or infinite values in {_rows(bad)} of {len(values)}")
    return sums


def _as_tensor(x: Any, name: str) -> tuple[torch.Tensor, str]:
    if isinstance(x, torch.Tensor):
        tensor = x.detach()
        dtype = str(tensor.dtype).removeprefix("torch.")
        if tensor.dtype == torch.float64:
            return tensor, dtype
        if tensor.dtype in _FLOATS:
            return tensor.to(_FLOATS[tensor.dtype]), dtype
        if tensor.dtype == torch.bool or tensor.is_complex():
            raise _not_real(name, dtype)
        return tensor.to(torch.float64), dtype
    refuse_masked(x, name)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError(f"{name} is not a rectangular array of numbers", hint=str(error)) from error
    kind, dtype = array.dtype.kind, array.dtype.name
    if kind in "iu" or (kind == "f" and array.dtype.itemsize > 8):
        array = array.astype(np.float64)
    elif kind != "f":
        raise _not_real(name, dtype)
    elif array.dtype.itemsize < 4:
        array = array.astype(np.float32)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # Torch shares memory with writable arrays of positive strides only.
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array), dtype


def _not_real(name: str, dtype: str) -> InputError:
    what = {"bool": "true and false", "object": "Python objects"}.get(dtype)
    what = what or ("complex numbers" if dtype.startswith("complex") else f"{dtype} values")
    return InputError(f"{name} holds {what}, not real numbers", hint="give an array of floats or integers")


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
