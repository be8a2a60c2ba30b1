"""`resume` and `evaluate` compare what they would allocate with this machine's memory, as `run` does."""

from __future__ import annotations

from pathlib import Path

import pytest

from identify_core.cli.root import run_command_line
from identify_core.spec import memory
from identify_core.store import Store
from identify_core.testing.fixtures import InstallDistribution, Project

SIZED = """
import attrs
from identify_core import hookimpl
from identify_core.testing import toy_plugin as toy


@hookimpl
def identify_datasets(): return [attrs.evolve(each, sizes="sized_sizes:lines") for each in toy.identify_datasets()]
@hookimpl
def identify_models(): return toy.identify_models()
@hookimpl
def identify_objectives():
    ours = {"target": "sized_sizes:train", "sizes": "sized_sizes:kept"}
    return [attrs.evolve(each, **ours) for each in toy.identify_objectives()]
@hookimpl
def identify_evaluators():
    norm = next(each for each in toy.identify_evaluators() if each.name == "norm")
    yield norm
    yield attrs.evolve(norm, name="of-weights", requires={"weights"})
"""
SIZES = """
from pathlib import Path
from identify_core import Interrupted, Sizes
from identify_core.testing import toy_targets as toy


def lines(options, known): return Sizes(parts={"lines": 2000})
def kept(options, known): return Sizes(parts={"latents": 5000})
def train(options, replicates, samples, context):
    if Path("stop").exists():
        raise Interrupted("stopped")
    return toy.regress(options, replicates, samples, context)
"""
SPEC = """
plugin = "sized"
replicates = 2
[dataset]
type = "lines"
[model]
type = "two-layers"
[objective]
type = "regression"
"""


@pytest.fixture
def store(project: Project, install_distribution: InstallDistribution) -> Store:
    modules = {"sized_plugin": SIZED, "sized_sizes": SIZES}
    install_distribution("sized-plugin", plugins={"sized": "sized_plugin"}, modules=modules)
    project.write_spec(SPEC)
    return Store(Path("identify-store"))


def run() -> int:
    return run_command_line(["run", "--spec", "spec.toml", "--quiet"])


def small_machine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], size: int) -> None:
    monkeypatch.setattr(memory, "machine_memory", lambda: size)
    capsys.readouterr()


def test_resume_says_the_sum_by_part_and_goes_on_with_force(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("stop").touch()
    assert run() == 130
    Path("stop").unlink()
    (staged,) = (each for each in (store.path / "staging").glob("*sized*") if each.is_dir())
    small_machine(monkeypatch, capsys, 4000)
    assert run_command_line(["resume", staged.name, "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "this machine has 4 kB" in said
    assert "dataset, lines: 2 kB" in said
    assert "objective, latents: 5 kB" in said
    assert staged.exists()
    assert run_command_line(["resume", staged.name, "--quiet", "--force"]) == 0


def test_evaluate_counts_what_is_made_again_where_it_is_needed(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    small_machine(monkeypatch, capsys, 1000)
    evaluate = ["evaluate", "@last", "--quiet", "--evaluator"]
    assert run_command_line([*evaluate, "of-weights"]) == 2
    said = capsys.readouterr().err
    assert "dataset, lines: 2 kB" in said
    assert "latents" not in said
    assert run_command_line([*evaluate, "norm"]) == 0
    assert run_command_line([*evaluate, "of-weights", "--force"]) == 0
