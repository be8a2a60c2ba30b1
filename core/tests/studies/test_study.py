"""`identify study`: everything is done once, and only what changed is done again."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from identify_core.errors import Interrupted
from identify_core.studies import perform
from identify_core.testing.fixtures import Project

from .conftest import PAPER, Identify


@pytest.fixture
def done(identify: Identify, paper: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """The study, done once; what it printed."""
    assert identify("study", "paper.toml", "--quiet") == 0, capfd.readouterr().err
    return capfd.readouterr().out


def as_json(identify: Identify, capfd: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    assert identify("study", "paper.toml", "--quiet", "--json", *words) == status, capfd.readouterr().err
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    return document


def test_it_does_everything(done: str, identify: Identify, project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    assert done.startswith("nothing was expected; 3 runs, 1 comparison\n")
    assert "left out      theirs: not-here is not there" in done
    folder = project.store.path / "studies" / "paper"
    rows = list(csv.DictReader((folder / "tables" / "losses.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["seed"], row["n"], row["outcome/steps"]) for row in rows] == [("1", "1", "20.0"), ("2", "1", "20.0")]
    assert (folder / "figures" / "loss-by-seed.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.index("nothing was expected") < page.index("What relates what") < page.index(">Runs<")
    assert len(project.store.runs()) == 3


def test_a_second_time_does_nothing(
    done: str, identify: Identify, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = [run.id for run in project.store.runs()]
    again = as_json(identify, capfd)
    assert [each["reused"] for each in again["runs"]] == [1, 2, 0]
    assert [each["reused"] for each in again["comparisons"]] == [True]
    assert [run.id for run in project.store.runs()] == runs


def test_only_what_changed_is_done_again(
    done: str, identify: Identify, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {run.id for run in project.store.runs()}
    project.write_spec(PAPER.replace("seed = [1, 2]", "seed = [1, 3]"), "paper.toml")
    again = as_json(identify, capfd)
    assert [each["reused"] for each in again["runs"]] == [1, 0, 0]
    assert again["comparisons"][0]["reused"] is True
    assert len({run.id for run in project.store.runs()} - before) == 2


def test_another_version_of_a_component_does_its_runs_again(
    done: str, identify: Identify, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    described = perform.describe_components
    monkeypatch.setattr(
        perform, "describe_components", lambda chosen: [{**line, "version": "9.9"} for line in described(chosen)]
    )
    assert [each["reused"] for each in as_json(identify, capfd)["runs"]] == [0, 0, 0]


def test_a_newer_file_makes_its_comparison_again(
    identify: Identify, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    for name, seed in (("a", 0), ("b", 1)):
        np.save(project.path / f"{name}.npy", np.random.default_rng(seed).normal(size=(30, 4)))
    text = '[[comparisons]]\nlabel = "files"\nof = ["a.npy", "b.npy"]\nevaluators = ["toy:distance"]\n'
    project.write_spec(text, "paper.toml")
    assert as_json(identify, capfd)["comparisons"][0]["reused"] is False
    assert as_json(identify, capfd)["comparisons"][0]["reused"] is True
    np.save(project.path / "b.npy", np.random.default_rng(2).normal(size=(30, 4)))
    assert as_json(identify, capfd)["comparisons"][0]["reused"] is False


def test_it_goes_on_after_an_interruption(
    identify: Identify,
    paper: Path,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def stopped(*given: Any, **named: Any) -> None:
        raise Interrupted("stopped while comparing")

    with monkeypatch.context() as patched:
        patched.setattr(perform, "compare", stopped)
        assert identify("study", "paper.toml", "--quiet") == 130
    runs = {run.id for run in project.store.runs()}
    capfd.readouterr()
    assert [each["reused"] for each in as_json(identify, capfd)["runs"]] == [1, 2, 0]
    assert {run.id for run in project.store.runs()} == runs


def test_check_runs_nothing_and_makes_no_store(
    identify: Identify, paper: Path, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    assert identify("study", "paper.toml", "--check") == 0
    said = capfd.readouterr().out
    assert said.startswith("paper: 4 runs and comparisons are left; nothing like it ran here before")
    assert not project.store.path.exists()
    assert identify("study", "paper.toml", "--quiet") == 0
    capfd.readouterr()
    assert identify("study", "paper.toml", "--check") == 0
    assert capfd.readouterr().out.startswith("paper: everything is there already\n")


def test_a_failed_run_costs_no_other_and_the_exit_status(
    identify: Identify, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    project.write_spec(
        PAPER.replace('set = { "replicates" = 2 }', 'set = { "evaluators.whole.fail" = true }'), "paper.toml"
    )
    assert identify("study", "paper.toml", "--quiet") == 1
    out, err = capfd.readouterr()
    assert "not done: seeds" in out.splitlines()[0]
    assert "whole failed and is missing" in err


def test_a_table_of_an_unknown_number_costs_no_other(
    identify: Identify, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    project.write_spec(PAPER.replace('"whole/best", "outcome/steps"', '"whole/bst"'), "paper.toml")
    document = as_json(identify, capfd, status=1)
    assert document["undone"] == {"losses": "no run has a headline number 'whole/bst'; did you mean 'whole/best'?"}
    assert Path(document["report"]).is_file()
    assert os.listdir(Path(document["report"]).parent / "figures") == ["loss-by-seed.png"]


def test_specs_that_cannot_be_run_are_told_together_and_nothing_is_run(
    identify: Identify, project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    text = PAPER.replace("seed = [1, 2]", '"objective.stps" = [1, 2]').replace('preset = "smoke"', 'preset = "smke"')
    project.write_spec(text, "paper.toml")
    assert identify("study", "paper.toml", "--quiet") == 2
    said = capfd.readouterr().err
    assert "runs one: " in said
    assert "runs seeds: " in said
    assert not project.store.path.exists()
