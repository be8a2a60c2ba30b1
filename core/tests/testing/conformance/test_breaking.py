"""Each rule is broken in a copy of a sound plugin: exactly its check fails, and says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conformance_breakages import COMPONENTS
from conformance_copies import PROCESSES, RUNS, Breakage, checked
from conformance_running_breakages import RUNNING

from identify_core.testing.conformance import CHECKS, Result

Install = Callable[..., str]
BREAKAGES = (*COMPONENTS, *RUNNING)


def beside(breakage: Breakage) -> tuple[str, ...]:
    """The checks to perform in the default suite: those to which the breakage could spread, none that costs a process.

    What a run does is seen by runs, what a component says by itself; `test_nothing_else_fails` performs them all.
    """
    of_runs = breakage.check in (*RUNS, "inputs-untouched") or breakage.file == "training.py"
    near = [name for name in CHECKS if (name in RUNS) == of_runs and name not in PROCESSES]
    return tuple(name for name in CHECKS if name in near or name in (breakage.check, "loads", "targets"))


def failures(breakage: Breakage, install: Install, folder: Path, checks: tuple[str, ...]) -> list[Result]:
    """What fails in a copy with the breakage."""
    name = install((breakage.file, breakage.old, breakage.new), *breakage.more)
    results = checked(folder, name, checks, **breakage.settings)
    return [each for each in results if each.status == "failed"]


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda each: each.label)
def test_breaking_a_rule_fails_its_check_and_no_other(breakage: Breakage, install: Install, tmp_path: Path) -> None:
    failed = failures(breakage, install, tmp_path, beside(breakage))
    told = "\n".join(f"{each.check} {each.item}: {'; '.join(each.complaints)}" for each in failed)
    assert [(each.check, each.item) for each in failed] == [(breakage.check, breakage.item)], told
    for text in breakage.says:
        assert text in " ".join(failed[0].complaints), told


@pytest.mark.slow
@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda each: each.label)
def test_nothing_else_fails(breakage: Breakage, install: Install, tmp_path: Path) -> None:
    failed = failures(breakage, install, tmp_path, ())
    assert [(each.check, each.item) for each in failed] == [(breakage.check, breakage.item)]


def test_every_check_can_fail() -> None:
    assert {each.check for each in BREAKAGES} == set(CHECKS)


def test_a_sound_plugin_keeps_every_rule(install: Install, tmp_path: Path) -> None:
    results = list(checked(tmp_path, install()))
    assert [each for each in results if each.status == "failed"] == []
    asked = {each.check for each in results if each.status == "passed"}
    assert asked == set(CHECKS) - {"symbols"}  # its evaluators take numbers alone
