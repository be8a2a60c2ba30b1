"""`--plugin-file`: one file is a plugin; a mistake in it is one message; a run made with it says what it needs."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from identify_core.cli.root import run_command_line
from identify_core.errors import IdentifyError, PluginError
from identify_core.plugins import Registry, load_registry
from identify_core.store import StoredRun
from identify_core.testing import toy_plugin
from identify_core.testing.command_line import CommandLine
from identify_core.testing.fixtures import InstallDistribution, Project

PLUGIN = '''
"""Rings, tried out."""
import attrs
from identify_core import Dataset, Evaluator, Preset, hookimpl
from identify_core.options import option


@attrs.frozen
class RingsOptions:
    samples: int = option(16, help="How many.")


@hookimpl
def identify_datasets():
    yield Dataset(name="rings", summary="Rings.", options=RingsOptions, target="my_rings:make_rings")


@hookimpl
def identify_evaluators():
    yield Evaluator(name="width", summary="d.", target="my_rings:measure", draw="my_rings:draw", arity="run")


def make_rings(options, context):
    import numpy as np
    import torch
    from identify_core.data import Samples
    x = torch.randn(options.samples, 3, generator=context.stream("x"))
    half = options.samples // 2
    return Samples(
        columns={"x": x, "y": x.sum(1, keepdim=True)}, ids=np.arange(options.samples),
        splits={"train": np.arange(half), "test": np.arange(half, options.samples)},
    )


def measure(options, subject, context):
    from identify_core.findings import Finding
    return Finding(summary="d", scalars={"width": float(subject.representations[0].shape[1])})


def draw(options, finding, context):
    from matplotlib.figure import Figure
    from identify_core.findings import Figure as Drawn
    figure = Figure(figsize=(2, 2))
    figure.add_subplot().plot([0, 1])
    yield Drawn(name="line", caption="A line.", static=figure)
'''
SPEC = """
format = 1
plugin = "my-rings"
replicates = 2

