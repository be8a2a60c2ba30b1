"""A search for a path of low loss between two solutions: a polyline, projected onto {J = 0} and smoothed."""

from __future__ import annotations

import attrs
import torch

from identify_genni.geometry.effort import Effort, jacobian_work, value_work
from identify_genni.geometry.projection import frames, project
from identify_genni.geometry.residual import Residual

_INSIDE = 4  # points of each piece at which J is looked at, next to its ends
_PROJECTIONS = 8  # Gauss–Newton steps of each round


@attrs.frozen(kw_only=True)
class Search:
    """How to search.

    Args:
        tolerance: J allowed on the path.
        nodes: of the polyline at first, its ends included.
        most_nodes: pieces are halved until there are so many.
        iterations: rounds of smoothing and projection for each attempt.
        attempts: the straight segment first, then segments bent in random directions.
        rank_tolerance: as in `project`.
    """

    tolerance: float
    nodes: int = 16
    most_nodes: int = 128
    iterations: int = 60
    attempts: int = 4
    rank_tolerance: float = 1e-6


@attrs.frozen(kw_only=True, eq=False)
class Path:
    """The best path found.

    Args:
        nodes: (K, P), from one solution to the other.
        losses: J at all points that were looked at, in order along the path.
        found: whether J is at most the tolerance at all of them.
        looked_at: how many points that was.
        exhausted: whether the search ended because its allowance of work did, before all rounds were made.
    """

    nodes: torch.Tensor
    losses: torch.Tensor
    found: bool
    looked_at: int
    exhausted: bool = False

    @property
    def highest(self) -> float:
        """The largest J that was seen on the path."""
        return float(self.losses.max())

    @property
    def length(self) -> float:
        """The length of the polyline."""
        return float((self.nodes[1:] - self.nodes[:-1]).norm(dim=1).sum())


def find_path(
    residual: Residual,
    first: torch.Tensor,
    second: torch.Tensor,
    search: Search,
    generator: torch.Generator,
    effort: Effort | None = None,
) -> Path:
    """Look for a path between two solutions (P,) along which J stays within the tolerance.

    A path that is found proves that the two lie on one piece of {J ≤ tolerance}, as far as the points looked at can
    tell. A path that is not found proves nothing.

    Args:
        residual: of the network.
        first: one end, (P,).
        second: the other end, (P,).
        search: how.
        generator: on the CPU.
        effort: the work allowed, which is never exceeded; no round begins that could. None for no limit.
    """
    effort = effort or Effort(limit=float("inf"))
    t = torch.linspace(0, 1, search.nodes, dtype=first.dtype, device=first.device)[:, None]
    distance = float((second - first).norm())
    best = _inspect(residual, (1 - t) * first + t * second, search.tolerance)
    for attempt in range(search.attempts):
        bend = torch.randn(len(first), generator=generator, dtype=torch.float64).to(first)
        bend = bend * (0.0 if attempt == 0 else 0.5 * distance / float(bend.norm()))
        nodes = (1 - t) * first + t * second + torch.sin(torch.pi * t) * bend
        path = _relax(residual, nodes, search, effort)
        if path.highest < best.highest or path.found:
            best = attrs.evolve(path, exhausted=False)
        if best.found:
            break
        if path.exhausted:
            return attrs.evolve(best, exhausted=True)
    return best


def _relax(residual: Residual, nodes: torch.Tensor, search: Search, effort: Effort) -> Path:
    best = _inspect(residual, nodes, search.tolerance)
    jacobian, value = (work(residual.size, nodes.shape[1]) for work in (jacobian_work, value_work))
    for _ in range(search.iterations):
        effort.pause()
        looked_at = len(nodes) * (_INSIDE + 1)
        if len(nodes) * (_PROJECTIONS + 1) * jacobian + looked_at * value > effort.left:
            return attrs.evolve(best, exhausted=not best.found)
        moved = project(
            residual,
            nodes[1:-1],
            tolerance=1e-3 * search.tolerance,
            iterations=_PROJECTIONS,
            rank_tolerance=search.rank_tolerance,
        )
        nodes[1:-1] = moved.vectors
        path = _inspect(residual, nodes, search.tolerance)
        effort.spent += (moved.jacobians + len(nodes)) * jacobian + path.looked_at * value
        if path.highest < best.highest:
            best = path
        if path.found:
            return path
        nodes = _smoothed(residual, _refined(nodes, path, search), search)
    return best


def _inspect(residual: Residual, nodes: torch.Tensor, tolerance: float) -> Path:
    t = (torch.arange(_INSIDE + 1, dtype=nodes.dtype, device=nodes.device) / (_INSIDE + 1))[None, :, None]
    inside = (1 - t) * nodes[:-1, None] + t * nodes[1:, None]
    points = torch.cat((inside.reshape(-1, nodes.shape[1]), nodes[-1:]))
    losses = torch.nan_to_num(residual.losses(points), nan=float("inf"))
    return Path(nodes=nodes.clone(), losses=losses, found=bool((losses <= tolerance).all()), looked_at=len(points))


def _refined(nodes: torch.Tensor, path: Path, search: Search) -> torch.Tensor:
    """Halve the pieces on which J is too high, the worst first, as long as nodes are left to spend."""
    pieces = path.losses[:-1].reshape(len(nodes) - 1, _INSIDE + 1).amax(dim=1)
    worst = pieces.argsort(descending=True)[: max(0, search.most_nodes - len(nodes))]
    halved = torch.zeros(len(nodes) - 1, dtype=torch.bool, device=nodes.device)
    halved[worst] = pieces[worst] > search.tolerance
    middle = (nodes[:-1] + nodes[1:]) / 2
    paired = torch.stack((nodes[:-1], middle), dim=1).reshape(-1, nodes.shape[1])
    kept = torch.stack((torch.ones_like(halved), halved), dim=1).reshape(-1)
    return torch.cat((paired[kept], nodes[-1:]))


def _smoothed(residual: Residual, nodes: torch.Tensor, search: Search) -> torch.Tensor:
    """Pull each node halfway to the middle of its neighbours, within its null space."""
    inner = nodes[1:-1]
    pull = (nodes[:-2] + nodes[2:]) / 2 - inner
    within = frames(residual, inner, search.rank_tolerance).tangential(pull)
    return torch.cat((nodes[:1], inner + 0.5 * within, nodes[-1:]))
