"""The class and the verb ask the same checks and say what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from identify_core.cli.root import run_command_line
from identify_core.testing.conformance import CHECKS

Install = Callable[..., str]

NO_SUMMARY = ("plugin.py", 'summary="A grid."', 'summary=""')
CLASS = """
from identify_core.testing import PluginConformance

class TestCopy(PluginConformance):
    plugin = {name!r}
    {more}
"""
SINGLE_FILE = """
import attrs
from identify_core import Dataset, hookimpl
from identify_core.options import option

@attrs.frozen
class RowOptions:
    rows: int = option(4, help="How many.")

@hookimpl
def identify_datasets():
    yield Dataset(name="rows", summary="Rows.", options=RowOptions, target="single_file:make")

def make(options, context):
    import numpy as np
    import torch
    from identify_core.data import Samples
    x = torch.randn(options.rows, 2, generator=context.stream("x"))
    return Samples(columns={"x": x}, ids=np.arange(options.rows), splits={"test": np.arange(options.rows)})
"""


def run_tests(folder: Path, text: str, *arguments: str, status: int) -> str:
    """What pytest prints about a test file, in a process that sees the same plugins."""
    (folder / "test_copy.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rsf", "-v", "test_copy.py", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_each_check_of_each_component_is_a_test_that_fails_in_words(install: Install, tmp_path: Path) -> None:
    skip = 'skip = {"summaries dataset:rings": "it is only a test", "sources": "no paper yet"}'
    text = CLASS.format(name=install(NO_SUMMARY), more=skip)
    said = run_tests(tmp_path, text, "-k", "loads or summaries or sources", status=1)
    assert "TestCopy::test_conformance[summaries dataset:grid] FAILED" in said
    assert "TestCopy::test_conformance[summaries model:mlp] PASSED" in said
    assert "TestCopy::test_conformance[loads plugin] PASSED" in said
    assert "Does it say in one line what it is? (dataset:grid of copy" in said
    assert '- its summary is empty: say in one line what it is, summary="..."' in said
    assert "Traceback" not in said
    assert "def test_conformance" not in said
    assert "it is only a test" in said
    assert "no paper yet" in said


def test_a_class_of_two_lines_is_enough_for_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "single_file.py").write_text(SINGLE_FILE)
    text = CLASS.format(name="single-file", more="plugin_file = 'single_file.py'")
    said = run_tests(tmp_path, text, "-k", "not import-time", status=0)
    assert "[samples-fingerprint dataset:rows] PASSED" in said
    assert "[light-imports plugin] PASSED" in said


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('skip = {"dataset:grid": " "}', "skip of 'dataset:grid' has no reason"),
        ('skip = {"dataset:gird": "why"}', "skip names 'dataset:gird', which is neither a check nor an item"),
        ('options = {"dataset:gird": {}}', "options names 'dataset:gird', which copy"),
        ("plugin = None", "TestCopy does not say which plugin it is about"),
    ],
)
def test_wrong_attributes_are_told(more: str, says: str, install: Install, tmp_path: Path) -> None:
    assert says in run_tests(tmp_path, CLASS.format(name=install(), more=more), status=2)


def test_the_package_is_light() -> None:
    code = "import sys, identify_core.testing; assert not {'pytest', 'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_of_the_package_are_refused() -> None:
    import identify_core.testing

    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        identify_core.testing.nonsense  # noqa: B018


def test_the_verb_says_what_to_do_and_fails(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    name = install(NO_SUMMARY)
    assert run_command_line(["check-plugin", name, "--only", "summaries", "--only", "loads"]) == 3
    said = capsys.readouterr().out
    assert "its summary is empty: say in one line what it is" in said
    assert f"{name}: 12 passed, 1 failed, 0 skipped" in said


def test_the_verb_gives_json(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    name = install(NO_SUMMARY)
    assert run_command_line(["check-plugin", name, "--only", "summaries", "--skip", "dataset:grid", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "identify/conformance/1"
    assert document["passed"] is True
    assert document["counts"] == {"passed": 11, "failed": 0, "skipped": 1}
    skipped = next(each for each in document["results"] if each["status"] == "skipped")
    assert (skipped["check"], skipped["item"], skipped["reason"]) == (
        "summaries",
        "dataset:grid",
        "left out with --skip",
    )


def test_the_verb_lists_the_checks_without_a_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["check-plugin", "--list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said and check.question in said for name, check in CHECKS.items())
    assert run_command_line(["check-plugin", "--list", "--json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["checks"]] == list(CHECKS)


def test_the_verb_takes_options(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    name = install(("options.py", "samples: int = option(6, help", "samples: int = option(help"))
    assert run_command_line(["check-plugin", name, "--only", "samples-made"]) == 0
    said = capsys.readouterr().out
    assert "its options samples have no default and no preset gives them" in said
    assert "--set dataset.grid.samples=... in the shell" in said
    assert run_command_line(["check-plugin", name, "--only", "samples-made", "--set", "dataset.grid.samples=5"]) == 0
    assert f"{name}: 2 passed, 0 failed, 0 skipped" in capsys.readouterr().out


def test_the_verb_takes_what_a_class_says(install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = install(NO_SUMMARY)
    file = tmp_path / "test_copy.py"
    file.write_text(CLASS.format(name=name, more='skip = {"dataset:grid": "it comes later"}'))
    assert run_command_line(["check-plugin", name, "--only", "summaries", "--tests", str(file)]) == 0
    assert "it comes later" in capsys.readouterr().out
    file.write_text("")
    assert run_command_line(["check-plugin", name, "--tests", str(file)]) == 2
    assert f"has no PluginConformance class about the plugin '{name}'" in capsys.readouterr().err
    file.write_text("1 / 0")
    assert run_command_line(["check-plugin", name, "--tests", str(file)]) == 2
    assert "cannot be imported: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "no plugin is named"),
        (["nobody"], 3, "there is no plugin 'nobody'"),
        (["NAME", "--only", "bound"], 2, "there is no check 'bound'"),
        (["NAME", "--skip", "dataset:gird"], 2, "skip names 'dataset:gird'"),
        (["NAME", "--set", "dataset.grid=3"], 2, "--set dataset.grid names no option"),
    ],
)
def test_the_verb_refuses_what_is_not_there(
    arguments: list[str], status: int, says: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    name = install()
    assert run_command_line(["check-plugin", *(name if each == "NAME" else each for each in arguments)]) == status
    assert says in capsys.readouterr().err


def test_a_plugin_that_does_not_load_is_told_once(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    name = install(("plugin.py", "HERE = __package__", "HERE = 1 / 0"))
    assert run_command_line(["check-plugin", name, "--json"]) == 3
    results = json.loads(capsys.readouterr().out)["results"]
    assert [each["check"] for each in results if each["status"] == "failed"] == ["loads"]
    assert "the plugin is broken: ZeroDivisionError" in results[0]["complaints"][0]
    assert {each["reason"] for each in results if each["status"] == "skipped"} == {"the plugin does not load"}
