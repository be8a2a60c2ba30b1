"""Links in a store, in every place and under every verb: nothing behind them is changed; prints the figure."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Target

CASES = 100

# Of the finished run, the interrupted run and the sweep; what is not there is put there as a link.
PLACES = (
    "runs",
    "staging",
    "comparisons",
    "sweeps",
    "runs.index",
    "runs/{run}",
    "runs/{run}/run.json",
    "runs/{run}/report.html",
    "runs/{run}/figures",
    "runs/{run}/figures/whole-losses.png",
    "runs/{run}/scratch",
    "runs/{run}/.new-0123",
    "runs/{run}/arrays.zarr",
    "runs/{run}/arrays.zarr/findings",
    "runs/{run}/arrays.zarr/findings/whole",
    "runs/{run}/arrays.zarr/findings/gone",
    "staging/{run}.lock",
    "staging/.removed-0123",
    "staging/.scratch-{run}-0123-1",
    "staging/{staged}",
    "staging/{staged}.lock",
    "staging/{staged}/run.json",
    "staging/{staged}/spec.toml",
    "staging/{staged}/figures",
    "staging/{staged}/arrays.zarr",
    "staging/{staged}/arrays.zarr/latents",
    "staging/{staged}/arrays.zarr/findings",
    "staging/{staged}/scratch",
    "staging/{staged}/scratch/objective",
    "staging/{staged}/scratch/objective/checkpoint.safetensors",
    "staging/{staged}/scratch/objective/checkpoint.safetensors.tmp",
    "sweeps/{sweep}",
    "sweeps/{sweep}/sweep.json",
    "sweeps/{sweep}/specs",
    "sweeps/{sweep}/specs/002.toml",
    "sweeps/{sweep}/figures",
    "sweeps/{sweep}.lock",
)
VERBS = (
    ("evaluate", "{run}", "--evaluator", "toy:whole", "--replace", "--quiet"),
    ("resume", "{staged}", "--quiet"),
    ("report", "{run}"),
    ("compare", "{run}", "--quiet"),
    ("runs", "prune", "--yes"),
    ("runs", "rm", "{run}", "--yes"),
    ("runs", "rm", "{staged}", "--yes"),
    ("runs", "ls"),
    ("runs", "verify"),
    ("sweep", "--resume", "{sweep}", "--quiet"),
    ("run", "toy", "--quiet", "--set", "objective.steps=2"),
)


def cases() -> Iterator[tuple[str, tuple[str, ...]]]:
    """A hundred pairs of a place and a verb, every place and every verb among them."""
    draws = random.Random(0)
    everything = [(place, verb) for place in PLACES for verb in VERBS]
    first = [(place, VERBS[number % len(VERBS)]) for number, place in enumerate(PLACES)]
    yield from first
    yield from draws.sample([each for each in everything if each not in first], CASES - len(first))


def names_of(target: Target) -> dict[str, str]:
    """What the words in braces stand for."""
    return {"run": target.run, "staged": target.staged, "sweep": target.sweep}


def snapshot(folder: Path) -> dict[str, object]:
    """All that lies in a folder, with its content."""
    return {
        each.relative_to(folder).as_posix(): (
            each.readlink() if each.is_symlink() else each.read_bytes() if each.is_file() else "folder"
        )
        for each in sorted(folder.rglob("*"))
    }


def plant(target: Target, place: str) -> Path:
    """Move what is at a place to the home folder of somebody and leave a link to it; returns that folder."""
    home = target.folder / "home"
    home.mkdir()
    behind = home / place.rpartition("/")[2]
    path = target.store.path / place
    if path.exists():
        path.rename(behind)
    elif place.endswith((".lock", ".tmp")):
        behind.write_text("precious")
    else:
        (behind / "deep").mkdir(parents=True)
        (behind / "deep" / "thesis").write_text("precious")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(behind)
    return home


@pytest.mark.slow
def test_a_hundred_links_are_harmless(
    targets: Callable[[], Target], capfd: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    harmful = []
    for verb in VERBS:  # without a link, each does what it is for
        target = targets()
        ended = target.forge.wait(target.start(*(word.format(**names_of(target)) for word in verb)))
        assert ended.status == 0, f"{' '.join(verb)}: {ended.said}"
    for place, verb in cases():
        target = targets()
        names = names_of(target)
        home = plant(target, place.format(**names))
        before = snapshot(home)
        ended = target.forge.wait(target.start(*(word.format(**names) for word in verb)))
        if snapshot(home) != before:
            harmful.append(f"{place}, {' '.join(verb[:2])}: what is behind the link changed")
        if "Traceback" in ended.said or ended.status not in (0, 1, 2, 3, 4):
            harmful.append(f"{place}, {' '.join(verb[:2])}: exit {ended.status}: {ended.said[-1500:]}")
    record_property("links harmless", f"{CASES - len(harmful)} of {CASES}")
    with capfd.disabled():
        print(f"\nlinks: {CASES - len(harmful)} of {CASES} harmless")  # noqa: T201
    assert harmful == []
