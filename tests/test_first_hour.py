"""What a person does in the first hour, as real processes: list, describe, init, validate, run, look, evaluate."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from identify_core.store import StoredRun
from identify_core.testing.command_line import CommandLine

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A folder with one finished run of the genni plugin's `smoke`."""
    command_line = CommandLine(tmp_path_factory.mktemp("study"))
    command_line("run", "genni", "--preset", "smoke", "--quiet")
    return command_line


def latest(study: CommandLine) -> StoredRun:
    (run,) = study.json("runs", "ls")["runs"]
    return StoredRun.open(study.folder / "identify-store" / "runs" / run["id"])


def test_every_plugin_of_the_repository_is_listed(identify: CommandLine) -> None:
    plugins = {each["name"]: each["status"] for each in identify.json("list-plugins")["plugins"]}
    assert plugins.items() >= {"genni": "available", "measures": "available"}.items()


def test_describe_says_what_a_component_takes(identify: CommandLine) -> None:
    text = identify("describe", "genni:fcn").stdout
    assert "widths" in text
    assert "activation" in text


def test_init_writes_a_spec_that_is_valid(identify: CommandLine) -> None:
    identify("init", "genni", "--preset", "smoke", "--output", "mine.toml")
    assert tomllib.loads((identify.folder / "mine.toml").read_text())["format"] == 1
    identify("validate", "genni", "--spec", "mine.toml")
    identify("init", "genni", "--output", "mine.toml", status=2)


def test_the_example_of_the_readme_is_valid(identify: CommandLine) -> None:
    for example in sorted((ROOT / "examples").glob("*.toml")):
        shutil.copy(example, identify.folder)
        plugin = tomllib.loads(example.read_text(encoding="utf-8")).get("plugin", example.stem)
        identify("validate", plugin, "--spec", example.name)


def test_a_wrong_spec_says_everything_and_writes_nothing(identify: CommandLine) -> None:
    (identify.folder / "wrong.toml").write_text(
        'format = 1\nreplicates = "3"\n[dataset]\ntype = "techer"\n[model]\ntype = "fcn"\nwidhts = [2]\n'
        '[objective]\ntype = "equivalence"\nsteps = 2.5\n'
    )
    message = identify("run", "genni", "--spec", "wrong.toml", status=2).stderr
    for part in ("replicates", "techer", "teacher", "widhts", "widths", "steps", "wrong.toml"):
        assert part in message
    assert not (identify.folder / "identify-store").exists()


@pytest.mark.parametrize(
    ("size", "message"),
    [("dataset.input_shape=[1,18,18]", "18"), ("dataset.input_shape=[1,12,12]", "12")],
)
def test_a_size_that_an_architecture_cannot_take_is_said_before_training(
    identify: CommandLine, size: str, message: str
) -> None:
    text = identify("run", "genni", "--preset", "lenet", "--set", size, status=2).stderr
    assert message in text
    assert "lenet" in text.lower()
    assert identify.json("runs", "ls")["runs"] == []


def test_a_run_leaves_what_it_promises(study: CommandLine) -> None:
    run = latest(study)
    assert run.status == "finished"
    assert run.document["plugin"] == "genni"
    assert {"convergence", "outcome"} <= set(run.findings)
    assert (run.folder / "report.html").stat().st_size > 10_000
    assert list((run.folder / "figures").glob("*.png"))
    assert any(name.startswith("hidden") for name in run.latents)
    shown = study("runs", "show", "@last").stdout
    assert run.id in shown


def test_nothing_in_a_run_is_a_pickle(study: CommandLine) -> None:
    run = latest(study)
    endings = {path.suffix for path in run.folder.rglob("*") if path.is_file() and "arrays.zarr" not in path.parts}
    assert endings <= {".json", ".toml", ".png", ".html", ".js"}
    for path in (run.folder / "arrays.zarr").rglob("*"):
        assert not path.is_file() or path.name == "zarr.json" or path.name.split(".")[0] == "c" or "c" in path.parts


def test_running_a_stored_spec_again_gives_the_same_numbers(study: CommandLine, tmp_path: Path) -> None:
    run = latest(study)
    study("--store", str(tmp_path / "again"), "run", "--spec", str(run.folder / "spec.toml"), "--quiet")
    (again,) = (tmp_path / "again" / "runs").iterdir()
    second = StoredRun.open(again)
    for name, values in run.weights().items():
        np.testing.assert_array_equal(values, second.weights()[name])


def test_evaluate_verify_export_plot_and_report(study: CommandLine) -> None:
    found = study.json("evaluate", "@last", "--evaluator", "convergence", "--label", "again", "--quiet")["findings"]
    assert "again" in found
    study("evaluate", "@last", "--evaluator", "convergence", "--label", "again", "--quiet", status=4)
    study("runs", "verify", "@last")
    study("runs", "export", "@last", "--to", "weights.npz")
    with np.load(study.folder / "weights.npz", allow_pickle=False) as archive:
        assert len(archive.files) > 3
    study("plot", "@last", "--format", "svg", "--output", "pictures")
    assert list((study.folder / "pictures").rglob("*.svg"))
    study("report", "@last", "--output", "page.html")
    assert "http://" not in (study.folder / "page.html").read_text().split("</style>")[0]


def test_a_truncated_chunk_is_noticed(study: CommandLine, tmp_path: Path) -> None:
    shutil.copytree(study.folder / "identify-store", tmp_path / "damaged")
    chunks = [path for path in (tmp_path / "damaged" / "runs").rglob("weights/**/c.*") if path.is_file()]
    chunks[0].write_bytes(chunks[0].read_bytes()[:-1])
    message = study("--store", str(tmp_path / "damaged"), "runs", "verify", status=4)
    assert "weights" in message.stdout + message.stderr


@pytest.mark.parametrize("reference", ["../runs", "a/b", "..", "/etc", ".hidden"])
@pytest.mark.parametrize("verb", [("runs", "show"), ("runs", "rm", "--yes"), ("report",), ("resume",)])
def test_a_reference_reaches_nothing_outside_the_store(
    study: CommandLine, verb: tuple[str, ...], reference: str
) -> None:
    study(*verb, reference, status=4)
    assert study.json("runs", "ls")["runs"]


def test_json_of_every_verb_is_json(study: CommandLine) -> None:
    for arguments in (
        ("list-plugins",),
        ("describe", "genni"),
        ("doctor",),
        ("runs", "ls"),
        ("runs", "show", "@last"),
        ("validate", "genni", "--preset", "smoke"),
    ):
        assert json.dumps(study.json(*arguments))
