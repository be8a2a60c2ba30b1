"""`ic.sweep` and `ic.plot` do what the commands do."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

import identify_core as ic
from identify_core.cli.root import run_command_line
from identify_core.testing.fixtures import InstallDistribution, Project


@pytest.fixture(autouse=True)
def toy(install_distribution: InstallDistribution, project: Project) -> None:
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"}, modules={})


def test_a_sweep_is_that_of_the_command_line(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    swept = ic.sweep("toy", preset="smoke", over={"seed": [0, 1], "objective.steps": [3, 5]}, quiet=True)
    assert swept.is_whole
    assert len(swept) == len(swept.runs) == 4
    assert [run.document["seed"] for run in swept.runs] == [0, 0, 1, 1]
    more = ("--over", "seed=0,1", "--over", "objective.steps=3,5", "--quiet", "--json")
    capsys.readouterr()
    assert run_command_line(["sweep", "toy", "--preset", "smoke", *more]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sweep"] == swept.id  # nothing was left to do
    assert [row["run"] for row in told["runs"]] == swept.table.column("run")
    assert swept.table.columns[:2] == ("seed", "objective.steps")
    assert "4 finished" in repr(swept)
    assert swept.to_pandas().shape[0] == 4


def test_a_table_over_seeds_has_the_mean_and_its_intervals(project: Project) -> None:
    swept = ic.sweep("toy", preset="smoke", count=3, over={"objective.steps": [3, 5]}, quiet=True)
    (name, *_) = (each for each in swept.table.columns if each.startswith("outcome"))
    table = swept.over_seeds(name)
    assert table.column("objective.steps") == [3, 5]
    assert table.column("runs") == [3, 3]
    of_three = [row.scalars[name] for row in swept.rows if row.values["objective.steps"] == 3]
    assert table.column("mean")[0] == pytest.approx(sum(of_three) / 3)
    assert table.column("t low")[0] <= table.column("mean")[0] <= table.column("t high")[0]
    assert table.column("deviation")[0] == pytest.approx(statistics.stdev(of_three))
    with pytest.raises(ic.UsageError, match="no finished run has the headline number 'nothing'"):
        swept.over_seeds("nothing")


def test_a_run_that_failed_is_told_and_costs_no_other(project: Project) -> None:
    with pytest.warns(UserWarning, match="bad failed and is missing: ValueError: asked to fail"):
        swept = ic.sweep(
            "toy",
            preset="smoke",
            count=2,
            overrides=['evaluators=[{type="whole", label="bad", fail=true}, {type="whole", label="good"}]'],
            quiet=True,
        )
    assert not swept.is_whole
    assert len(swept.runs) == 2


def test_nothing_to_vary_is_said(project: Project) -> None:
    with pytest.raises(ic.UsageError, match="has nothing to vary"):
        ic.sweep("toy", preset="smoke", quiet=True)


def test_figures_are_those_of_the_command_line(project: Project, tmp_path: Path) -> None:
    run = ic.run("toy", preset="smoke", quiet=True)
    files = ic.plot(run, formats=["png", "svg"], output=tmp_path / "mine")
    assert (
        run_command_line(["plot", run.id, "--format", "png", "--format", "svg", "--output", str(tmp_path / "its")]) == 0
    )
    assert files
    assert sorted(each.relative_to(tmp_path / "mine") for each in files) == sorted(
        each.relative_to(tmp_path / "its") for each in (tmp_path / "its").rglob("*.*")
    )
    with pytest.raises(ic.UsageError, match="figures are not drawn as 'jpg'") as caught:
        ic.plot(run, formats="jpg")
    assert "png" in caught.value.hint
    with pytest.raises(ic.UsageError, match="has no finding 'nothing'"):
        ic.plot(run, only="nothing")