[dataset]
type = "rings"
[model]
type = "toy:two-layers"
[objective]
type = "toy:regression"
steps = 2
[[evaluators]]
type = "width"
"""
PROBE = "from identify_core import Dataset, hookimpl\n"
OFFER = "@hookimpl\ndef identify_datasets():\n    yield Dataset(name='rings', summary='', target='a:b')\n"


@pytest.fixture
def file(project: Project) -> Iterator[Path]:
    """A sound plugin file in the project."""
    path = project.path / "my_rings.py"
    path.write_text(PLUGIN)
    yield path
    for name in [each for each in sys.modules if each.startswith(("my_rings", "my_probe")) or each == "toy"]:
        del sys.modules[name]


def refusal(*files: Path, **more: object) -> IdentifyError:
    with pytest.raises(PluginError) as raised:
        load_registry(files=files, **more)  # type: ignore[arg-type]
    assert "\n" not in raised.value.message
    return raised.value


def test_a_file_is_a_plugin_named_after_it(file: Path) -> None:
    registry: Registry = load_registry(files=[Path("my_rings.py")], only=["my-rings"])
    status = registry.plugin("my-rings")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (status.status, status.loaded, status.module) == ("available", True, "my_rings")
    assert status.distribution == "(file) my_rings.py"
    assert status.version == f"sha256:{digest[:12]}"
    assert status.file is not None
    assert (status.file.path, status.file.sha256) == (str(file), digest)
    registered = registry.resolve("dataset", "my-rings:rings")
    assert registered.file == status.file
    assert registered.component.load().__module__ == "my_rings"


def test_naming_it_twice_or_loading_it_again_runs_it_once(file: Path) -> None:
    file.write_text(PLUGIN + "\nimport os\nos.environ['MY_RINGS'] = os.environ.get('MY_RINGS', '') + 'x'\n")
    for _ in range(2):
        load_registry(files=[file, Path("my_rings.py")], only=["my-rings"])
    import os

    assert os.environ.pop("MY_RINGS") == "x"


def test_nothing_switches_a_named_file_off(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTIFY_DISABLE_PLUGINS", "*")
    assert load_registry(files=[file]).plugin("my-rings").status == "available"


def test_its_neighbours_are_not_importable(file: Path) -> None:
    (file.parent / "my_probe_neighbour.py").write_text("")
    file.write_text("import my_probe_neighbour\n" + PLUGIN)
    assert "No module named 'my_probe_neighbour' (line 1)" in refusal(file).message


BROKEN: dict[str, tuple[str | bytes, str]] = {
    "a syntax error": ("def (", "SyntaxError: "),
    "an exception at import": ("x = 1\n1 / 0\n", "ZeroDivisionError: division by zero (line 2)"),
    "an exit": ("import sys\n\nsys.exit(3)\n", "SystemExit: 3 (line 3)"),
    "no hooks": ("x = 1\n", "it implements no hook; mark a function such as identify_datasets with @hookimpl"),
    "a hook without its mark": (PROBE + "def identify_datasets(): return []\n", "is not marked with @hookimpl"),
    "an unknown hook": (PROBE + "@hookimpl\ndef identify_dataset(): return []\n", "did you mean 'identify_datasets'?"),
    "an exception in a hook": (PROBE + "@hookimpl\ndef identify_datasets():\n    raise OSError('no')\n", "(line 4)"),
    "no text": (b"\xff\xfe\x00", "SyntaxError: "),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_one_message(project: Project, fault: str) -> None:
    source, reason = BROKEN[fault]
    path = project.path / f"my_probe_{fault.replace(' ', '_')}.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    error = refusal(path)
    assert error.message.startswith(f"the plugin file {path} cannot be used: ")
    assert reason in error.message
    assert error.hint == "put it right, or leave --plugin-file away"


def test_a_file_that_failed_is_run_again_once_it_is_mended(file: Path) -> None:
    file.write_text("1 / 0\n" + PLUGIN)
    refusal(file, only=["my-rings"])
    file.write_text(PLUGIN)
    assert load_registry(files=[file], only=["my-rings"]).plugin("my-rings").loaded


NAMES = ["My_rings.py", "2rings.py", "my-rings.py", "my rings.py", "my_rings.txt", "my_rings", "class.py", "a__b.py"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_plugin_can_have_is_refused(project: Project, name: str) -> None:
    (project.path / name).write_text(PROBE + OFFER)
    error = refusal(project.path / name)
    assert "has a name that no plugin can have" in error.message
    assert "my_plugin.py" in error.hint


def test_a_path_that_is_no_file_is_refused(project: Project) -> None:
    error = refusal(Path("nowhere.py"))
    assert error.message == "the plugin file nowhere.py cannot be read: No such file or directory"
    assert error.hint == "--plugin-file takes the path of a Python file"
    assert run_command_line(["--plugin-file", "nowhere.py", "--help"]) == 0, "help is there in any case"
    (project.path / "folder.py").mkdir()
    error = refusal(Path("folder.py"))
    assert error.message == "the plugin file folder.py is a folder"
    assert "a package is installed" in error.hint


def test_the_name_of_an_installed_plugin_is_refused_until_that_is_left_out(
    file: Path, install_distribution: InstallDistribution
) -> None:
    install_distribution("rings-plugin", plugins={"my-rings": "absent_module"})
    error = refusal(file)
    assert f"the plugin file {file} would be the plugin 'my-rings', as rings-plugin 1.0 already is" == error.message
    assert "--disable-plugin rings-plugin" in error.hint
    registry = load_registry(files=[file], disabled=["rings-plugin"])
    assert registry.plugin("my-rings").file is not None


def test_two_files_of_one_name_are_refused(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "my_rings.py"
    other.write_text(PLUGIN)
    error = refusal(file, other)
    assert "as (file) " in error.message
    assert error.hint == "rename one of the files"


def test_the_name_of_a_module_is_refused(project: Project) -> None:
    for name in ("json", "antigravity", "numpy"):
        path = project.path / f"{name}.py"
        path.write_text(PROBE + OFFER)
        assert f"its name is that of the module '{name}' at " in refusal(path).message


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """The command line in this process: what it says on stdout and on stderr."""

    def call(*arguments: str, status: int = 0) -> tuple[str, str]:
        found = run_command_line(arguments)
        captured = capsys.readouterr()
        assert found == status, captured.err
        return captured.out, captured.err

    return call


Call = Callable[..., tuple[str, str]]
NAMED = ("--plugin-file", "my_rings.py", "--plugin-file", "toy.py")


@pytest.fixture
def toy(project: Project) -> None:
    """The toy plugin as another file of the project."""
    (project.path / "toy.py").write_text(Path(toy_plugin.__file__).read_text())


def test_it_is_listed_without_running_it(file: Path, identify: CommandLine) -> None:
    file.write_text("import sys; sys.exit('ran')")
    rows = identify.json("--plugin-file", "my_rings.py", "list-plugins")["plugins"]
    row = next(each for each in rows if each["name"] == "my-rings")
    assert (row["status"], row["distribution"]) == ("available", "(file) my_rings.py")
    assert row["file"] == {"path": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    said = identify("--plugin-file", "my_rings.py", "list-plugins", "--check", status=3).stderr
    assert said.startswith("error: the plugin file my_rings.py cannot be used: SystemExit: ran (line 1)\nhint: ")


def test_its_commands_are_a_group_of_their_own(file: Path, call: Call) -> None:
    command = (
        "\nimport click\nfrom identify_core import Command\n"
        "@hookimpl\ndef identify_commands():\n"
        "    yield Command(name='count', summary='Count.', target='my_rings:count')\n"
        "@click.command()\ndef count():\n    click.echo('three rings')\n"
    )
    file.write_text(PLUGIN + command)
    assert call("--plugin-file", "my_rings.py", "my-rings", "count")[0] == "three rings\n"
    assert "there is no command 'my-rings'" in call("my-rings", "count", status=2)[1]


@pytest.mark.usefixtures("toy")
def test_it_works_with_every_verb(file: Path, call: Call, project: Project) -> None:
    """A run with the toy plugin's model, evaluated, drawn, compared; without the flag, what needs the file says so."""
    project.write_spec(SPEC)
    assert json.loads(call(*NAMED, "validate", "my-rings", "--spec", "spec.toml", "--json")[0])["valid"] is True
    outcome = json.loads(call(*NAMED, "run", "my-rings", "--spec", "spec.toml", "--quiet", "--json")[0])
    run = StoredRun.open(project.path / outcome["folder"])
    made = {each["kind"]: each for each in run.document["components"]}
    assert made["dataset"]["file"] == str(file)
    assert made["dataset"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert made["dataset"]["distribution"] == "(file) my_rings.py"

    evaluate = ("evaluate", run.id, "--evaluator", "width", "--label", "again", "--quiet")
    toys = project.path / "toy.py"
    said = call(*evaluate, status=3)[1]
    assert said == (
        f"error: the run {run.id} was made with the plugin files {file} and {toys}, which were not named\n"
        f"hint: name the files before the verb: identify --plugin-file {file} --plugin-file {toys} "
        f"evaluate {run.id} --evaluator width\n"
    )
    call(*NAMED, *evaluate)
    said = call("plot", run.id, status=3)[1]
    assert said.startswith(f"error: the run {run.id} was made with the plugin file {file}, which was not named\n")
    call(*NAMED, "plot", run.id)
    assert (project.path / f"figures-{run.id}" / "width").is_dir()
    call("report", run.id)
    assert "(file) my_rings.py" in call("runs", "show", run.id, "--full")[0]

    file.write_text(PLUGIN + "\n")
    assert f"the plugin file {file} is not as it was when the run was made" in call(*NAMED, "plot", run.id)[1]


@pytest.mark.usefixtures("toy")
def test_a_run_that_failed_is_resumed_with_its_file(file: Path, call: Call, project: Project) -> None:
    failing = "    from identify_core import RunError\n    raise RunError('no disk')\n    import numpy"
    file.write_text(PLUGIN.replace("    import numpy", failing, 1))
    project.write_spec(SPEC)
    assert "no disk" in call(*NAMED, "run", "--spec", "spec.toml", "--quiet", status=1)[1]
    (run,) = project.store.runs()
    del sys.modules["my_rings"]  # the next command is another process
    file.write_text(PLUGIN)
    said = call("resume", run.id, status=3)[1]
    assert f"the plugin files {file} and" in said
    assert said.endswith(f" resume {run.id}\n")
    said = call(*NAMED, "resume", run.id, "--quiet")[1]
    assert f"the plugin file {file} is not as it was when the run was made" in said
    assert project.store.open(run.id).status == "finished"
