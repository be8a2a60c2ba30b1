"""Pairs of runs whose latents are related by a random map of one rung of the ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from identify_core.testing.projects import Project

if TYPE_CHECKING:
    from identify_core.store import StoredRun


def make_related_runs(
    project: Project, rung: str, *, width: int = 3, rows: int = 200, seed: int = 0, noise: float = 0.0
) -> tuple[StoredRun, StoredRun]:
    """Put two runs into a project's store: normal latents, and the same mapped by a random map of a rung.

    Args:
        project: whose store.
        rung: the class of the map, which both runs claim.
        width: d of the latents.
        rows: n of the latents.
        seed: of latents, map and noise.
        noise: standard deviation of what is added to the mapped latents; with any, no rung holds exactly.

    Returns:
        Two runs of one replicate each, named after the rung, with the latents "imported" (1, n, d) in float64 on equal
        sample ids.

    Raises:
        UsageError: no map of that rung can be drawn.
    """
    import numpy as np

    from identify_core.comparisons.imports import import_arrays
    from identify_core.store import StoredRun
    from identify_core.testing.transformations import draw_map

    generator = np.random.default_rng(seed)
    first = generator.standard_normal((rows, width))
    second = draw_map(rung, width, generator)(first) + noise * generator.standard_normal((rows, width))
    runs = []
    for name, values in ((f"{rung}-first", first), (f"{rung}-second", second)):
        file = project.path / f"{name}.npy"
        np.save(file, values)
        runs.append(StoredRun.open(import_arrays([str(file)], project.store, name=name, identified_up_to=rung)))
        file.unlink()
    return runs[0], runs[1]
