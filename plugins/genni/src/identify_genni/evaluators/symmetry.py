"""The evaluator `symmetry`: which replicates are copies of each other, which are connected, which differ."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import attrs
import numpy as np
import torch

from identify_core.errors import Interrupted, OptionsError
from identify_core.findings import Finding, LabelledArray, Table
from identify_core.run.context import Context
from identify_core.run.subject import Subject
from identify_genni.geometry.paths import Search
from identify_genni.geometry.projection import project
from identify_genni.geometry.setting import Setting, chosen_replicates, setting_of
from identify_genni.options.symmetry import SymmetryOptions
from identify_genni.symmetries.canonical import fix_gauge
from identify_genni.symmetries.verdicts import VERDICTS, Bench, Judged, Network, connected_groups, judge

Array = np.ndarray[Any, Any]
_POLISHED = 1e-14


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


def evaluate(options: SymmetryOptions, subject: Subject, context: Context) -> Finding:
    """Distances modulo symmetry, loss barriers before and after alignment, and a verdict for each pair.

    Raises:
        OptionsError: fewer than two replicates, or one that does not exist.
    """
    setting = setting_of(
        subject, splits=[options.split], samples=options.samples, memory=options.memory * 1e9, standardised=True
    )
    rows = chosen_replicates(options.replicates, setting.replicates.count)
    if len(rows) < 2:
        raise OptionsError(
            "pairs of replicates are compared, but there is only one", hint="set `replicates` of the run to 2 or more"
        )
    members = _members(options, setting, rows)
    bench = _bench(options, setting)
    judged: dict[tuple[int, int], Judged] = {}
    pairs = list(combinations(range(len(rows)), 2))
    residual = setting.residual(rows[0], options.split)
    with context.progress("Pairs of replicates", len(pairs), unit="pairs") as bar:
        for i, j in pairs:
            if context.should_stop():
                raise Interrupted(
                    "stopped while replicates were compared", hint="`identify resume` starts this step again"
                )
            generator = context.streams.torch(f"symmetry-{rows[i]}-{rows[j]}")
            judged[i, j] = judge(bench, residual, members[i].network, members[j].network, generator)
            bar.advance()
    return _finding(options, setting, bench, members, judged)


def _bench(options: SymmetryOptions, setting: Setting) -> Bench:
    search = None
    searchable = setting.shares_buffers and setting.structure.parameter_count <= options.path_parameters
    if options.paths and searchable:
        search = Search(
            tolerance=options.path_tolerance * setting.variance,
            nodes=options.path_nodes,
            most_nodes=max(options.path_nodes, options.path_most_nodes),
            iterations=options.path_iterations,
            attempts=options.path_attempts,
        )
    return Bench(
        structure=setting.structure,
        variance=setting.variance,
        points=options.points,
        restarts=options.restarts,
        copy_tolerance=options.copy_tolerance,
        search=search,
    )


def _members(options: SymmetryOptions, setting: Setting, rows: list[int]) -> list[Member]:
    relative, vectors = setting.relative(options.split), setting.vectors
    members = []
    for replicate in rows:
        vector, inside = vectors[replicate], bool(relative[replicate] <= options.tolerance)
        polished, moved = float("nan"), float("nan")
        if inside and options.polish:
            residual = setting.residual(replicate, options.split)
            found = project(residual, vector[None], tolerance=_POLISHED * setting.variance, iterations=50)
            polished = float(found.losses[0]) / setting.variance
            moved = float((found.vectors[0] - vector).norm() / vector.norm())
            vector = found.vectors[0]
        state = setting.state(replicate) | setting.replicates.as_parameters(vector)
        gauged = fix_gauge(setting.structure, state, signs=False) if setting.structure.known else None
        network = Network(state=state, vector=vector, gauged=gauged, member=inside)
        members.append(
            Member(
                replicate=replicate,
                relative=float(relative[replicate]),
                polished=polished,
                moved=moved,
                network=network,
            )
        )
    return members


def _finding(
    options: SymmetryOptions,
    setting: Setting,
    bench: Bench,
    members: list[Member],
    judged: dict[tuple[int, int], Judged],
) -> Finding:
    count = len(members)
    inside = [position for position, member in enumerate(members) if member.network.member]
    linked = np.zeros((count, count), dtype=bool)
    for (i, j), each in judged.items():
        linked[i, j] = linked[j, i] = each.verdict in ("symmetric copy", "same connected piece")
    groups = connected_groups(inside, linked)
    for (i, j), each in judged.items():
        if each.verdict == "genuinely different" and any(i in group and j in group for group in groups):
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
            "pairs": _pairs_table(members, judged, linked),
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
        warnings=_warnings(options, setting, bench, members, judged),
    )  # fmt: skip


def _summary(verdicts: Counter[Any], inside: int, count: int, groups: list[list[int]]) -> str:
    if inside < 2:
        return f"{inside} of {count} replicates reached the class, so no two can be compared as equivalent."
    told = [f"{verdicts[verdict]} {words}" for verdict, words in (
        ("symmetric copy", "symmetric copies"),
        ("same connected piece", "on the same connected piece"),
        ("genuinely different", "genuinely different as far as the search could tell"),
        ("not searched", "no copies (no path was looked for)"),
    ) if verdicts[verdict]]  # fmt: skip
    pieces = " | ".join(",".join(map(str, group)) for group in groups)
    pairs = inside * (inside - 1) // 2
    return (
        f"{inside} of {count} replicates are in the class; of their {pairs} pair{'s' if pairs > 1 else ''}: "
        f"{', '.join(told)}. Groups: {pieces}."
    )


def _pairs_table(members: list[Member], judged: dict[tuple[int, int], Judged], linked: Array) -> Table:
    rows: list[tuple[Any, ...]] = []
    for (i, j), each in judged.items():
        before, after = each.barriers
        found, path = each.alignment, each.path
        through = sum(1 for k in range(len(members)) if k not in (i, j) and linked[i, k] and linked[k, j])
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


def _arrays(
    options: SymmetryOptions, members: list[Member], judged: dict[tuple[int, int], Judged]
) -> dict[str, LabelledArray]:
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
        "same connected piece": f"a path was found with J/Var(f*) ≤ {options.path_tolerance:g} at every point looked "
        "at; it leads to the other replicate, or to its symmetric copy where the table says so; or both are linked "
        "through others",
        "genuinely different": "no copy, and no path was found within the search's budget: no proof that none exists",
        "groups": "replicates linked by copies or paths, directly or through others",
    }


def _warnings(
    options: SymmetryOptions,
    setting: Setting,
    bench: Bench,
    members: list[Member],
    judged: dict[tuple[int, int], Judged],
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
    if options.paths and bench.search is None:
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
    if any(each.verdict == "genuinely different" for each in judged.values()):
        said.append(
            "'genuinely different' means that no path was found with this budget; raise path_attempts to look longer"
        )
    return said
