"""The verdict on a pair of networks: a symmetric copy, on one connected piece of the class, or no path found."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import torch

from identify_genni.geometry.paths import Path, Search, find_path
from identify_genni.geometry.residual import Residual
from identify_genni.layers import Structure
from identify_genni.symmetries.actions import apply
from identify_genni.symmetries.alignment import Alignment, align_gauged
from identify_genni.symmetries.barrier import barrier, segment_losses
from identify_genni.symmetries.canonical import Gauged
from identify_genni.symmetries.units import State

Verdict = Literal["symmetric copy", "same connected piece", "genuinely different", "not searched", "not equivalent"]

VERDICTS: tuple[Verdict, ...] = (
    "symmetric copy",
    "same connected piece",
    "genuinely different",
    "not searched",
    "not equivalent",
)


@attrs.frozen(kw_only=True, eq=False)
class Network:
    """One network of a pair.

    Args:
        state: parameters and buffers.
        vector: its parameter vector.
        gauged: its fixed gauge; None where its symmetries are not known.
        member: whether it is in the class.
    """

    state: State
    vector: torch.Tensor
    gauged: Gauged | None
    member: bool


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """What was found of a pair.

    Args:
        verdict: see `Verdict`.
        alignment: of the second to the first; None where the symmetries are not known.
        before: J/Var(f*) along the segment between the two, (points,).
        after: the same to the aligned copy of the second.
        path: the best path; None where none was looked for.
        to_copy: whether that path leads to the aligned copy instead of the second network itself.
    """

    verdict: Verdict
    alignment: Alignment | None
    before: torch.Tensor
    after: torch.Tensor
    path: Path | None
    to_copy: bool

    @property
    def barriers(self) -> tuple[float, float]:
        """The barrier before and after alignment, in J/Var(f*)."""
        return barrier(self.before), barrier(self.after)


@attrs.frozen(kw_only=True)
class Bench:
    """How pairs are judged.

    Args:
        structure: of the networks.
        variance: Var(f*).
        points: of each segment.
        restarts: of the weight matching.
        copy_tolerance: relative distance below which networks are copies.
        search: for paths, its tolerance an absolute J; None to look for none.
    """

    structure: Structure
    variance: float
    points: int
    restarts: int
    copy_tolerance: float
    search: Search | None


def judge(bench: Bench, residual: Residual, a: Network, b: Network, generator: torch.Generator) -> Judged:
    """Align, walk along the segments, and where the two are no copies look for a path.

    Args:
        bench: how.
        residual: of the network that both are parameters of.
        a: first.
        b: second.
        generator: on the CPU.
    """
    alignment, copy = None, b.vector
    if a.gauged is not None and b.gauged is not None:
        alignment = align_gauged(bench.structure, a.gauged, b.gauged, restarts=bench.restarts, generator=generator)
        copy = bench.structure.vector(apply(bench.structure, alignment.element, b.state))
    before = segment_losses(residual.losses, a.vector, b.vector, bench.points) / bench.variance
    after = segment_losses(residual.losses, a.vector, copy, bench.points) / bench.variance
    distance = _relative(alignment, a, b)
    path, to_copy = None, False
    verdict: Verdict = "not searched"
    if not (a.member and b.member):
        verdict = "not equivalent"
    elif distance <= bench.copy_tolerance:
        verdict = "symmetric copy"
    elif bench.search is not None:
        path, to_copy = _search(bench.search, residual, a.vector, b.vector, copy, alignment, generator)
        verdict = "same connected piece" if path.found else "genuinely different"
    return Judged(verdict=verdict, alignment=alignment, before=before, after=after, path=path, to_copy=to_copy)


def _relative(alignment: Alignment | None, a: Network, b: Network) -> float:
    if alignment is not None:
        return alignment.relative
    return float((a.vector - b.vector).norm() / (a.vector.norm() * b.vector.norm()).sqrt())


def _search(
    search: Search,
    residual: Residual,
    first: torch.Tensor,
    second: torch.Tensor,
    copy: torch.Tensor,
    alignment: Alignment | None,
    generator: torch.Generator,
) -> tuple[Path, bool]:
    """To the network itself first, which says more; then to its copy, which is nearer."""
    path = find_path(residual, first, second, search, generator)
    if path.found or alignment is None:
        return path, False
    to_copy = find_path(residual, first, copy, search, generator)
    nearer = to_copy.found or to_copy.highest < path.highest
    return (to_copy, alignment.discrete) if nearer else (path, False)


def connected_groups(members: list[int], together: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> list[list[int]]:
    """The members in groups that are linked, directly or through others, the largest group first.

    Args:
        members: positions into `together`.
        together: (n, n), symmetric.
    """
    groups: list[list[int]] = []
    left = list(members)
    while left:
        group, frontier = [], [left.pop(0)]
        while frontier:
            here = frontier.pop()
            group.append(here)
            near = [each for each in left if together[here, each]]
            frontier += near
            left = [each for each in left if each not in near]
        groups.append(sorted(group))
    return sorted(groups, key=lambda group: (-len(group), group))
