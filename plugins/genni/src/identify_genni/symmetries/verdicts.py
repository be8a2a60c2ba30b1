"""The verdict on a pair of networks: a symmetric copy, on one connected piece of the class, or no path found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs
import numpy as np
import torch

from identify_genni.geometry.effort import Effort
from identify_genni.geometry.paths import Path, Search, find_path
from identify_genni.geometry.residual import Residual
from identify_genni.layers import Structure
from identify_genni.symmetries.actions import apply
from identify_genni.symmetries.alignment import Alignment, align_gauged
from identify_genni.symmetries.barrier import barrier, segment_losses
from identify_genni.symmetries.canonical import Gauged
from identify_genni.units import State

Verdict = Literal[
    "symmetric copy", "same connected piece", "genuinely different", "not decided", "not searched", "not equivalent"
]

Pair = tuple[int, int]

VERDICTS: tuple[Verdict, ...] = (
    "symmetric copy",
    "same connected piece",
    "genuinely different",
    "not decided",
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
        copy: the copy of the second network nearest to the first, (P,).
        before: J/Var(f*) along the segment between the two, (points,).
        after: the same to the aligned copy of the second.
        path: the best path; None where none was looked for.
        to_copy: whether that path leads to the aligned copy instead of the second network itself.
    """

    verdict: Verdict
    alignment: Alignment | None
    copy: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    path: Path | None = None
    to_copy: bool = False

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
    """

    structure: Structure
    variance: float
    points: int
    restarts: int
    copy_tolerance: float


def judge(bench: Bench, residual: Residual, a: Network, b: Network, generator: torch.Generator) -> Judged:
    """Align two networks and walk along the segments between them; paths are left for later (`join`).

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
    verdict: Verdict = "not searched"
    if not (a.member and b.member):
        verdict = "not equivalent"
    elif _relative(alignment, a, b) <= bench.copy_tolerance:
        verdict = "symmetric copy"
    return Judged(verdict=verdict, alignment=alignment, copy=copy, before=before, after=after)


def join(
    search: Search,
    residual: Residual,
    a: Network,
    b: Network,
    judged: Judged,
    generator: torch.Generator,
    effort: Effort,
) -> Judged:
    """Look for a path between two networks of the class that are not copies, within an allowance of work.

    Args:
        search: how; its tolerance is an absolute J.
        residual: of the network that both are parameters of.
        a: first.
        b: second.
        judged: what `judge` said of them.
        generator: on the CPU.
        effort: the allowance.
    """
    path, to_copy = _search(search, residual, a.vector, b.vector, judged, generator, effort)
    verdict: Verdict = "genuinely different"
    if path.found:
        verdict = "same connected piece"
    elif path.exhausted:
        verdict = "not decided"
    return attrs.evolve(judged, verdict=verdict, path=path, to_copy=to_copy)


def _relative(alignment: Alignment | None, a: Network, b: Network) -> float:
    if alignment is not None:
        return alignment.relative
    return float((a.vector - b.vector).norm() / (a.vector.norm() * b.vector.norm()).sqrt())


def _search(
    search: Search,
    residual: Residual,
    first: torch.Tensor,
    second: torch.Tensor,
    judged: Judged,
    generator: torch.Generator,
    effort: Effort,
) -> tuple[Path, bool]:
    """To the network itself first, which says more; then to its copy, which is nearer. Half of the work for each."""
    if judged.alignment is None:
        return find_path(residual, first, second, search, generator, effort), False
    half = effort.part(0.5)
    path = find_path(residual, first, second, search, generator, half)
    effort.settle(half)
    if path.found:
        return path, False
    to_copy = find_path(residual, first, judged.copy, search, generator, effort)
    exhausted = (path.exhausted or to_copy.exhausted) and not to_copy.found
    if to_copy.found or to_copy.highest < path.highest:
        return attrs.evolve(to_copy, exhausted=exhausted), judged.alignment.discrete
    return attrs.evolve(path, exhausted=exhausted), False


def most_promising(judged: Mapping[Pair, Judged]) -> list[Pair]:
    """The pairs for which a path may be looked for, those with the lowest barrier first.

    Args:
        judged: what `judge` said of each pair.
    """
    open_pairs = [pair for pair, each in judged.items() if each.verdict == "not searched"]
    return sorted(open_pairs, key=lambda pair: (min(judged[pair].barriers), pair))


def linked(judged: Mapping[Pair, Judged], count: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Which of `count` networks are copies of each other or joined by a path: (count, count)."""
    together = np.zeros((count, count), dtype=bool)
    for (i, j), each in judged.items():
        together[i, j] = together[j, i] = each.verdict in ("symmetric copy", "same connected piece")
    return together


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
