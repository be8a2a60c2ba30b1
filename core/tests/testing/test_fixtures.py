"""The kit for plugin authors: each fixture as a plugin's own tests would use it, and all of it opt-in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

from identify_core.errors import SpecError, UsageError
from identify_core.plugins.discovery import discover
from identify_core.store import StoredRun
from identify_core.testing.command_line import CommandLine
from identify_core.testing.fixtures import InstallDistribution, OnlyPlugins, Project, RelatedRuns

SOUND = """
from identify_core import Dataset, hookimpl
@hookimpl
def identify_datasets():
    yield Dataset(name="rings", summary="s", target="a:b")
"""


def names() -> set[str]:
    return {plugin.name for plugin in discover() if plugin.status == "available"}


def test_the_kit_imports_neither_pytest_nor_torch() -> None:
    code = (
        "import sys, identify_core.testing, identify_core.testing.command_line, identify_core.testing.projects,"
        "identify_core.testing.distributions, identify_core.testing.pairs\n"
        "print(sorted({'pytest', 'torch', 'numpy', 'zarr'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_fixtures_cost_a_test_run_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, identify_core.testing.fixtures\n"
        "print(sorted({'torch', 'numpy', 'zarr', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_test_run_that_opts_in_has_them_and_another_does_not(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_mine(project): assert project.path.is_dir()\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    without = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "fixture 'project' not found" in without.stdout
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p identify_core.testing.fixtures\n")
    opted_in = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in opted_in.stdout


def test_a_project_sees_no_setting_of_the_user(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IDENTIFY_STORE", str(tmp_path / "precious"))
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "genni")
    project: Project = request.getfixturevalue("project")
    assert Path.cwd() == project.path
    assert list(project.path.iterdir()) == []
    assert not [name for name in (*os.environ, *project.environment) if name.startswith("IDENTIFY_")]
    assert not Path(click.get_app_dir("identify")).exists()
    assert Path(click.get_app_dir("identify")).is_relative_to(tmp_path)
    assert project.store.path == project.path / "identify-store"


def test_a_project_runs_specs_in_this_process(project: Project) -> None:
    run = project.run("toy", preset="smoke", overrides=["objective.steps=2", "replicates=2"])
    assert run.status == "finished"
    assert run.latents["hidden"].shape[0] == 2
    file = project.write_spec((run.folder / "spec.toml").read_text())
    again = project.run(spec=file)
    assert np.array_equal(again.latents["hidden"].values(0), run.latents["hidden"].values(0))
    assert {each.id for each in project.store.runs()} == {run.id, again.id}
    third = project.run(spec=file.read_text(), overrides=["seed=5"])
    assert not np.array_equal(third.latents["hidden"].values(0), run.latents["hidden"].values(0))


def test_a_run_that_fails_fails_the_test(project: Project) -> None:
    with pytest.raises(SpecError):
        project.run("toy", preset="smoke", overrides=["objective.step=2"])
    evaluators = '[[evaluators]]\ntype = "whole"\nfail = true\n'
    (project.path / "toy.toml").write_text(f'plugin = "toy"\n{evaluators}')
    with pytest.raises(AssertionError, match=r"evaluators failed: .*asked to fail"):
        project.run("toy", preset="smoke", spec=project.path / "toy.toml")


def test_the_command_line_works_in_the_project(identify: CommandLine, toy_run: StoredRun, project: Project) -> None:
    assert isinstance(toy_run, StoredRun)
    assert identify.folder == project.path
    listed = identify.json("runs", "ls")
    assert [each["id"] for each in listed["runs"]] == [toy_run.id]
    assert "'nothing'" in identify("runs", "show", "nothing", status=4).stderr
    with pytest.raises(AssertionError, match="exit 4"):
        identify("runs", "show", "nothing")


def test_discovery_is_restricted_to_the_named_plugins(
    install_distribution: InstallDistribution, only_plugins: OnlyPlugins, identify: CommandLine
) -> None:
    install_distribution("probe-plugin", plugins={"probe": "kit_probe"}, modules={"kit_probe": SOUND})
    install_distribution("other-plugin", plugins={"other": "kit_other"}, modules={"kit_other": SOUND})
    before = names()
    assert {"probe", "other"} <= before
    with only_plugins("probe"):
        assert names() == {"probe"}
        rows = identify.json("list-plugins")["plugins"]
        assert {row["name"] for row in rows if row["status"] == "available"} == {"probe"}
        assert {row["status"] for row in rows if row["name"] == "other"} == {"disabled"}
    assert names() == before
    only_plugins("other")
    assert names() == {"other"}
    only_plugins()
    assert names() == set()


def test_a_fake_distribution_is_there_in_every_process(
    install_distribution: InstallDistribution, identify: CommandLine
) -> None:
    site = install_distribution(
        "probe-plugin",
        version="2.3",
        plugins={"probe": "kit_package.plugin"},
        modules={"kit_package.plugin": SOUND},
        files={"kit_package/presets/smoke.toml": "format = 1\n"},
        summary="Rings and more.",
    )
    assert (site / "kit_package" / "presets" / "smoke.toml").read_text() == "format = 1\n"
    described = identify.json("describe", "probe")
    assert (described["version"], described["summary"]) == ("2.3", "Rings and more.")
    assert described["offers"]["dataset"][0]["name"] == "rings"


def test_what_a_fake_distribution_brought_is_forgotten() -> None:
    assert not [name for name in sys.modules if name.startswith("kit_")]


@pytest.mark.parametrize("rung", ["identity", "orthogonal", "permutation-monotone"])
def test_related_runs_differ_by_a_map_of_the_rung(related_runs: RelatedRuns, project: Project, rung: str) -> None:
    first, second = related_runs(rung, width=4, rows=50, seed=3)
    x, y = (run.latents["imported"].values(0) for run in (first, second))
    assert x.shape == y.shape == (50, 4)
    assert list(first.ids) == list(second.ids)
    assert first.latents["imported"].identified_up_to == rung
    gram = x @ x.T - y @ y.T
    assert np.allclose(gram, 0) == (rung != "permutation-monotone")
    assert np.array_equal(x, y) == (rung == "identity")
    assert {each.name for each in project.store.runs()} == {f"{rung}-first", f"{rung}-second"}


def test_noise_takes_a_pair_off_its_rung(related_runs: RelatedRuns) -> None:
    first, second = related_runs("identity", noise=0.1)
    difference = second.latents["imported"].values(0) - first.latents["imported"].values(0)
    assert 0.08 < difference.std() < 0.12


def test_a_rung_that_cannot_be_drawn_is_refused(related_runs: RelatedRuns) -> None:
    with pytest.raises(UsageError, match="isometry' can be drawn"):
        related_runs("isometry")
