"""Each rule is broken in a copy of a sound plugin: exactly its check fails, and says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conformance_breakages import COMPONENTS
from conformance_copies import PROCESSES, RUNS, Breakage, checked
from conformance_running_breakages import RUNNING

from identify_core.testing.conformance import CHECKS

Install = Callable[..., str]
BREAKAGES = (*COMPONENTS, *RUNNING)


def beside(breakage: Breakage) -> tuple[str, ...]:
    """The checks to perform: those of runs only where something could spread to them, those of processes never."""
    spreads = breakage.check in (*RUNS, "inputs-untouched") or breakage.file == "training.py"
    left_out = (*PROCESSES, *(() if spreads else RUNS))
    return tuple(name for name in CHECKS if name == breakage.check or name not in left_out)


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda each: each.label)
def test_breaking_a_rule_fails_its_check_and_no_other(breakage: Breakage, install: Install, tmp_path: Path) -> None:
    name = install((breakage.file, breakage.old, breakage.new), *breakage.more)
    results = list(checked(tmp_path, name, beside(breakage), **breakage.settings))
    failed = [each for each in results if each.status == "failed"]
    told = "\n".join(f"{each.check} {each.item}: {'; '.join(each.complaints)}" for each in failed)
    assert [(each.check, each.item) for each in failed] == [(breakage.check, breakage.item)], told
    for text in breakage.says:
        assert text in " ".join(failed[0].complaints), told


def test_every_check_can_fail() -> None:
    assert {each.check for each in BREAKAGES} == set(CHECKS)


def test_a_sound_plugin_keeps_every_rule(install: Install, tmp_path: Path) -> None:
    results = list(checked(tmp_path, install()))
    assert [each for each in results if each.status == "failed"] == []
    asked = {each.check for each in results if each.status == "passed"}
    assert asked == set(CHECKS)
