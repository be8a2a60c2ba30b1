"""The record of a sweep: it appears whole, is found again by what it is, and a damaged one stands in nobody's way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from identify_core.errors import StoreError
from identify_core.plugins import load_registry
from identify_core.spec import load_spec
from identify_core.sweeps import records
from identify_core.sweeps.combinations import Plan, plan_sweep
from identify_core.sweeps.records import StoredSweep, all_sweeps, find_equal, find_sweep, write_ends, write_sweep
from identify_core.testing.fixtures import Project

MakePlan = Callable[..., Plan]
Begin = Callable[..., StoredSweep]
Finish = Callable[..., object]


def test_a_record_is_read_back(begin: Begin, plan: MakePlan, toys: Project) -> None:
    written = begin("seed=0,1", "objective.learning_rate=1e-3,0.5")
    (read,) = all_sweeps(toys.store)
    assert (read.id, read.name, read.settings) == (written.id, "toy", ("seed", "objective.learning_rate"))
    assert [each["values"]["objective.learning_rate"] for each in read.combinations] == [0.001, 0.5] * 2
    registry = load_registry(only=["toy"])
    for each in read.combinations:
        assert load_spec(registry, file=read.spec_file(each["index"])).hash == each["spec_hash"]
    again = plan_sweep(registry, file=read.folder / "spec.toml")
    assert [each.spec.hash for each in again.combinations] == [each["spec_hash"] for each in read.combinations]
    assert toys.store.runs() == []
    assert toys.store.leftovers() == []


def test_a_record_that_cannot_be_written_leaves_nothing(
    begin: Begin, toys: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records, "write_record", refuse)
    with pytest.raises(StoreError, match="cannot record the sweep"):
        begin("seed=0,1")
    assert all_sweeps(toys.store) == []
    assert list((toys.store.path / "staging").iterdir()) == []


def test_the_same_combinations_are_found_again_and_others_are_not(begin: Begin, plan: MakePlan, toys: Project) -> None:
    assert find_equal(toys.store, plan("seed=0,1")) is None
    begin("seed=0,1")
    latest = begin("seed=0,1")
    begin("seed=0,1,2")
    found = find_equal(toys.store, plan("seed=0,1"))
    assert found is not None
    assert found.id == latest.id
    for other in (plan("seed=1,0"), plan("seed=0,1", overrides=("name=other",)), plan("seed=0,1", "replicates=3")):
        assert find_equal(toys.store, other) is None


def test_references_mean_one_sweep(begin: Begin, toys: Project) -> None:
    first, other = begin("seed=0,1"), begin("seed=0,1", overrides=("name=other",))
    for reference in (first.id, first.id[:-1], first.id[-4:], "toy"):
        assert find_sweep(toys.store, reference).id == first.id
    assert find_sweep(toys.store, "@last").id == other.id
    with pytest.raises(StoreError, match="means 2 sweeps"):
        find_sweep(toys.store, "20")
    with pytest.raises(StoreError, match=f"no sweep 'none' is in the store at .*; the latest is {other.id}"):
        find_sweep(toys.store, "none")


def test_an_empty_store_says_so(toys: Project) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        find_sweep(toys.store, "@last")
    toys.store.create()
    with pytest.raises(StoreError, match="and none at all"):
        find_sweep(toys.store, "@last")


def test_damaged_and_foreign_records_are_passed_over(begin: Begin, toys: Project) -> None:
    kept, damaged, foreign, newer = (begin(f"seed={seed}") for seed in range(4))
    (damaged.folder / "sweep.json").write_text("{")
    foreign.folder.rename(foreign.folder.with_name("renamed"))
    (newer.folder / "sweep.json").write_text(json.dumps({**newer.document, "format": 999}))
    (toys.store.path / "sweeps" / "file").write_text("")
    assert [each.id for each in all_sweeps(toys.store)] == [kept.id]


def test_ends_are_kept(begin: Begin, toys: Project) -> None:
    sweep = write_ends(toys.store, begin("seed=0,1"), {"2": "it is too wide"})
    assert sweep.ends == {"2": "it is too wide"}
    assert find_sweep(toys.store, "@last").ends == sweep.ends


def test_plugin_files_are_remembered(toys: Project) -> None:
    file = Path("recorded_toy.py")
    file.write_text("from identify_core.testing.toy_plugin import *\n")
    registry = load_registry(files=[file], only=["recorded-toy"])
    sweep = write_sweep(toys.store, plan_sweep(registry, plugin="recorded-toy", over=["seed=0,1"]))
    assert {(each["name"], Path(each["file"]).name) for each in sweep.document["components"]} == {
        ("recorded-toy:lines", "recorded_toy.py"),
        ("recorded-toy:two-layers", "recorded_toy.py"),
        ("recorded-toy:regression", "recorded_toy.py"),
        ("recorded-toy:whole", "recorded_toy.py"),
    }


def test_a_sweep_begins_in_a_folder_that_is_there_and_empty(plan: MakePlan, toys: Project) -> None:
    toys.store.path.mkdir()
    planned = plan("seed=0,1")
    assert find_equal(toys.store, planned) is None
    assert [each.id for each in all_sweeps(toys.store)] == [] != [write_sweep(toys.store, planned).id]


@pytest.mark.parametrize("place", ["sweep.json", "specs", "specs/001.toml", "figures", "."])
def test_a_sweep_with_a_link_in_it_is_not_gone_on_with(
    begin: Begin, finish: Finish, toys: Project, place: str, tmp_path: Path
) -> None:
    sweep = begin("seed=0,1")
    path, behind = sweep.folder / place, tmp_path / "elsewhere"
    if path.exists():
        path.rename(behind)
    else:
        behind.mkdir()
    path.symlink_to(behind)
    with pytest.raises(StoreError, match="link"):
        finish(sweep)
    assert toys.store.runs() == []
