"""Paths over a graph of encoded samples: starts of a search that go round what a straight line runs into."""

from __future__ import annotations

import numpy as np
import torch

from identify_metric.geometry.maps import Map, in_blocks
from identify_metric.geometry.splines import fit_curves

_CHORDS = 4
_POINTS = 33
_ROWS_AT_ONCE = 4096


@torch.no_grad()
def graph_paths(
    F: Map, z: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, segments: int, neighbours: int = 8
) -> torch.Tensor:
    """Coefficients of the splines nearest to shortest paths over samples, (P, segments + 1, d), as `geodesics` takes.

    Each sample is joined to its nearest ones in latent space; an edge is as long as its decoded image, in a few chords.
    Where a pair is not connected, or an end is not finite, the straight line is its path.

    Args:
        F: z (N, d) -> (N, D').
        z: encoded samples, (n, d); those that are not finite are left out.
        a: starts, (P, d).
        b: ends, (P, d).
        segments: of the splines.
        neighbours: to which each sample is joined.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    there = (a.isfinite() & b.isfinite()).all(1)
    if not there.all():
        lines = a.new_zeros(len(a), segments + 1, a.shape[1])
        if there.any():
            lines[there] = graph_paths(F, z, a[there], b[there], segments=segments, neighbours=neighbours)
        return lines
    P = len(a)
    nodes = torch.cat([z[z.isfinite().all(1)], a, b])
    rows, columns = _edges(nodes, neighbours)
    lengths = _edge_lengths(F, nodes[rows], nodes[columns])
    n = len(nodes)
    graph = csr_matrix((lengths, (rows, columns)), shape=(n, n))
    starts = np.arange(n - 2 * P, n - P)
    _, before = dijkstra(graph, directed=False, indices=starts, return_predecessors=True)
    walks = []
    for number, start in enumerate(starts):
        walk = [n - P + number]
        while walk[-1] != start and before[number, walk[-1]] >= 0:
            walk.append(int(before[number, walk[-1]]))
        whole = walk[::-1] if walk[-1] == start else [int(start), n - P + number]
        walks.append(_even(nodes[torch.tensor(whole)], in_blocks(F, nodes[torch.tensor(whole)], _ROWS_AT_ONCE)))
    return fit_curves(torch.stack(walks), a, b, segments)


def _edges(nodes: torch.Tensor, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    from scipy.spatial import cKDTree

    points = nodes.double().cpu().numpy()
    count = min(neighbours + 1, len(points))
    _, near = cKDTree(points).query(points, k=count)
    near = near.reshape(len(points), count)
    rows, columns = np.repeat(np.arange(len(points)), count), near.ravel()
    kept = rows != columns
    pairs = np.unique(np.sort(np.stack([rows[kept], columns[kept]], axis=1), axis=1), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _edge_lengths(F: Map, start: torch.Tensor, end: torch.Tensor) -> np.ndarray:
    """Lengths of decoded straight lines in a few chords, (m,); never 0, which a sparse graph takes for no edge."""
    t = torch.linspace(0, 1, _CHORDS + 1).to(start)
    line = start[:, None] + t[:, None] * (end - start)[:, None]
    decoded = in_blocks(F, line.reshape(-1, start.shape[1]), _ROWS_AT_ONCE).reshape(len(start), _CHORDS + 1, -1)
    lengths: np.ndarray = (decoded[:, 1:] - decoded[:, :-1]).norm(dim=2).sum(1).double().cpu().numpy()
    return np.asarray(np.maximum(lengths, np.finfo(float).tiny))


def _even(points: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
    """A polyline (m, d) at equal steps of its decoded length, (33, d)."""
    steps = (decoded[1:] - decoded[:-1]).norm(dim=1)
    along = torch.cat([steps.new_zeros(1), steps.cumsum(0)]).double().cpu().numpy()
    if not along[-1] > 0:
        along = np.arange(len(points), dtype=float)
    t = np.linspace(0, along[-1], _POINTS)
    found = np.stack([np.interp(t, along, column) for column in points.double().cpu().numpy().T], axis=1)
    return torch.from_numpy(found).to(points)
