"""Arrays as representations, for tests of evaluators without a run or a store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from identify_core.evaluation.subjects import Representation

Array = np.ndarray[Any, Any]


def represent(
    values: Any,
    label: str = "mine",
    *,
    ids: Any = None,
    load_rows: Callable[[int, int], Array] | None = None,
    run_id: str = "run",
    latents: str = "latents",
    replicate: int = 0,
    identified_up_to: str = "",
    **more: Any,
) -> Representation:
    """An array as one replicate's latents of a run.

    Args:
        values: (n, d); rows are read from it when they are asked for, so that an array of a file stays there.
        label: what tables call it.
        ids: of the samples, (n,); numbers from 0 by default.
        load_rows: reads rows `start` to `stop` in place of `values[start:stop]`, to count or to spoil what is read.
        run_id: of the run.
        latents: their name.
        replicate: which of the run's.
        identified_up_to: the rung that the run claims.
        more: further fields of `Representation`, such as `factors` or `holds`.

    Example:
        >>> from identify_core.testing.representations import represent
        >>> represent([[1.0, 2.0], [3.0, 4.0]]).rows(1, 2)
        array([[3., 4.]])
    """
    stored = values if hasattr(values, "shape") else np.asarray(values)

    def rows(start: int, stop: int) -> Array:
        return np.asarray(stored[start:stop])

    return Representation(
        label=label,
        run_id=run_id,
        latents=latents,
        replicate=replicate,
        ids=np.arange(stored.shape[0]) if ids is None else np.asarray(ids),
        identified_up_to=identified_up_to,
        shape=(stored.shape[0], stored.shape[1]),
        load_rows=load_rows or rows,
        **more,
    )
