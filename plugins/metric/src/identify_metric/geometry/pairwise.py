"""Geodesics block by block: kept in a folder, so that a search goes on, here or on Dask; and all pairs of n points."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Context, Interrupted, StoreError, UsageError, check_one_at_a_time, replacing
from identify_metric.geometry.geodesics import Geodesics, geodesics
from identify_metric.geometry.maps import Map
from identify_metric.options.searching import GeodesicSettings

Array = np.ndarray[Any, Any]

_KEPT = ("length", "error", "line", "converged")
EVERYTHING = tuple(each.name for each in attrs.fields(Geodesics))
_SECONDS_BETWEEN_LOOKS = 0.05


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
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    if folder is not None:
        _claim(folder, _digest(z, settings, block, seed))
    found, computed = in_blocks(
        F,
        z,
        pairs,
        settings=settings,
        block=block,
        seed=seed,
        folder=folder,
        client=client,
        context=context,
        kept=_KEPT,
    )
    matrices = {name: np.zeros((n, n), dtype=bool if name == "converged" else float) for name in _KEPT}
    for name, matrix in matrices.items():
        np.fill_diagonal(matrix, name == "converged")
        if len(pairs):
            matrix[pairs[:, 0], pairs[:, 1]] = matrix[pairs[:, 1], pairs[:, 0]] = found[name]
    return Pairwise(**matrices, computed=computed)


def in_blocks(
    F: Map,
    z: torch.Tensor,
    pairs: Array,
    *,
    settings: GeodesicSettings,
    block: int,
    seed: int = 0,
    folder: Path | None = None,
    client: Any = None,
    context: Context | None = None,
    paths: torch.Tensor | None = None,
    kept: Sequence[str] = EVERYTHING,
) -> tuple[dict[str, Array], int]:
    """Geodesics of pairs of z, so many at a time, each kept as it is done.

    Args:
        F: z (N, d) -> (N, D').
        z: points, (n, d).
        pairs: rows of both ends, (P, 2).
        settings: of the search.
        block: pairs at a time.
        seed: of the bumps.
        folder: where finished blocks are kept and found again, which holds those of this search alone.
        client: a `distributed.Client` to whose workers blocks are given.
        context: of a run, which may be interrupted.
        paths: coefficients of a further start of each pair, (P, segments + 1, d).
        kept: names of columns of `Geodesics`, and `error`.

    Returns:
        Those columns, (P, ...) each; and how many blocks were computed now.

    Raises:
        UsageError: the cluster has no workers, or one does several things at once or lacks this package.
        Interrupted: the user stopped the run.
    """
    starts = range(0, len(pairs), block)
    found = {} if folder is None else {at: part for at in starts if (part := _read(folder, at, kept)) is not None}
    waiting = [at for at in starts if at not in found]

    def task(at: int) -> _Block:
        cut = slice(at, at + block)
        a, b = (z[torch.from_numpy(pairs[cut, side])] for side in (0, 1))
        more = () if paths is None else (paths[cut],)
        return _Block(a=a, b=b, paths=more, settings=settings, seed=seed + at, kept=kept)

    done = (
        ((at, _search(F, task(at), context)) for at in waiting)
        if client is None
        else _on_cluster(client, F, {at: task(at) for at in waiting}, context)
    )
    for at, part in done:
        found[at] = part
        if folder is not None:
            _write(folder, at, part)
    columns = {name: np.concatenate([found[at][name] for at in starts]) for name in kept} if found else {}
    return columns, len(waiting)


def _on_cluster(
    client: Any, F: Map, tasks: Mapping[int, _Block], context: Context | None
) -> Iterator[tuple[int, dict[str, Array]]]:
    """Blocks from the workers of a cluster, as they come; the map is sent to each worker once."""
    if not tasks:
        return
    _look_at_workers(client)
    (there,) = client.scatter([F], broadcast=True, hash=False)
    left = {client.submit(_search, there, each, pure=False): at for at, each in tasks.items()}
    try:
        while left:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            for future in [each for each in left if each.done()]:
                yield left.pop(future), future.result()
            if left and context is not None and context.should_stop():
                raise Interrupted("stopped while a cluster searched geodesics; the blocks that came back are kept")
    finally:
        client.cancel(list(left))


def _look_at_workers(client: Any) -> None:
    """Say at once what would make a search wait for ever, or fail in each block.

    Raises:
        UsageError: there are no workers, or one does several things at once or lacks this package.
    """
    check_one_at_a_time(client)
    for worker, seen in client.run(_is_here, on_error="return").items():
        if isinstance(seen, BaseException):
            raise UsageError(
                f"the Dask worker {worker} cannot search geodesics: {type(seen).__name__}: {seen}",
                hint="install identify-metric where the workers run",
            )


def _is_here() -> bool:
    return True


@attrs.frozen(kw_only=True, eq=False)
class _Block:
    """What a search of some pairs takes next to the map; it is sent to workers."""

    a: torch.Tensor
    b: torch.Tensor
    paths: tuple[torch.Tensor, ...]
    settings: GeodesicSettings
    seed: int
    kept: Sequence[str]


def _search(F: Map, block: _Block, context: Context | None = None) -> dict[str, Array]:
    generator = torch.Generator().manual_seed(block.seed)
    found = geodesics(
        F, block.a, block.b, settings=block.settings, generator=generator, paths=block.paths, context=context
    )
    return {name: getattr(found, name).cpu().numpy() for name in block.kept}


def _digest(z: torch.Tensor, *more: object) -> str:
    """Of the points and of what else a search depends on."""
    digest = hashlib.sha256(np.ascontiguousarray(z.double().cpu().numpy()).tobytes())
    digest.update("|".join(str(each) for each in (tuple(z.shape), *more)).encode())
    return digest.hexdigest()


def folder_of(root: Path, z: torch.Tensor, pairs: Array, *more: object) -> Path:
    """A folder below `root` for one search alone: of these points and pairs, and of what else it depends on."""
    folder = root / _digest(z, pairs.tobytes().hex(), *more)[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _claim(folder: Path, digest: str) -> None:
    """Say whose blocks the folder holds.

    Raises:
        StoreError: it holds those of another search.
    """
    key = folder / "search.sha256"
    if key.is_file():
        if key.read_text(encoding="utf-8") != digest:
            raise StoreError(
                f"{folder} holds distances of other points or settings", hint="name another folder, or delete this one"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    key.write_text(digest, encoding="utf-8")


def _read(folder: Path, start: int, kept: Sequence[str]) -> dict[str, Array] | None:
    path = folder / f"{start:09d}.npz"
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in kept}


def _write(folder: Path, start: int, part: dict[str, Array]) -> None:
    with replacing(folder / f"{start:09d}.npz") as draft:
        np.savez(draft, **part)  # type: ignore[arg-type]
