"""`identify init`, `validate` and `schema`, from the command line down to an installed plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from identify_core.cli.root import run_command_line
from identify_core.testing.fixtures import InstallDistribution, Project

TOY = Path(__file__).parents[1] / "spec" / "toy_plugin.py"


@attrs.frozen
class Said:
    status: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.out)
        return content


Identify = Callable[..., Said]


@pytest.fixture
def identify(
    project: Project, install_distribution: InstallDistribution, capsys: pytest.CaptureFixture[str]
) -> Identify:
    """`identify("validate", "toy")` in an empty folder, where the toy plugin is installed."""
    install_distribution("identify-toy", plugins={"toy": "toy_plugin:toy"}, modules={"toy_plugin": TOY.read_text()})

    def identify(*arguments: str) -> Said:
        status = run_command_line(arguments)
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return identify


def test_a_good_spec_names_its_components(identify: Identify) -> None:
    said = identify("validate", "toy")
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("ok: smoke, 3 replicates, seed 7, hash ")
    for line in ("dataset", "toy:waves", "evaluator fine", "toy:grid", "identify-toy 1.0"):
        assert line in said.out


def test_a_wrong_spec_is_exit_2_with_every_problem(identify: Identify) -> None:
    Path("spec.toml").write_text('[dataset]\ntype = "wavs"\n[objective]\ntype = "fit"\nsteps = 0\n')
    said = identify("validate", "toy", "--spec", "spec.toml", "--set", "replicate=3")
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        "error: there are 3 problems with the spec\n"
        "  - replicate: there is no such key; did you mean 'replicates'? (--set replicate=3)\n"
        "  - dataset.type: there is no dataset 'wavs'; did you mean 'waves'? (spec.toml:2)\n"
        "  - objective.steps: 0 is too small: steps must be at least 1 (spec.toml:5)\n"
    )


def test_problems_as_json(identify: Identify) -> None:
    said = identify("validate", "toy", "--set", "replicates=0", "--json")
    assert said.status == 2
    assert said.json() == {
        "schema": "identify/validation/1",
        "valid": False,
        "message": "there is a problem with the spec",
        "problems": ["replicates: 0 is too small: replicates must be at least 1 (--set replicates=0)"],
        "hint": "",
    }


def test_a_good_spec_as_json(identify: Identify) -> None:
    content = identify("validate", "toy", "--set", "seed=9", "--set", "dataset.threshold=inf", "--json").json()
    assert content["valid"] is True
    assert content["spec"]["dataset"]["type"] == "toy:waves"
    assert content["spec"]["dataset"]["threshold"] == "inf"
    assert content["origins"]["seed"] == {
        "origin": {"layer": "set", "place": "--set seed=9", "line": 0},
        "replaced": [{"value": 7, "origin": {"layer": "preset", "place": "smoke", "line": 3}}],
    }
    assert content["origins"]["evaluators.fine.colour"]["origin"]["layer"] == "default"


def test_explain_says_where_each_value_came_from(identify: Identify) -> None:
    said = identify("validate", "toy", "--explain", "--set", "seed=9", "--set", "dataset.type=stripes")
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in said.out.splitlines() if line.strip()}
    assert rows["seed"] == "9 --set seed=9 7 (preset smoke, line 3)"
    assert rows["replicates"] == "3 preset smoke, line 4"
    assert rows["objective.patience"] == '"none" default'
    assert rows["evaluators.fine.points"] == "50 preset smoke, line 26"
    assert said.err == (
        "warning: dataset.samples given for toy:waves is dropped: dataset.type became 'stripes' "
        "(--set dataset.type=stripes)\n"
    )


def test_init_writes_a_spec_that_is_the_preset(identify: Identify) -> None:
    said = identify("init", "toy")
    assert said.out == "wrote spec.toml from the preset smoke; run it with: identify run toy --spec spec.toml\n"
    text = Path("spec.toml").read_text()
    assert text.startswith("# A spec for identify, from the preset smoke of the plugin toy.\n# Ends in seconds.\n")
    assert "# Run it:   identify run toy --spec spec.toml\n" in text
    ours = identify("validate", "--spec", "spec.toml", "--json").json()
    preset = identify("validate", "toy", "--preset", "smoke", "--json").json()
    assert ours["spec"] == preset["spec"]
    assert ours["hash"] == preset["hash"]


def test_init_takes_a_preset_and_an_output(identify: Identify) -> None:
    identify("init", "toy", "--preset", "plain", "--output", "my spec.toml")
    text = Path("my spec.toml").read_text()
    assert "--spec 'my spec.toml'" in text
    assert 'type = "nothing"' in text
    assert identify("init", "toy", "--output", "-").out.startswith("# A spec for identify")
    assert not Path("-").exists()


def test_init_as_json(identify: Identify) -> None:
    content = identify("init", "toy", "--json").json()
    assert content["text"] == Path("spec.toml").read_text()
    assert (content["preset"], content["file"]) == ("smoke", "spec.toml")


def test_init_never_overwrites_unasked(identify: Identify) -> None:
    Path("spec.toml").write_text("mine")
    said = identify("init", "toy")
    assert said.status == 2
    assert said.err == ("error: spec.toml exists already\nhint: give another --output, or --force to replace it\n")
    assert Path("spec.toml").read_text() == "mine"
    assert identify("init", "toy", "--force").status == 0
    assert Path("spec.toml").read_text() != "mine"
    assert os.listdir() == ["spec.toml"]


def test_init_into_a_folder_or_nowhere(identify: Identify) -> None:
    assert identify("init", "toy", "--output", ".").err == "error: . is a folder\nhint: give a file with --output\n"
    Path("file").touch()
    for flags in ((), ("--force",)):
        said = identify("init", "toy", "--output", "file/where.toml", *flags)
        message = "error: file/where.toml cannot be written: file is a file\nhint: give another --output\n"
        assert (said.status, said.err) == (2, message)


def test_init_makes_the_folders_of_its_output_as_every_verb_does(identify: Identify) -> None:
    assert identify("init", "toy", "--output", "new/folder/spec.toml").status == 0
    assert Path("new/folder/spec.toml").is_file()


def test_init_of_an_unknown_preset(identify: Identify) -> None:
    said = identify("init", "toy", "--preset", "smoky")
    assert said.status == 2
    assert said.err == "error: the plugin 'toy' has no preset 'smoky'\nhint: did you mean 'smoke'?\n"
    assert os.listdir() == []


def test_schema_is_json_for_one_plugin_or_all(identify: Identify) -> None:
    assert identify("schema", "toy").json()["title"] == "an identify spec for toy"
    assert "dataset.toy:waves" in identify("schema").json()["$defs"]
    said = identify("schema", "nobody")
    assert said.status == 3
    assert "there is no plugin 'nobody'" in said.err


PROBE = """
import sys
from identify_core.cli.root import run_command_line
status = run_command_line(sys.argv[1:])
heavy = {"torch", "numpy", "zarr", "matplotlib", "pandas", "scipy"} & set(sys.modules)
sys.exit(f"imported {sorted(heavy)}" if heavy else status)
"""


@pytest.mark.parametrize("arguments", [("validate", "toy", "--explain"), ("init", "toy"), ("schema", "toy")])
def test_spec_verbs_import_nothing_heavy(identify: Identify, arguments: tuple[str, ...]) -> None:
    site = next(path for path in sys.path if path.endswith("site-identify-toy"))
    environment = {**os.environ, "PYTHONPATH": site}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("seconds", ["nan", "-1", "-inf"])
@pytest.mark.parametrize("verb", [("run", "toy"), ("resume", "@last"), ("sweep", "toy", "--over", "seed=0,1")])
def test_seconds_between_checkpoints_are_a_number_from_0_on(
    identify: Identify, verb: tuple[str, ...], seconds: str
) -> None:
    said = identify(*verb, f"--checkpoint-every={seconds}")
    assert said.status == 2
    assert f"{seconds} is not a number of seconds: it must be at least 0" in said.err


@pytest.mark.parametrize("verb", [("validate",), ("run", "--quiet"), ("sweep", "--over", "seed=0,1")])
def test_a_spec_beyond_the_memory_is_refused_by_part_and_before_torch(
    project: Project, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...]
) -> None:
    huge = ("genni", "--set", "dataset.samples=1000000000000")
    assert run_command_line([verb[0], *huge, *verb[1:]]) == 2
    said = capsys.readouterr().err
    assert "the spec needs about 16 TB of memory, and this machine has" in said
    assert "dataset, inputs: 8 TB" in said
    assert "--force" in said
    assert not project.store.path.exists()


def test_force_goes_on_and_the_need_is_shown(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["validate", "genni", "--set", "dataset.samples=1000000000000", "--force", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["memory"]
    assert told["dataset, inputs"] == 2 * 4 * (10**12 + 2000)
    assert run_command_line(["validate", "mtlcm"]) == 0
    assert "needs about 23.7 MB (dataset, latents, draws and observed features: 23.7 MB)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "format_"),
    [("s.json", '{"seed": 1}', "JSON"), ("s.yaml", "seed: 1\n", "YAML"), ("s.toml", "name: x\n", "YAML")],
)
def test_a_spec_in_another_format_is_told_how_specs_are_written(
    identify: Identify, name: str, text: str, format_: str
) -> None:
    Path(name).write_text(text)
    said = identify("validate", "toy", "--spec", name)
    assert said.status == 2
    assert f"hint: specs are TOML, and this is {format_}: `identify init PLUGIN" in said.err


def test_a_broken_toml_has_no_hint_of_another_format(identify: Identify) -> None:
    Path("s.toml").write_text("[dataset\n")
    assert "hint" not in identify("validate", "toy", "--spec", "s.toml").err


def test_a_name_that_is_something_else_is_told_what_it_is(identify: Identify) -> None:
    assert "hint: 'smoke' is a preset of " in identify("run", "smoke").err
    assert "hint: 'orthogonal' is a rung of the equivalence ladder" in identify("describe", "orthogonal").err
    assert "hint: 'toy' is a plugin" in identify("run", "toy", "--preset", "toy").err
