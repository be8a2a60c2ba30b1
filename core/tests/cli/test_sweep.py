"""`identify sweep`: nothing runs before all is checked, what was killed goes on, failures are told at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.cli.root import run_command_line
from identify_core.store import StoredRun
from identify_core.testing.fixtures import CommandLine, InstallDistribution, Project


@pytest.fixture(autouse=True)
def toys(project: Project, install_distribution: InstallDistribution) -> Project:
    """A project in which the plugin `toy` is installed, also for the processes of a sweep."""
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"}, modules={})
    return project


@pytest.fixture
def sweep(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`sweep("toy", "--over", "seed=0,1", status=0)`: run the verb in this process; what it printed on stdout."""

    def run(*arguments: str, status: int = 0) -> str:
        assert run_command_line(["sweep", *arguments]) == status, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    assert run_command_line(["sweep", *arguments]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def arrays(run: StoredRun) -> dict[str, Any]:
    found: dict[str, Any] = dict(run.weights())
    for name, (_, values) in run.history().items():
        found[name] = values
    return found


def test_a_dry_run_prints_the_combinations_and_makes_no_store(sweep: Callable[..., str], toys: Project) -> None:
    printed = sweep("toy", "--over", "objective.steps=5,10", "--over", "seed=0,1", "--dry-run")
    lines = [line.split() for line in printed.splitlines()]
    assert lines[0] == ["run", "objective.steps", "seed"]
    assert lines[2:] == [
        ["toy-001", "5", "0"],
        ["toy-002", "5", "1"],
        ["toy-003", "10", "0"],
        ["toy-004", "10", "1"],
        ["4", "runs,", "12", "replicates", "in", "all"],
    ]
    planned = json.loads(sweep("toy", "--over", "seed=0,1", "--dry-run", "--json"))
    assert planned["schema"] == "identify/sweep-plan/1"
    assert [run["values"] for run in planned["runs"]] == [{"seed": 0}, {"seed": 1}]
    assert not toys.store.path.exists()


def test_one_wrong_combination_refuses_all_before_any_run(capsys: pytest.CaptureFixture[str], toys: Project) -> None:
    said = refusal(capsys, "toy", "--over", "autocast=off,bfloat16", "--over", "seed=0,1")
    assert "error: 2 of the 4 combinations cannot be run, so that none was" in said
    assert said.count("is nothing that toy:regression can train in") == 1
    assert 'in 2 combinations, the first is 3 (autocast = "bfloat16", seed = 0)' in said
    assert not toys.store.path.exists()


def test_a_sweep_ends_with_a_table_that_is_shown_again(sweep: Callable[..., str], toys: Project) -> None:
    arguments = ("toy", "--over", "objective.steps=2,4", "--over", "seed=0,1", "--quiet")
    printed = sweep(*arguments)
    head, _, *rows = printed.splitlines()
    assert head.split()[:2] == ["objective.steps", "seed"]
    assert "whole/best" in head
    assert [row.split()[:2] for row in rows[:4]] == [["2", "0"], ["2", "1"], ["4", "0"], ["4", "1"]]
    assert any(": 4 finished" in row for row in rows[4:])
    picture = next(line.split()[1] for line in rows if line.startswith("picture"))
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    before = [run.id for run in toys.store.runs()]
    assert sweep("--show", "@last") == printed
    assert sweep(*arguments) == printed  # all is finished: nothing is run again
    assert sweep("--resume", "@last") == printed
    assert [run.id for run in toys.store.runs()] == before
    told = json.loads(sweep("--show", "toy", "--json"))
    assert [run["run"] for run in told["runs"]] == before
    assert told["runs"][3]["values"] == {"objective.steps": 4, "seed": 1}
    assert told["runs"][3]["scalars"]["whole/steps"] == 4
    sweep(*arguments, "--new")
    assert len(toys.store.runs()) == 8


def test_the_runs_of_a_sweep_can_be_listed(
    sweep: Callable[..., str], toys: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    toys.run("toy", preset="smoke")
    told = json.loads(sweep("toy", "--over", "seed=0,1", "--quiet", "--json"))
    assert run_command_line(["runs", "ls", "--sweep", "@last", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert [run["id"] for run in listed] == [run["run"] for run in told["runs"]]
    assert run_command_line(["runs", "ls", "--sweep", "none"]) == 4


def test_a_failed_run_is_told_at_the_end_and_stops_no_other(capsys: pytest.CaptureFixture[str], toys: Project) -> None:
    arguments = ["sweep", "toy", "--over", "model.width=4,2000,5", "--quiet"]
    assert run_command_line(arguments) == 1
    captured = capsys.readouterr()
    assert ": 2 finished, 1 failed" in captured.out
    assert "warning: toy-002 failed: " in captured.err
    assert "width 2000 is more than a toy can take" in captured.err
    command = next(line for line in captured.err.splitlines() if "identify run --spec" in line)
    spec = Path(command.rpartition("--spec ")[2])
    assert run_command_line(["run", "--spec", str(spec), "--quiet"]) == 2
    assert "width 2000" in capsys.readouterr().err
    assert run_command_line([*arguments, "--new", "--stop-at-first"]) == 1
    assert ": 1 finished, 1 failed, 1 waiting" in capsys.readouterr().out


def test_an_evaluator_that_failed_is_told_and_is_exit_status_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["sweep", "toy", "--over", "evaluators.whole.fail=false,true", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert ": 2 finished" in captured.out
    assert "warning: toy-002: whole failed and is missing: ValueError: asked to fail" in captured.err


def test_a_killed_sweep_goes_on_to_the_same_arrays(identify: CommandLine, toys: Project) -> None:
    settings = ("--set", "objective.steps=60", "--set", "objective.pause=0.05", "--checkpoint-every", "0.1")
    arguments = ("sweep", "toy", "--over", "seed=0,1,2", *settings, "--quiet")
    process = identify.start(*arguments, "--workers", "2")
    end = time.monotonic() + 120
    # One that is finished, and one that is half done.
    while not (list(toys.store.path.glob("runs/*/run.json")) and _half_done(toys, "toy-003")):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # Its workers learn that it is gone, write a checkpoint and leave.
    while any(run.status == "running" for run in toys.store.runs()):
        assert time.monotonic() < end
        time.sleep(0.05)
    before = {run.name: (run.id, run.status) for run in toys.store.runs()}
    assert before["toy-003"][1] == "interrupted"
    assert "finished" in {status for _, status in before.values()}
    told = identify.json(*arguments, "--workers", "2")
    assert [run["status"] for run in told["runs"]] == ["finished"] * 3
    assert {run["name"]: run["run"] for run in told["runs"]} == {name: run_id for name, (run_id, _) in before.items()}
    for seed, run in enumerate(told["runs"]):
        expected = arrays(toys.run("toy", preset="smoke", overrides=(f"seed={seed}", "objective.steps=60")))
        found = arrays(toys.store.open(run["run"]))
        assert expected.keys() == found.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_leaves_checkpoints_and_says_how_to_go_on(identify: CommandLine, toys: Project, workers: str) -> None:
    settings = ("--set", "objective.steps=400", "--set", "objective.pause=0.1", "--quiet")
    process = identify.start("sweep", "toy", "--over", "seed=0,1,2", *settings, "--workers", workers)
    names = ["toy-001", "toy-002"][: int(workers)]
    end = time.monotonic() + 120
    while not all(list(toys.store.path.glob(f"staging/*-{name}-*/arrays.zarr/samples/ids")) for name in names):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert f"was stopped: {workers} interrupted, {3 - int(workers)} waiting; what was made so far is kept" in message
    assert "go on with `identify sweep --resume" in message
    assert all(_half_done(toys, name) for name in names)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found in Linux's /proc")
def test_ctrl_c_at_a_terminal_reaches_processes_that_just_begin_and_leaves_no_traceback(
    identify: CommandLine, toys: Project
) -> None:
    process = subprocess.Popen(
        identify.command("sweep", "toy", "--over", "seed=0,1,2", "--workers", "2", "--quiet"),
        cwd=toys.path,
        env=toys.environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as a terminal gives
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while len(children.read_text().split()) < 2:
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "Traceback" not in message
    assert "was stopped: 3 waiting" in message


def _half_done(toys: Project, name: str) -> bool:
    return bool(list(toys.store.path.glob(f"staging/*-{name}-*/scratch/objective/checkpoint.safetensors")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("toy",), "the spec has nothing to vary"),
        (("--show", "a", "--resume", "b"), "--resume and --show do not go together"),
        (("toy", "--show", "a"), "--show and PLUGIN do not go together"),
        (("--resume", "a", "--over", "seed=1"), "--resume and --over do not go together"),
        (("--resume", "a", "--dry-run"), "--resume and --dry-run do not go together"),
        (("--resume", "a", "--new"), "--resume and --new do not go together"),
        (("toy", "--executor", "dask"), "--executor dask needs the address of a cluster"),
        (("toy", "--scheduler", "tcp://x:1"), "--scheduler is for --executor dask"),
        (("toy", "--slurm=--time=1"), "--slurm is for --executor slurm"),
        (("toy", "--executor", "slurm", "--workers", "2"), "--workers is for --executor local"),
        (("toy", "--executor", "dask", "--scheduler", "x", "--workers", "2"), "--workers is for --executor local"),
        (("toy", "--workers", "0"), "0 is not in the range"),
        (("toy", "--over", "seed"), "a list of values cannot be read"),
        (("toy", "--over", "seed=0,1", "--track", "tensorbord"), "there is no tracker 'tensorbord'"),
    ],
)
def test_what_does_not_go_together_is_refused(
    capsys: pytest.CaptureFixture[str], toys: Project, arguments: tuple[str, ...], message: str
) -> None:
    assert message in refusal(capsys, *arguments)
    assert not (toys.store.path / "runs").exists() or toys.store.runs() == []


def test_a_sweep_of_a_plugin_file_says_that_it_needs_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("swept_toy.py").write_text("from identify_core.testing.toy_plugin import *\n")
    arguments = ["sweep", "swept-toy", "--over", "model.width=2000", "--quiet"]
    assert run_command_line(["--plugin-file", "swept_toy.py", *arguments]) == 1
    capsys.readouterr()
    said = refusal(capsys, "--resume", "@last", status=3)
    assert "swept_toy.py" in said
    assert "hint: name the file before the verb: identify --plugin-file" in said


def test_a_store_without_sweeps_says_so(capsys: pytest.CaptureFixture[str], toys: Project) -> None:
    toys.store.create()
    assert "no sweep '@last' is in the store" in refusal(capsys, "--show", "@last", status=4)


def test_help_and_showing_import_no_arrays(toys: Project, sweep: Callable[..., str]) -> None:
    sweep("toy", "--over", "objective.steps=1,2", "--quiet")
    code = (
        "import sys; from identify_core.cli.root import run_command_line; assert run_command_line({!r}) == 0; "
        "assert not {{'torch', 'numpy', 'zarr', 'matplotlib', 'distributed'}} & set(sys.modules), sys.modules.keys()"
    )
    for arguments in (["--help"], ["--show", "@last"], ["toy", "--over=seed=0", "--dry-run"]):
        command = [sys.executable, "-c", code.format(["sweep", *arguments])]
        subprocess.run(command, check=True, env=toys.environment, timeout=60)


def test_so_many_seeds_give_a_table_over_seeds(
    sweep: Callable[..., str], capsys: pytest.CaptureFixture[str], toys: Project
) -> None:
    given = ("toy", "--set", "seed=5", "--set", "objective.steps=3", "--over", "seed", "--count", "3", "--quiet")
    planned = json.loads(sweep(*given, "--dry-run", "--json"))
    assert [run["values"] for run in planned["runs"]] == [{"seed": 5}, {"seed": 6}, {"seed": 7}]
    printed = sweep(*given)
    assert "over seeds: mean ± deviation, and 95% intervals of the mean" in printed
    assert "3 of 3" in printed
    told = json.loads(sweep("--show", "@last", "--json"))
    (line,) = told["over_seeds"]
    name, spread = next(iter(line["numbers"].items()))
    numbers = [run["scalars"][name] for run in told["runs"]]
    assert spread["mean"] == pytest.approx(np.mean(numbers))
    assert spread["deviation"] == pytest.approx(np.std(numbers, ddof=1))
    assert sweep("--show", "@last", "--table", "latex", "--best", name).startswith(r"\begin{tabular}{r}")
    assert sweep("--show", "@last", "--table", "csv", "--number", name).splitlines()[1].startswith(f"{name},3,3,")
    assert "has the headline number 'nothing'" in refusal(capsys, "--show", "@last", "--best", "nothing")
    assert "--count says how many seeds" in refusal(capsys, "toy", "--count", "3")
