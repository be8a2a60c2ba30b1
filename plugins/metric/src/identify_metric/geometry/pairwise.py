"""Distances of all pairs of n points, block by block: kept in a folder, so that a search goes on, or on Dask."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Context, StoreError
from identify_metric.geometry.geodesics import geodesics
from identify_metric.geometry.maps import Map
from identify_metric.options.searching import GeodesicSettings

Array = np.ndarray[Any, Any]

_KEPT = ("length", "error", "line", "converged")


@attrs.frozen(kw_only=True, eq=False)
class Pairwise:
    """Distances of all pairs.

    Args:
        length: (n, n), symmetric, 0 on the diagonal.
        error: the largest numerical error of each length, relative, (n, n).
        line: lengths of straight latent lines, (n, n).
        converged: (n, n).
        computed: blocks that were computed now; the others were found in the folder.
    """

    length: Array
    error: Array
    line: Array
    converged: Array
    computed: int


def pairwise(
    F: Map,
    z: torch.Tensor,
    *,
    settings: GeodesicSettings | None = None,
    block: int = 512,
    seed: int = 0,
    folder: Path | None = None,
    client: Any = None,
    context: Context | None = None,
) -> Pairwise:
    """Geodesic distances of all n (n − 1) / 2 pairs.

    Memory is that of a block, whatever n. What a block gives depends on its points, the settings and the seed alone.

    Args:
        F: z (N, d) -> (N, D'); with a client one that can be pickled, such as a module.
        z: points, (n, d).
        settings: of the search.
        block: pairs at a time.
        seed: of the bumps.
        folder: where finished blocks are kept; a second call with the same points takes them from there.
        client: a `distributed.Client` to whose workers blocks are given; here, one after the other, without one.
        context: of a run, which may be interrupted: what is finished is kept in the folder.

    Raises:
        StoreError: the folder holds blocks of other points or settings.
        Interrupted: the user stopped the run.
    """
    settings = settings or GeodesicSettings()
    n = len(z)
    rows, columns = np.triu_indices(n, 1)
    starts = range(0, len(rows), block)
    if folder is not None:
        _claim(folder, z, settings, block, seed)
    found: dict[int, dict[str, Array]] = {}
    waiting = []
    for start in starts:
        kept = None if folder is None else _read(folder, start)
        if kept is None:
            waiting.append(start)
        else:
            found[start] = kept

    def ends(start: int) -> tuple[torch.Tensor, torch.Tensor]:
        cut = slice(start, start + block)
        return z[torch.from_numpy(rows[cut])], z[torch.from_numpy(columns[cut])]

    if client is not None:
        futures = [client.submit(_block, F, *ends(start), settings, seed + start, pure=False) for start in waiting]
        parts = client.gather(futures)
    else:
        parts = (_block(F, *ends(start), settings, seed + start, context) for start in waiting)
    for start, part in zip(waiting, parts, strict=True):
        found[start] = part
        if folder is not None:
            _write(folder, start, part)
    matrices = {name: np.zeros((n, n), dtype=bool if name == "converged" else float) for name in _KEPT}
    for name, matrix in matrices.items():
        np.fill_diagonal(matrix, name == "converged")
        if len(rows):
            values = np.concatenate([found[start][name] for start in starts])
            matrix[rows, columns] = matrix[columns, rows] = values
    return Pairwise(**matrices, computed=len(waiting))


def _block(
    F: Map, a: torch.Tensor, b: torch.Tensor, settings: GeodesicSettings, seed: int, context: Context | None = None
) -> dict[str, Array]:
    generator = torch.Generator().manual_seed(seed)
    found = geodesics(F, a, b, settings=settings, generator=generator, context=context)
    return {name: getattr(found, name).cpu().numpy() for name in _KEPT}


def _claim(folder: Path, z: torch.Tensor, settings: GeodesicSettings, block: int, seed: int) -> None:
    """Say whose blocks the folder holds.

    Raises:
        StoreError: it holds those of another search.
    """
    digest = hashlib.sha256(np.ascontiguousarray(z.double().cpu().numpy()).tobytes())
    digest.update(f"{tuple(z.shape)}|{settings}|{block}|{seed}".encode())
    key = folder / "search.sha256"
    if key.is_file():
        if key.read_text(encoding="utf-8") != digest.hexdigest():
            raise StoreError(
                f"{folder} holds distances of other points or settings", hint="name another folder, or delete this one"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    key.write_text(digest.hexdigest(), encoding="utf-8")


def _read(folder: Path, start: int) -> dict[str, Array] | None:
    path = folder / f"{start:09d}.npz"
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in _KEPT}


def _write(folder: Path, start: int, part: dict[str, Array]) -> None:
    path = folder / f"{start:09d}.npz"
    temporary = path.with_suffix(f".{os.getpid()}.part")
    with temporary.open("wb") as stream:
        np.savez(stream, **part)  # type: ignore[arg-type]
    os.replace(temporary, path)
