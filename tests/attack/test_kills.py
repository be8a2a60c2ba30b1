"""Verbs killed with SIGKILL at random moments: nothing is lost, and the same again ends as if nothing had been."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import TRAINING, complaints

from identify_core.store import Store, StoredRun, verify_run

if TYPE_CHECKING:
    from conftest import Target

CASES = 100

VERBS: tuple[tuple[str, ...], ...] = (
    ("run", "toy", "--name", "killed", *TRAINING),
    ("resume", "{staged}", *TRAINING[-3:]),
    ("evaluate", "{run}", "--evaluator", "toy:whole", "--replace", "--quiet"),
    ("compare", "{run}", "--quiet"),
    ("runs", "rm", "{run}", "--yes"),
    ("runs", "prune", "--yes"),
    ("sweep", "--resume", "{sweep}", "--quiet"),
)


def weights(store: Store, identifier: str) -> dict[str, Any]:
    """All that a run has learned."""
    return StoredRun(store.find(identifier)).weights()


def is_same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Whether two runs learned the same numbers."""
    return found.keys() == expected.keys() and all(np.array_equal(found[name], expected[name]) for name in expected)


def go_on(target: Target, verb: tuple[str, ...], expected: dict[str, Any]) -> list[str]:
    """Do what is left to do after a kill, and say what is not as it should be."""
    store = target.store
    found = [
        f"{run.id}: {problem}" for run in store.runs() if run.committed or run.problem for problem in verify_run(run)
    ]
    arguments = tuple(word.format(run=target.run, staged=target.staged, sweep=target.sweep) for word in verb)
    if verb[0] == "run":
        killed = [run for run in store.runs() if run.name in ("killed", "") and run.status != "finished"]
        for run in killed:
            ended = target.forge.wait(target.start("resume", run.id, "--quiet"))
            if run.status == "never began":
                if ended.status != 4 or "never began" not in ended.said:
                    found.append(f"resume of a run that never began: exit {ended.status}: {ended.said}")
            elif ended.status or not is_same(weights(store, run.id), expected):
                found.append(f"resumed to something else: exit {ended.status}: {ended.said[-800:]}")
    else:
        is_done = (verb[:2] == ("runs", "rm") and not any(run.id == target.run for run in store.runs())) or (
            verb[0] == "resume" and store.find(target.staged).status == "finished"
        )
        ended = target.forge.wait(target.start(*arguments))
        if ended.status and not is_done:
            found.append(f"again: exit {ended.status}: {ended.said[-800:]}")
    if verb[0] == "resume" and not is_same(weights(store, target.staged), expected):
        found.append("resumed to something else")
    if verb[:2] != ("runs", "rm") and verify_run(store.find(target.run)):
        found.append("the finished run is damaged")
    return found + complaints(store)


@pytest.mark.slow
def test_a_hundred_kills(targets: Callable[[], Target], capfd: pytest.CaptureFixture[str]) -> None:
    draws = random.Random(0)
    whole = targets()
    expected = weights(whole.store, whole.run)  # all of these runs have one seed
    lasts = {}
    for verb in VERBS:
        target = targets()
        began = time.monotonic()
        names = {"run": target.run, "staged": target.staged, "sweep": target.sweep}
        ended = target.forge.wait(target.start(*(word.format(**names) for word in verb)))
        lasts[verb] = time.monotonic() - began
        assert ended.status == 0, ended.said
    wrong = []
    for number in range(CASES):
        verb = VERBS[number % len(VERBS)]
        target = targets()
        names = {"run": target.run, "staged": target.staged, "sweep": target.sweep}
        pid = target.start(*(word.format(**names) for word in verb))
        time.sleep(draws.uniform(0, lasts[verb]))
        target.forge.kill(pid)
        target.forge.wait(pid)
        found = go_on(target, verb, expected)
        if found:
            wrong.append(f"{' '.join(verb[:2])}: {found}")
    with capfd.disabled():
        print(f"\nkills: {CASES - len(wrong)} of {CASES} without loss")  # noqa: T201
    assert wrong == []
