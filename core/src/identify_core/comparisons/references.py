"""What a comparison names: runs, latents of runs, single replicates, and arrays outside the store."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from identify_core.comparisons.foreign.door import Terms, open_outside
from identify_core.comparisons.foreign.locations import locate
from identify_core.comparisons.foreign.record import ForeignArray
from identify_core.errors import UsageError
from identify_core.evaluation.evaluators import representations_of
from identify_core.evaluation.subjects import Representation
from identify_core.store import Store, StoredLatents, StoredRun
from identify_core.suggestions import did_you_mean

_RUN = re.compile(r"(?P<run>[^:\[\]]+)(:(?P<latents>[^\[\]]+))?(\[(?P<replicate>[^\[\]]+)\])?")


@attrs.frozen(kw_only=True)
class Group:
    """The representations that one reference means.

    Args:
        name: what figures call the group: the run's id, or the file.
        representations: in the order of the replicates.
        remark: what was guessed of a file, to be said to the user; empty for nothing.
    """

    name: str
    representations: tuple[Representation, ...]
    remark: str = ""


def open_groups(
    references: Sequence[str | ForeignArray | StoredRun | StoredLatents],
    store: Store,
    *,
    latents: Sequence[str] = (),
    split: str | None = None,
    terms: Terms | None = None,
) -> list[Group]:
    """Open everything that a comparison names; only metadata and ids are read.

    A path that exists is never looked up as a run.

    Args:
        references: `RUN`, `RUN:latents`, `RUN:latents[3]` with a replicate's number or name, or an array outside the
            store as `open_outside` takes it; a run or latents that are open already.
        store: where runs are looked up.
        latents: the latents to take of runs that are named without them; all of these that a run has.
        split: the split whose latents are taken; None for any.
        terms: how arrays outside the store are read.

    Raises:
        UsageError: a reference is malformed, or a run has no such latents or several to choose from.
        StoreError: there is no such run.
    """
    if not references:
        raise UsageError("there is nothing to compare", hint="name runs or arrays")
    outside = [each for each in references if isinstance(each, ForeignArray) or _is_outside(each)]
    opened = iter(open_outside(outside, terms) if outside else ())  # type: ignore[arg-type]
    groups = []
    for reference in references:
        if isinstance(reference, ForeignArray) or _is_outside(reference):
            found = next(opened)
            groups.append(Group(name=found.reference, representations=found.representations(), remark=found.remark))
        elif isinstance(reference, StoredRun):
            groups.append(_group_of(reference, _choose(reference, latents, split), split))
        elif isinstance(reference, StoredLatents):
            groups.append(_group_of(StoredRun.open(reference.run_folder), [reference.name], split))
        else:
            groups.append(_open_run(reference, store, latents, split))
    return groups


def _is_outside(reference: object) -> bool:
    return isinstance(reference, str) and locate(reference) is not None


def _open_run(reference: str, store: Store, latents: Sequence[str], split: str | None) -> Group:
    match = _RUN.fullmatch(reference)
    if match is None:
        raise UsageError(f"{reference!r} names no run", hint="RUN, RUN:latents, RUN:latents[3], or an array file")
    run = store.open(match["run"], statuses=("finished",))
    names = [match["latents"]] if match["latents"] else _choose(run, latents, split)
    group = _group_of(run, names, split)
    wanted = match["replicate"]
    if wanted is None:
        return group
    found = [
        each for each in group.representations if wanted in (str(each.replicate), each.label.rpartition("[")[2][:-1])
    ]
    if not found:
        raise UsageError(f"the run {run.id} has no replicate {wanted}", hint=_replicates_of(run, names))
    return attrs.evolve(group, representations=tuple(found))


def _group_of(run: StoredRun, names: Sequence[str], split: str | None) -> Group:
    """The replicates of latents of one run."""
    found = []
    for name in names:
        if name not in run.latents:
            raise UsageError(f"the run {run.id} has no latents {name!r}", hint=did_you_mean(name, run.latents))
        if split is not None and run.latents[name].split != split:
            raise UsageError(
                f"the latents {name!r} of {run.id} are of the split {run.latents[name].split!r}, not {split!r}"
            )
        found += [attrs.evolve(each, label=f"{run.id}:{each.label}") for each in representations_of(run, name)]
    return Group(name=run.id, representations=tuple(found))


def _replicates_of(run: StoredRun, names: Sequence[str]) -> str:
    latents = run.latents[names[0]]
    return f"it has {', '.join(latents.names)}" if latents.names else f"it has the replicates 0 to {latents.count - 1}"


def _choose(run: StoredRun, latents: Sequence[str], split: str | None) -> list[str]:
    """The latents of a run named without them: those asked for, or the only ones that it has."""
    there = [name for name, each in run.latents.items() if split is None or each.split == split]
    if latents:
        chosen = [name for name in latents if name in there]
        if not chosen:
            raise UsageError(
                f"the run {run.id} has no latents {', '.join(latents)}",
                hint=f"it has: {', '.join(there)}" if there else "it has none of that split",
            )
        return chosen
    if len(there) == 1:
        return there
    if not there:
        raise UsageError(f"the run {run.id} has no latents" + (f" of the split {split!r}" if split else ""))
    raise UsageError(
        f"the run {run.id} has several latents: {', '.join(there)}",
        hint=f"say which: --latents {there[0]}, or {run.id}:{there[0]}",
    )
