"""Cached loss grids of the 2020 code as findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from identify_core import Finding, LabelledArray, UsageError
from identify_genni.legacy.folder import LegacyGrid
from identify_genni.legacy.restricted import read_pickled_array, read_tagged_yaml


def grid_finding(grid: LegacyGrid) -> Finding:
    """A cached loss grid as a finding; its last axis is the first direction.

    Raises:
        UsageError: a file is damaged or holds something else than arrays and plain values.
    """
    values, meta = read_pickled_array(grid.data), read_tagged_yaml(grid.meta)
    bounds: Any = meta.get("grid_bound")
    count: Any = meta.get("num_inter_models")
    explained = isinstance(count, int) and isinstance(bounds, (list, tuple)) and len(bounds) == 2
    if not explained or values.shape != (count,) * values.ndim:
        raise UsageError(
            f"the grid {grid.data} has the shape {values.shape}, which its meta.yml does not explain "
            f"(num_inter_models {count}, grid_bound {bounds})"
        )
    lower, upper = (float(bound) for bound in bounds)
    arrays = {
        "J": LabelledArray(
            values=values.astype(np.float64),
            dimensions=tuple(f"c{axis}" for axis in range(values.ndim, 0, -1)),
            summary="J on the grid, batch-mean over 500 inputs",
        ),
        "axis": LabelledArray(
            values=np.linspace(lower, upper, values.shape[0]), dimensions=("point",), summary="the same on every axis"
        ),
    }
    basis = meta.get("basis_orthonorm_vectors")
    if basis:
        stacked = torch.stack([torch.as_tensor(each).reshape(-1) for each in basis])
        arrays["basis"] = LabelledArray(values=stacked.numpy(), dimensions=("direction", "parameter"))
    for key in ("basis_coordinates", "basis_losses"):
        if key in meta:
            found = np.asarray(meta[key], dtype=np.float64)
            arrays[key.replace("_", "-")] = LabelledArray(
                values=found, dimensions=("direction", "coordinate")[: found.ndim]
            )
    through = meta.get("basis_vectors", {}).get("model_idxs", [])
    centre = meta.get("center", {}).get("idx")
    return Finding(
        summary=f"A grid of {'×'.join(str(n) for n in values.shape)} losses, cached by the 2020 code.",
        scalars={"smallest": float(values.min()), "largest": float(values.max()), "centre": centre},
        arrays=arrays,
        conventions={
            "axes": f"{values.ndim} axes from {lower:g} to {upper:g}, the last array axis is the first direction",
            "directions": f"through networks {', '.join(str(each) for each in through) or 'that were not noted'}",
        },
    )
