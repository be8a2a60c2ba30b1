"""The evaluator `symmetry`: which replicates are copies of each other, which are connected, which differ."""

from __future__ import annotations

from itertools import combinations

import attrs

from identify_core import Context, Finding, Interrupted, OptionsError, Subject
from identify_genni.evaluators.symmetry_finding import Member, finding_of
from identify_genni.geometry.effort import Effort, jacobian_work
from identify_genni.geometry.paths import Search
from identify_genni.geometry.projection import project
from identify_genni.geometry.residual import Residual
from identify_genni.geometry.setting import Setting, chosen_replicates, setting_of
from identify_genni.options.symmetry import SymmetryOptions
from identify_genni.symmetries.canonical import fix_gauge
from identify_genni.symmetries.verdicts import (
    Bench,
    Judged,
    Network,
    Pair,
    connected_groups,
    join,
    judge,
    linked,
    most_promising,
)

_POLISHED = 1e-14
_MOST_POLISHING = 50
_BILLION = 1e9


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
    members = _members(options, setting, rows, context)
    judged = _judged(options, setting, members, context)
    search = _search_of(options, setting)
    effort = Effort(limit=options.effort * _BILLION, pause=lambda: _pause(context))
    if search is not None:
        _join_pairs(options, search, setting.residual(rows[0], options.split), members, judged, effort, context)
    return finding_of(options, setting, search, members, judged)


def _pause(context: Context) -> None:
    if context.should_stop():
        raise Interrupted("stopped while replicates were compared", hint="`identify resume` starts this step again")


def _judged(options: SymmetryOptions, setting: Setting, members: list[Member], context: Context) -> dict[Pair, Judged]:
    bench = Bench(
        structure=setting.structure,
        variance=setting.variance,
        points=options.points,
        restarts=options.restarts,
        copy_tolerance=options.copy_tolerance,
    )
    residual = setting.residual(members[0].replicate, options.split)
    judged: dict[Pair, Judged] = {}
    pairs = list(combinations(range(len(members)), 2))
    with context.progress("Pairs of replicates", len(pairs), unit="pairs") as bar:
        for i, j in pairs:
            _pause(context)
            a, b = members[i], members[j]
            generator = context.streams.torch(f"symmetry-{a.replicate}-{b.replicate}")
            judged[i, j] = judge(bench, residual, a.network, b.network, generator)
            bar.advance()
    return judged


def _search_of(options: SymmetryOptions, setting: Setting) -> Search | None:
    searchable = setting.shares_buffers and setting.structure.parameter_count <= options.path_parameters
    if not (options.paths and searchable):
        return None
    return Search(
        tolerance=options.path_tolerance * setting.variance,
        nodes=options.path_nodes,
        most_nodes=max(options.path_nodes, options.path_most_nodes),
        iterations=options.path_iterations,
        attempts=options.path_attempts,
    )


def _join_pairs(
    options: SymmetryOptions,
    search: Search,
    residual: Residual,
    members: list[Member],
    judged: dict[Pair, Judged],
    effort: Effort,
    context: Context,
) -> None:
    """Look for paths, the most promising pair first; what is linked through others by then needs none.

    Each pair may use an equal share of what is left, so that what easy pairs leave goes to the hard ones.
    """
    waiting = most_promising(judged)
    inside = [position for position, member in enumerate(members) if member.network.member]
    with context.progress("Paths between replicates", len(waiting), unit="pairs") as bar:
        for done, (i, j) in enumerate(waiting):
            groups = connected_groups(inside, linked(judged, len(members)))
            if any(i in group and j in group for group in groups):
                bar.advance()
                continue
            a, b = members[i], members[j]
            generator = context.streams.torch(f"symmetry-path-{a.replicate}-{b.replicate}")
            high = max(a.reached, b.reached) > options.path_tolerance
            loosened = search.tolerance * max(1.0, options.tolerance / options.path_tolerance if high else 1.0)
            own = attrs.evolve(search, tolerance=loosened)
            share = effort.part(1 / (len(waiting) - done))
            judged[i, j] = join(own, residual, a.network, b.network, judged[i, j], generator, share)
            effort.settle(share)
            bar.advance()


def _members(options: SymmetryOptions, setting: Setting, rows: list[int], context: Context) -> list[Member]:
    relative, vectors = setting.relative(options.split), setting.vectors
    steps = _polishing_steps(options, setting, int((relative[rows] <= options.tolerance).sum()))
    members = []
    for replicate in rows:
        _pause(context)
        vector, inside = vectors[replicate], bool(relative[replicate] <= options.tolerance)
        polished, moved = float("nan"), float("nan")
        if inside and steps:
            residual = setting.residual(replicate, options.split)
            found = project(residual, vector[None], tolerance=_POLISHED * setting.variance, iterations=steps)
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


def _polishing_steps(options: SymmetryOptions, setting: Setting, count: int) -> int:
    """How many Gauss–Newton steps the allowance of work has for each of `count` replicates."""
    if not options.polish or count == 0:
        return 0
    size = setting.data[options.split][1].numel()
    work = jacobian_work(size, setting.structure.parameter_count)
    return int(min(_MOST_POLISHING, options.effort * _BILLION / (work * count)))
