"""Single flipped bits in everything that a store holds under a checksum: each is found; prints the figure."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from identify_core import IdentifyError, read_checkpoint
from identify_core.store import Store, verify_run
from identify_core.store.summary import RunSummary
from identify_core.sweeps.records import find_sweep

if TYPE_CHECKING:
    from conftest import Target

CASES = 1000


def owned(target: Target) -> list[Path]:
    """Every file of the finished run, the comparison and the sweep, and what a resumed run begins from."""
    store = target.store.path
    staged = store / "staging" / target.staged
    files = [
        *(file for folder in ("runs", "comparisons") for file in (store / folder).rglob("*")),
        store / "store.json",
        store / "sweeps" / target.sweep / "sweep.json",
        staged / "run.json",
        staged / "spec.toml",
        staged / "scratch" / "objective" / "checkpoint.safetensors",
    ]
    return sorted(file for file in files if file.is_file() and file.stat().st_size and file.parent != store / "runs")


def found(target: Target, file: Path) -> bool:
    """Whether what reads or verifies this file finds that it changed, or takes nothing else from it than before."""
    store = Store(target.store.path)
    place = file.relative_to(store.path).parts
    if place[0] in ("runs", "comparisons"):
        kind = "run" if place[0] == "runs" else "comparison"
        run = next(each for each in _all(store, kind) if each.id == place[1])
        return run.status == "damaged" or bool(verify_run(run))
    try:
        if place[0] == "store.json":
            store.check()
        elif place[0] == "sweeps":
            find_sweep(store, target.sweep)
        elif place[-1] == "spec.toml":
            store.find(target.staged).read_spec()
        elif place[-1] == "run.json":
            return store.find(target.staged).status == "damaged"
        else:
            return _checkpoint_found(file)
    except IdentifyError:
        return True
    return False


def _all(store: Store, kind: str) -> list[RunSummary]:
    return store.runs() if kind == "run" else store.comparisons()


def _checkpoint_found(file: Path) -> bool:
    """A blank of the header's padding says nothing: then the state is the one that was written."""
    warnings: list[str] = []
    state = read_checkpoint(file, warn=warnings.append)
    return bool(warnings) or state is not None


@pytest.mark.slow
def test_a_thousand_flips_are_found(
    targets: Callable[[], Target], capfd: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    target = targets()
    files = owned(target)
    for file in files:  # nothing is found where nothing changed
        if file.name != "checkpoint.safetensors":
            assert not found(target, file), file
    draws = random.Random(0)
    missed = []
    for number in range(CASES):
        file = files[number % len(files)] if number < len(files) else draws.choice(files)
        whole = file.read_bytes()
        position, bit = draws.randrange(len(whole)), draws.randrange(8)
        flipped = bytearray(whole)
        flipped[position] ^= 1 << bit
        file.write_bytes(flipped)
        if not found(target, file):
            missed.append(f"{file.relative_to(target.store.path)}: bit {bit} of byte {position}")
        file.write_bytes(whole)
    record_property("flips found", f"{CASES - len(missed)} of {CASES}")
    with capfd.disabled():
        print(f"\nflips: {CASES - len(missed)} of {CASES} found, in {len(files)} files")  # noqa: T201
    assert missed == []
