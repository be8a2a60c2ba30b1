"""Two verbs at once on one store, begun at random moments: both end as they should; prints the figure."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import pytest
from conftest import complaints

from identify_core.store import StoredRun

if TYPE_CHECKING:
    from conftest import Target

CASES = 200

REPLACE = ("evaluate", "{run}", "--evaluator", "toy:whole", "--replace", "--quiet")
LONGER = (*REPLACE, "--set", "pause=0.2")
RESUME = ("resume", "{staged}", "--quiet")
PRUNE = ("runs", "prune", "--yes")
REMOVE = ("runs", "rm", "{run}", "--yes")
SWEEP = ("sweep", "--resume", "{sweep}", "--quiet")
RUN = ("run", "toy", "--quiet", "--set", "objective.steps=3")


@attrs.frozen
class Race:
    """Two verbs, the exit statuses that each may have, and what of the two runs must be there in the end."""

    first: tuple[str, ...]
    second: tuple[str, ...]
    allowed: tuple[tuple[int, ...], tuple[int, ...]] = ((0,), (0,))
    run_stays: bool = True


RACES = (
    Race(REPLACE, REPLACE),
    Race(LONGER, REPLACE),
    Race(LONGER, PRUNE),
    Race(LONGER, REMOVE, ((0, 4), (0,)), run_stays=False),
    Race(REPLACE, REMOVE, ((0, 4), (0,)), run_stays=False),
    Race(REMOVE, REMOVE, ((0, 4), (0, 4)), run_stays=False),
    Race(REPLACE, ("runs", "show", "{run}")),
    Race(REPLACE, ("runs", "verify", "{run}")),
    Race(REPLACE, ("report", "{run}")),
    Race(REPLACE, ("compare", "{run}", "--quiet")),
    Race(RESUME, PRUNE, ((0, 4), (0,))),
    Race(RESUME, RESUME, ((0, 4), (0, 4))),
    Race(RESUME, ("runs", "rm", "{staged}", "--yes"), ((0, 4), (0, 4))),
    Race(RUN, PRUNE),
    Race(RUN, RUN),
    Race(RUN, ("runs", "ls")),
    Race(SWEEP, SWEEP, ((0, 4), (0, 4))),
    Race(SWEEP, PRUNE),
    Race(REMOVE, ("runs", "ls"), run_stays=False),
    Race(("compare", "{run}", "--quiet"), REMOVE, ((0, 4), (0,)), run_stays=False),
)


def outcome(target: Target, race: Race, seconds: tuple[float, float]) -> list[str]:
    """What is wrong after a race of which each verb begins so many seconds from now."""
    names = {"run": target.run, "staged": target.staged, "sweep": target.sweep}
    pids: dict[int, int] = {}
    before = 0.0
    for number in sorted((0, 1), key=lambda number: seconds[number]):
        time.sleep(seconds[number] - before)
        before = seconds[number]
        verb = (race.first, race.second)[number]
        pids[number] = target.start(*(word.format(**names) for word in verb))
    ended = [target.forge.wait(pids[number]) for number in (0, 1)]
    found = [
        f"exit {each.status}: {each.said[-800:]}"
        for each, allowed in zip(ended, race.allowed, strict=True)
        if each.status not in allowed or "Traceback" in each.said
    ]
    if race.first == race.second and all(each.status for each in ended):
        found.append("both failed")
    runs = {run.id: run for run in target.store.runs()}
    if (target.run in runs) != race.run_stays or (target.store.path / "runs" / target.run).exists() != race.run_stays:
        found.append("the run is gone" if race.run_stays else "the run is still there, or its ghost")
    if race.run_stays:
        assert StoredRun(runs[target.run]).findings["whole"].finding.arrays["losses"].values.shape == (3,)
    return found + complaints(target.store)


@pytest.mark.slow
def test_two_hundred_races(targets: Callable[[], Target], capfd: pytest.CaptureFixture[str]) -> None:
    draws = random.Random(0)
    wrong = []
    for number in range(CASES):
        race = RACES[number % len(RACES)]
        found = outcome(targets(), race, (draws.uniform(0, 0.3), draws.uniform(0, 0.6)))
        if found:
            wrong.append(f"{' '.join(race.first[:2])} and {' '.join(race.second[:2])}: {found}")
    with capfd.disabled():
        print(f"\nraces: {CASES - len(wrong)} of {CASES} as they should be")  # noqa: T201
    assert wrong == []
