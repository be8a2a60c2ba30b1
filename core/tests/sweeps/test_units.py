"""A unit of work: done once however often it is asked for, gone on with where it was left, and told plainly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import numpy as np
import pytest

from identify_core.contexts.display import SilentDisplay
from identify_core.store import RunWriter, StoredRun
from identify_core.sweeps.records import StoredSweep
from identify_core.sweeps.summary import read_rows
from identify_core.sweeps.units import Unit, perform, run_of
from identify_core.testing.fixtures import Project

Begin = Callable[..., StoredSweep]
MakeUnit = Callable[..., Unit]


def test_a_unit_and_its_end_are_plain(begin: Begin, unit: MakeUnit) -> None:
    made = unit(begin("seed=0,1"))
    assert json.loads(json.dumps(made)) == made
    end = perform(made)
    assert json.loads(json.dumps(end)) == end
    assert (end["status"], end["reason"], end["failures"]) == ("finished", "", {})


def test_a_run_says_which_combination_it_is(begin: Begin, unit: MakeUnit, toys: Project) -> None:
    sweep = begin("objective.steps=2,3", "seed=4,5")
    perform(unit(sweep, 3))
    (run,) = toys.store.runs()
    assert run.document["sweep"] == {"id": sweep.id, "index": 3, "values": {"objective.steps": 3, "seed": 4}}
    assert (run.name, run.document["spec_hash"]) == ("toy-003", sweep.combinations[2]["spec_hash"])
    assert StoredRun(run).spec_text == sweep.spec_file(3).read_text(encoding="utf-8")


def test_a_finished_unit_is_not_done_again(begin: Begin, unit: MakeUnit, toys: Project) -> None:
    sweep = begin("seed=0,1")
    perform(unit(sweep))
    before = [run.id for run in toys.store.runs()]
    assert perform(unit(sweep))["status"] == "finished"
    assert [run.id for run in toys.store.runs()] == before
    perform(unit(begin("seed=0,1")))
    assert len(toys.store.runs()) == 2  # another sweep has its own


def test_an_interrupted_unit_goes_on_to_the_same_arrays(begin: Begin, unit: MakeUnit, toys: Project) -> None:
    sweep = begin("seed=0,1")
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) > 8

    made = unit(sweep, seconds_between_checkpoints=0.0)
    assert perform(made, stop_requested=stop)["status"] == "interrupted"
    (half,) = toys.store.runs()
    assert (half.status, half.committed) == ("interrupted", False)
    assert perform(made)["status"] == "finished"
    (whole,) = toys.store.runs()
    assert whole.id == half.id
    other = begin("seed=0,1")
    perform(unit(other))
    expected = StoredRun(run_of(toys.store, other.id)[1]).weights()
    found = StoredRun(whole).weights()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_a_run_that_never_began_is_begun_again(begin: Begin, unit: MakeUnit, toys: Project) -> None:
    sweep = begin("seed=0,1")
    with RunWriter.create(toys.store, name="toy-001", plugin="toy") as writer:
        writer.write_document({"sweep": {"id": sweep.id, "index": 1, "values": {"seed": 0}}})
    assert read_rows(toys.store, sweep)[0].status == "waiting"
    assert perform(unit(sweep))["status"] == "finished"
    (run,) = toys.store.runs()
    assert run.id != writer.id
    assert run.status == "finished"


def test_a_unit_that_another_process_is_at_is_left_alone(begin: Begin, unit: MakeUnit, toys: Project) -> None:
    sweep = begin("seed=0,1")
    with RunWriter.create(toys.store, name="toy-001", plugin="toy") as writer:
        writer.write_document({"sweep": {"id": sweep.id, "index": 1, "values": {"seed": 0}}})
        end = perform(unit(sweep))
    assert (end["status"], end["reason"]) == ("running", "another process is at it")
    assert len(toys.store.runs()) == 1


def test_nothing_is_begun_once_a_stop_is_asked_for(begin: Begin, unit: MakeUnit, toys: Project) -> None:
    end = perform(unit(begin("seed=0,1")), stop_requested=lambda: True)
    assert (end["status"], end["reason"]) == ("interrupted", "stopped before it began")
    assert toys.store.runs() == []


def test_whatever_goes_wrong_is_the_end_of_its_unit(begin: Begin, unit: MakeUnit, toys: Project) -> None:
    sweep = begin("model.width=4,2000")
    end = perform(unit(sweep, 2))
    assert end["status"] == "failed"
    assert "width 2000 is more than a toy can take" in end["reason"]
    assert perform(unit(sweep, 1, spec_file="nowhere.toml"))["reason"] == "the spec file nowhere.toml does not exist"
    shutil.rmtree(toys.store.path)
    assert "there is no store" in perform(unit(sweep, 1))["reason"]


def test_an_error_that_nobody_expected_is_the_end_of_its_unit_too(
    begin: Begin, unit: MakeUnit, toys: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall_over(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr("identify_core.runs.engine.execute", fall_over)
    assert perform(unit(begin("seed=0,1")))["reason"] == "ZeroDivisionError: no reason"


def test_evaluators_that_failed_are_told_with_a_run_that_is_finished(begin: Begin, unit: MakeUnit) -> None:
    end = perform(unit(begin("evaluators.whole.fail=true")))
    assert (end["status"], end["failures"]) == ("finished", {"whole": "ValueError: asked to fail"})


def test_warnings_that_a_display_has_shown_are_not_told_again(
    begin: Begin, unit: MakeUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    from identify_core.testing import toy_targets

    regress = toy_targets.regress

    def warn(options: object, replicates: object, samples: object, context: object) -> object:
        context.warn("it is a toy")  # type: ignore[attr-defined]
        return regress(options, replicates, samples, context)  # type: ignore[arg-type]

    monkeypatch.setattr(toy_targets, "regress", warn)
    sweep = begin("seed=0,1")
    assert perform(unit(sweep, 1))["warnings"] == ["it is a toy"]
    assert perform(unit(sweep, 2), display=SilentDisplay())["warnings"] == []
