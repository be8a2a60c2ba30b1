"""MATLAB's .mat files of the versions 4 to 7, through scipy; version 7.3 is HDF5."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from identify_core.comparisons.foreign.numbers import as_native
from identify_core.comparisons.foreign.record import Array, ForeignArray, choose
from identify_core.comparisons.foreign.sizes import judge_size
from identify_core.errors import UsageError
from identify_core.optional_packages import optional_package

_NUMBERS = frozenset(
    ["double", "single", "logical", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
)


def open_mat(path: Path, key: str) -> ForeignArray:
    """A matrix of a .mat file; it is read as a whole at its first use."""
    io = optional_package("scipy.io", extra="matlab", purpose=f"reading {path}")
    try:
        variables = {name: (shape, kind) for name, shape, kind in io.whosmat(str(path))}
    except Exception as error:
        raise UsageError(
            f"{path} is not a MATLAB file, or it is damaged: {error}", hint="write or download it again"
        ) from error
    matrices = [name for name, (_, kind) in variables.items() if kind in _NUMBERS]
    if key in variables and key not in matrices:
        raise UsageError(f"{path}:{key} is a {variables[key][1]}, not a matrix of numbers")
    name = choose(path, key, matrices)
    label, shape = f"{path}:{name}", tuple(map(int, variables[name][0]))
    judge_size(label, shape, 8)

    @lru_cache(maxsize=1)
    def whole() -> Array:
        try:
            values: Array = io.loadmat(str(path), variable_names=[name], verify_compressed_data_integrity=True)[name]
        except Exception as error:
            raise UsageError(f"{label} is damaged: {error}", hint="write or download it again") from error
        if values.dtype.kind == "c":
            raise UsageError(f"{label} holds complex numbers, not real numbers")
        return as_native(values)

    # MATLAB has no vectors: what is one is a matrix with a single row or column.
    vector = len(shape) == 2 and 1 in shape
    return ForeignArray(
        name=label,
        shape=(max(shape),) if vector else shape,
        dtype=variables[name][1],
        read=lambda selection: (whole().reshape(-1) if vector else whole())[selection],
    )
