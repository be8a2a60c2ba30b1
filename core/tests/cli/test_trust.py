"""A stored spec is data: what it names is imported or read only for its own user, or where the command trusts it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from identify_core.cli.root import run_command_line
from identify_core.spec.signatures import key_file
from identify_core.store import Store
from identify_core.store.folder import Folder
from identify_core.store.records import write_record
from identify_core.testing.fixtures import InstallDistribution, Project

NAMING = '''
from collections.abc import Iterable
import attrs
from identify_core.components import Dataset, Evaluator, Model, Objective
from identify_core.hookspecs import hookimpl
from identify_core.options import option
from identify_core.testing import toy_plugin as toy


def _with_names(record):
    """The record's options, and next to them one that names code and one that names a file."""
    made = attrs.make_class(
        "Naming" + record.options.__name__,
        {"code": option("", help="Code.", names_code=True), "file": option("", help="A file.", names_file=True)},
        bases=(record.options,), frozen=True,
    )
    made.__annotations__ = {"code": str, "file": str}
    made.__module__ = __name__
    return attrs.evolve(record, options=made, target=f"naming_targets:{record.kind}")


@hookimpl
def identify_datasets(): return [_with_names(each) for each in toy.identify_datasets()]
@hookimpl
def identify_models(): return [_with_names(each) for each in toy.identify_models()]
@hookimpl
def identify_objectives(): return [_with_names(each) for each in toy.identify_objectives()]
@hookimpl
def identify_evaluators(): return [_with_names(each) for each in toy.identify_evaluators()]
'''
TARGETS = """
import importlib
from pathlib import Path
from identify_core.errors import Interrupted
from identify_core.testing import toy_targets as toy


def _honour(options):
    if options.code:
        importlib.import_module(options.code.partition(":")[0])
    if options.file:
        Path(options.file).read_bytes()
        Path("read").touch()


def dataset(options, context):
    _honour(options)
    return toy.make_lines(options, context)


def model(options, shape, context):
    _honour(options)
    return toy.build_two_layers(options, shape, context)


def objective(options, replicates, samples, context):
    _honour(options)
    if Path("stop").exists():
        raise Interrupted("stopped")
    return toy.regress(options, replicates, samples, context)


def evaluator(options, subject, context):
    _honour(options)
    return toy.measure_norm(options, subject, context)
"""
SPEC = """
plugin = "naming"
replicates = 2
[dataset]
type = "lines"
[model]
type = "two-layers"
[objective]
type = "regression"
[[evaluators]]
type = "norm"
"""
PAYLOAD = 'from pathlib import Path\nPath("executed").touch()\n'
CODE = "payload:run"
TABLES = ("dataset", "model", "objective", "evaluators.norm")


@pytest.fixture
def folder(project: Project, install_distribution: InstallDistribution) -> Path:
    install_distribution(
        "naming-plugin",
        plugins={"naming": "naming_plugin"},
        modules={"naming_plugin": NAMING, "naming_targets": TARGETS, "payload": PAYLOAD},
    )
    project.write_spec(SPEC)
    (project.path / "secret.txt").write_text("mine")
    return project.path


def traces(folder: Path) -> list[str]:
    """What the payload left, and takes it away."""
    found = [name for name in ("executed", "read") if (folder / name).exists()]
    for name in found:
        (folder / name).unlink()
    sys.modules.pop("payload", None)
    return found


def plant(store: Store, table: str, key: str, value: str) -> str:
    """Write what a run's spec does not say into it, as whoever has the store can, with a checksum that fits."""
    run = store.open("@last")
    file = run.folder / "spec.toml"
    header = f"[{table}]" if "." not in table else "[[evaluators]]"
    text = re.sub(rf'({re.escape(header)}\n(?:.*\n)*?){key} = ""', rf'\1{key} = "{value}"', file.read_text(), count=1)
    assert f'{key} = "{value}"' in text
    file.write_text(text)
    document = dict(run.document) | {"files": {"spec.toml": hashlib.sha256(text.encode()).hexdigest()}}
    write_record(Folder.open(run.folder), "run.json", document)
    return run.id


def stop_a_run(folder: Path) -> None:
    (folder / "stop").touch()
    assert run_command_line(["run", "--spec", "spec.toml", "--quiet"]) == 130
    (folder / "stop").unlink()


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("key", "value", "trace"), [("code", CODE, "executed"), ("file", "secret.txt", "read")])
def test_resume_honours_what_a_stored_spec_names_only_by_name(
    folder: Path, project: Project, capsys: pytest.CaptureFixture[str], table: str, key: str, value: str, trace: str
) -> None:
    stop_a_run(folder)
    run = plant(project.store, table, key, value)
    capsys.readouterr()
    assert run_command_line(["resume", run, "--quiet"]) == 2
    said = capsys.readouterr().err
    assert f'{table}.{key}: "{value}" would be {"imported and run" if key == "code" else "read"}' in said
    assert f"--trust-code {value}" in said
    assert run_command_line(["resume", run, "--quiet", "--trust-code", "other:thing"]) == 2
    assert traces(folder) == []
    assert run_command_line(["resume", run, "--quiet", "--trust-code", value]) == 0
    assert traces(folder) == [trace]


@pytest.mark.parametrize(("key", "value", "trace"), [("code", CODE, "executed"), ("file", "secret.txt", "read")])
def test_evaluate_honours_what_a_stored_spec_names_only_by_name(
    folder: Path, project: Project, key: str, value: str, trace: str
) -> None:
    assert run_command_line(["run", "--spec", "spec.toml", "--quiet"]) == 0
    run = plant(project.store, "dataset", key, value)
    again = ["evaluate", run, "--evaluator", "norm", "--quiet"]
    assert run_command_line([*again, "--label", "one"]) == 2
    for reading in (["runs", "show", run], ["runs", "ls"], ["report", run], ["plot", run], ["runs", "verify", run]):
        run_command_line(reading)
    assert traces(folder) == []
    assert run_command_line([*again, "--label", "two", "--trust-code", value]) == 0


def test_ones_own_runs_ask_nothing(folder: Path, project: Project) -> None:
    (folder / "stop").touch()
    named = ["--set", f"dataset.code={CODE}", "--set", "model.file=secret.txt"]
    assert run_command_line(["run", "--spec", "spec.toml", "--quiet", *named]) == 130
    (folder / "stop").unlink()
    assert traces(folder) == ["executed", "read"]
    assert run_command_line(["resume", "@last", "--quiet"]) == 0
    assert traces(folder) == ["executed", "read"]
    assert run_command_line(["evaluate", "@last", "--evaluator", "norm", "--label", "again", "--quiet"]) == 0


def test_a_run_that_names_nothing_makes_no_key(folder: Path, project: Project) -> None:
    assert run_command_line(["run", "--spec", "spec.toml", "--quiet"]) == 0
    assert not key_file().exists()
    assert project.store.open("@last").document["spec_signature"] == ""


def test_without_a_key_a_run_is_made_and_its_resume_asks(
    folder: Path, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    key_file().parent.parent.mkdir(parents=True, exist_ok=True)
    key_file().parent.write_text("in the way")
    (folder / "stop").touch()
    assert run_command_line(["run", "--spec", "spec.toml", "--set", f"dataset.code={CODE}"]) == 130
    assert "warning: the key" in capsys.readouterr().err
    (folder / "stop").unlink()
    assert run_command_line(["resume", "@last", "--quiet"]) == 2
    assert f"--trust-code {CODE}" in capsys.readouterr().err


def test_validate_shows_what_a_spec_names_and_imports_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["validate", "--spec", "spec.toml", "--set", f"model.code={CODE}"]) == 0
    assert f'model.code: "{CODE}" would be imported and run' in capsys.readouterr().out
    assert run_command_line(["validate", "--spec", "spec.toml", "--set", f"model.code={CODE}", "--json"]) == 0
    named = json.loads(capsys.readouterr().out)["names"]
    assert named == [{"key": "model.code", "value": CODE, "kind": "code"}]
    assert traces(folder) == []
    assert run_command_line(["validate", "--spec", "spec.toml", "--set", "model.code=tcp://there:8786"]) == 0
    assert 'tcp://there:8786" would be asked, and what it answers can run code here' in capsys.readouterr().out


def test_the_working_folder_is_not_on_the_path_of_python_m(project: Project) -> None:
    (project.path / "rich.py").write_text('raise SystemExit("taken from the working folder")')
    command = [sys.executable, "-m", "identify_core", "list-plugins"]
    done = subprocess.run(
        command, cwd=project.path, env=project.environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def sweep_with(folder: Path, *arguments: str) -> int:
    return run_command_line(["sweep", *arguments, "--quiet"])


def test_a_sweep_of_ones_own_asks_nothing_and_its_runs_are_ones_own(folder: Path, project: Project) -> None:
    over = ["--spec", "spec.toml", "--over", "seed=0,1", "--set", f"dataset.code={CODE}"]
    (folder / "stop").touch()
    assert sweep_with(folder, *over) == 130
    (folder / "stop").unlink()
    traces(folder)
    assert sweep_with(folder, "--resume", "@last") == 0
    assert traces(folder) == ["executed"]
    assert run_command_line(["evaluate", "@last", "--evaluator", "norm", "--label", "again", "--quiet"]) == 0


def test_the_workers_of_a_sweep_trust_what_its_command_does(
    folder: Path, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stop").touch()
    assert sweep_with(folder, "--spec", "spec.toml", "--over", "seed=0,1") == 130
    (folder / "stop").unlink()
    for file in project.path.glob("identify-store/sweeps/*/specs/*.toml"):
        file.write_text(file.read_text().replace('code = ""', f'code = "{CODE}"', 1))
    capsys.readouterr()
    assert sweep_with(folder, "--resume", "@last") == 2
    said = capsys.readouterr().err
    assert said.count("would be imported and run") == 1  # once for both combinations
    assert traces(folder) == []
    assert sweep_with(folder, "--resume", "@last", "--workers", "2", "--trust-code", CODE) == 0
    assert traces(folder) == ["executed"]


def test_what_a_stored_finding_names_is_not_drawn_with(folder: Path, project: Project) -> None:
    from identify_core.plugins import load_registry
    from identify_core.reports.stored_figures import redraw

    assert run_command_line(["run", "--spec", "spec.toml", "--quiet"]) == 0
    run = project.store.open("@last")
    finding = next(iter(run.folder.glob("arrays.zarr/findings/norm/zarr.json")))
    finding.write_text(finding.read_text().replace('"code": ""', f'"code": "{CODE}"'))
    drawn = redraw(project.store.open("@last"), load_registry(only=["naming"]), folder / "figures", formats=["png"])
    [problem] = [each.problem for each in drawn if each.label == "norm"]
    assert "drawing imports and reads nothing that a store names" in problem
    assert traces(folder) == []
