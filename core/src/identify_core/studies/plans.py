"""Plans: what each `[[runs]]` will run, as the combinations of a sweep; one without lists is a sweep of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from identify_core.errors import IdentifyError, SpecError
from identify_core.plugins import Registry
from identify_core.spec import load_spec
from identify_core.spec.keypaths import read_key_path, write_key_path
from identify_core.spec.write import write_value
from identify_core.studies.study_file import RunEntry, StudyFile
from identify_core.sweeps.combinations import Combination, Plan, plan_sweep


@attrs.frozen(kw_only=True)
class PlannedRuns:
    """One `[[runs]]` and what it will run.

    Args:
        entry: as the file says it.
        plan: None where it is left out.
        left_out: why; empty where it is not.
    """

    entry: RunEntry
    plan: Plan | None
    left_out: str = ""


def plan_runs(study: StudyFile, registry: Registry) -> list[PlannedRuns]:
    """What every `[[runs]]` will run.

    Raises:
        SpecError: some of the specs are wrong; `problems` lists everything that is wrong with any.
    """
    planned, problems = [], []
    for entry in study.runs:
        if missing := study.missing(entry):
            planned.append(PlannedRuns(entry=entry, plan=None, left_out=f"{', '.join(missing)} is not there"))
            continue
        try:
            planned.append(PlannedRuns(entry=entry, plan=_plan(study, entry, registry)))
        except IdentifyError as error:
            said = getattr(error, "problems", ()) or (f"{error.message}" + (f"; {error.hint}" if error.hint else ""),)
            problems += [f"runs {entry.label}: {problem}" for problem in said]
    if problems:
        raise SpecError(f"the study {study.path} has specs that cannot be run, so that nothing was", problems=problems)
    return planned


def _plan(study: StudyFile, entry: RunEntry, registry: Registry) -> Plan:
    given: dict[str, Any] = {
        "plugin": entry.plugin or None,
        "preset": entry.preset or None,
        "file": study.place(entry.spec) if entry.spec else None,
        "overrides": [*assignments(entry.set), f'name = "{entry.label}"'],
    }
    if entry.sweep:
        return plan_sweep(registry, over=assignments(entry.sweep), **given)
    spec = attrs.evolve(load_spec(registry, **given), sweep={}, notes=())
    return Plan(base=spec, combinations=(Combination(index=1, values={}, spec=spec),))


def assignments(values: Mapping[str, Any]) -> list[str]:
    """Values as texts `key = value`, tables of tables as dotted keys."""
    return [f"{write_key_path(path)} = {write_value(value)}" for path, value in _flat(values)]


def _flat(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        path = (*above, *read_key_path(key))
        if isinstance(value, Mapping) and value:
            yield from _flat(value, path)
        else:
            yield path, value
