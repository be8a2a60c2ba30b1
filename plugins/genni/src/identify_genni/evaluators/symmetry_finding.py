"""What the evaluator `symmetry` says: verdicts, groups, distances and barriers of the pairs of replicates."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs
import numpy as np
import torch

from identify_core import Finding, LabelledArray, Table
from identify_genni.geometry.paths import Search
from identify_genni.geometry.setting import Setting
from identify_genni.options.symmetry import SymmetryOptions
from identify_genni.symmetries.verdicts import VERDICTS, Judged, Network, Pair, connected_groups, linked

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True, eq=False)
class Member:
    """One replicate and how it was moved.

    Args:
        replicate: which.
        relative: J/Var(f*) as trained.
        polished: J/Var(f*) after polishing; NaN where it was not polished.
        moved: how far polishing moved it, as a part of |θ|.
        network: what is compared.
    """

    replicate: int
    relative: float
    polished: float
    moved: float
    network: Network

    @property
    def reached(self) -> float:
        """J/Var(f*) of what is compared."""
        return self.relative if np.isnan(self.polished) else self.polished


def finding_of(
    options: SymmetryOptions,
    setting: Setting,
    search: Search | None,
    members: list[Member],
    judged: dict[Pair, Judged],
) -> Finding:
    count = len(members)
    inside = [position for position, member in enumerate(members) if member.network.member]
    together = linked(judged, count)
    groups = connected_groups(inside, together)
    for (i, j), each in judged.items():
        apart = each.verdict in ("genuinely different", "not decided", "not searched")
        if apart and any(i in group and j in group for group in groups):
            judged[i, j] = attrs.evolve(each, verdict="same connected piece")
    verdicts = Counter(each.verdict for each in judged.values())
    named = [[members[position].replicate for position in group] for group in groups]
    return Finding(
        summary=_summary(verdicts, len(inside), count, named),
        scalars={
            "in-class": len(inside),
            "groups": len(groups),
            **{verdict.replace(" ", "-"): verdicts[verdict] for verdict in VERDICTS},
            "largest-barrier-before": max((each.barriers[0] for each in judged.values()), default=None),
            "largest-barrier-after": max((each.barriers[1] for each in judged.values()), default=None),
            "tolerance": options.tolerance,
            "path-tolerance": options.path_tolerance,
        },
        tables={
            "pairs": _pairs_table(members, judged, together),
            "replicates": Table(
                columns=("replicate", "J/Var(f*)", "in the class", "J/Var(f*) polished", "moved", "group"),
                rows=[
                    (
                        member.replicate, member.relative, member.network.member, member.polished, member.moved,
                        next((g for g, group in enumerate(groups) if position in group), None),
                    )
                    for position, member in enumerate(members)
                ],
                caption="Who is in the class, how far polishing moved it (part of |θ|), and which group it belongs to.",
            ),
        },
        arrays=_arrays(options, members, judged),
        conventions=_conventions(options, setting),
        warnings=_warnings(options, setting, search, members, judged),
    )  # fmt: skip


def _summary(verdicts: Counter[Any], inside: int, count: int, groups: list[list[int]]) -> str:
    if inside < 2:
        return f"{inside} of {count} replicates reached the class, so no two can be compared as equivalent."
    told = [f"{verdicts[verdict]} {words}" for verdict, words in (
        ("symmetric copy", "symmetric copies" if verdicts["symmetric copy"] > 1 else "symmetric copy"),
        ("same connected piece", "on the same connected piece"),
        ("genuinely different", "genuinely different as far as the search could tell"),
        ("not decided", "not decided within the search's budget"),
        ("not searched", "no copies (no path was looked for)"),
    ) if verdicts[verdict]]  # fmt: skip
    pieces = " | ".join(",".join(map(str, group)) for group in groups)
    pairs = inside * (inside - 1) // 2
    return (
        f"{inside} of {count} replicates are in the class; of their {pairs} pair{'s' if pairs > 1 else ''}: "
        f"{', '.join(told)}. Groups: {pieces}."
    )


def _pairs_table(members: list[Member], judged: dict[Pair, Judged], together: Array) -> Table:
    rows: list[tuple[Any, ...]] = []
    for (i, j), each in judged.items():
        before, after = each.barriers
        found, path = each.alignment, each.path
        through = sum(1 for k in range(len(members)) if k not in (i, j) and together[i, k] and together[k, j])
        rows.append((
            members[i].replicate, members[j].replicate, each.verdict,
            None if found is None else found.relative, None if found is None else found.distance,
            None if found is None else found.exact, before, after,
            None if path is None else path.highest, None if path is None else path.length,
            None if path is None else path.looked_at,
            None if path is None else ("its symmetric copy" if each.to_copy else "the replicate itself"), through,
        ))  # fmt: skip
    return Table(
        columns=(
            "replicate", "other", "verdict", "relative distance", "distance", "exact", "barrier before",
            "barrier after", "highest J/Var(f*) on the path", "path length", "points looked at", "path leads to",
            "linked through",
        ),
        rows=rows,
        caption="Every pair: distance modulo symmetry, loss barriers (J/Var(f*)) before and after alignment, verdict.",
    )  # fmt: skip


def _arrays(options: SymmetryOptions, members: list[Member], judged: dict[Pair, Judged]) -> dict[str, LabelledArray]:
    count = len(members)
    matrices = {name: np.full((count, count), np.nan) for name in ("distance", "barrier-before", "barrier-after")}
    verdicts = np.full((count, count), -1, dtype=np.int64)
    for position in range(count):
        for matrix in matrices.values():
            matrix[position, position] = 0.0
    for (i, j), each in judged.items():
        before, after = each.barriers
        distance = np.nan if each.alignment is None else each.alignment.relative
        for name, value in (("distance", distance), ("barrier-before", before), ("barrier-after", after)):
            matrices[name][i, j] = matrices[name][j, i] = value
        verdicts[i, j] = verdicts[j, i] = VERDICTS.index(each.verdict)
    longest = max((len(each.path.losses) for each in judged.values() if each.path is not None), default=1)
    paths = np.full((len(judged), longest), np.nan)
    for row, each in enumerate(judged.values()):
        if each.path is not None:
            paths[row, : len(each.path.losses)] = each.path.losses.cpu().numpy()
    two = ("replicate", "other")
    summaries = {
        "distance": "distance modulo symmetry as a part of the networks' size",
        "barrier-before": "loss barrier of the segment, J/Var(f*)",
        "barrier-after": "loss barrier of the segment to the aligned copy, J/Var(f*)",
    }

    def stacked(name: str) -> Array:
        return torch.stack([getattr(each, name) for each in judged.values()]).cpu().numpy()

    return {
        **{name: LabelledArray(values=matrices[name], dimensions=two, summary=summaries[name]) for name in matrices},
        "verdict": LabelledArray(
            values=verdicts, dimensions=two, summary=f"-1 on the diagonal, else the position in {', '.join(VERDICTS)}"
        ),
        "replicates": LabelledArray(
            values=np.array([member.replicate for member in members]),
            dimensions=("replicate",),
            summary="the replicates' numbers",
        ),
        "curves-before": LabelledArray(
            values=stacked("before"), dimensions=("pair", "point"), summary="J/Var(f*) along the segment"
        ),
        "curves-after": LabelledArray(
            values=stacked("after"), dimensions=("pair", "point"), summary="J/Var(f*) along the segment to the copy"
        ),
        "path-losses": LabelledArray(
            values=paths, dimensions=("pair", "point"), summary="J at the points looked at on the best path"
        ),
    }


def _conventions(options: SymmetryOptions, setting: Setting) -> dict[str, str]:
    return {
        "J": f"mean over {len(setting.data[options.split][0])} inputs of {options.split!r} and over outputs; in units "
        f"of Var(f*) = {setting.variance:.6g}",
        "gauge": "incoming vectors of length 1 (orthonormal at linear layers), running statistics moved into gain and "
        "offset; then the best permutation, with signs where they are free",
        "distance": "Euclidean between gauge-fixed parameter vectors, divided by √(|a| |b|); exact for one hidden "
        "layer, else an upper bound by weight matching",
        "barrier": "largest rise of J above the straight line between the ends of the segment; after alignment the "
        "second replicate is its copy nearest to the first, in the first one's own scales",
        "symmetric copy": f"relative distance at most {options.copy_tolerance:g}",
        "same connected piece": "a path was found with J/Var(f*) within its tolerance at every point looked at; it "
        "leads to the other replicate, or to its symmetric copy where the table says so; or both are linked through "
        "others",
        "tolerance of a path": f"{options.path_tolerance:g}; {max(options.tolerance, options.path_tolerance):g}, the "
        "tolerance of the class, where an end of it stays above that even after polishing",
        "genuinely different": f"no copy, and all {options.path_attempts} starting paths of the search led to none: no "
        "proof that no path exists",
        "not decided": f"the work allowed for the search, {options.effort:g} billion multiplications over all pairs, "
        "ended before the pair's starting paths did",
        "groups": "replicates linked by copies or paths, directly or through others",
    }


def _warnings(
    options: SymmetryOptions,
    setting: Setting,
    search: Search | None,
    members: list[Member],
    judged: dict[Pair, Judged],
) -> list[str]:
    said = []
    if not setting.structure.known:
        said.append(f"symmetries are left out, their structure is not known: {setting.structure.reason}")
    outside = [str(member.replicate) for member in members if not member.network.member]
    if outside:
        said.append(
            f"replicates {', '.join(outside)} are not in the class (J/Var(f*) above {options.tolerance:g}), so no "
            "verdict but 'not equivalent' is given for them"
        )
    if options.paths and search is None:
        if not setting.shares_buffers:
            said.append("no paths were looked for: the replicates' buffers differ, so points between them mean nothing")
        else:
            said.append(
                f"no paths were looked for: {setting.structure.parameter_count} parameters are more than "
                f"path_parameters = {options.path_parameters}"
            )
    unfixed = sorted({name for each in members if each.network.gauged for name in each.network.gauged.unfixed})
    if unfixed:
        said.append(
            f"the linear layers {', '.join(unfixed)} are wider than their rank: distances are upper bounds there"
        )
    undecided = sum(each.verdict == "not decided" for each in judged.values())
    if undecided:
        said.append(
            f"{undecided} pair{'s are' if undecided > 1 else ' is'} not decided: the search's budget ended first; "
            "raise `effort` to look longer"
        )
    if options.polish and len(outside) < len(members) and all(np.isnan(member.polished) for member in members):
        said.append(
            "no replicate was polished: one Gauss–Newton step of each is more work than `effort` allows; copies may be "
            "missed"
        )
    if any(each.verdict == "genuinely different" for each in judged.values()):
        said.append(
            "'genuinely different' means that no path was found with this search; raise path_attempts to look longer"
        )
    return said
