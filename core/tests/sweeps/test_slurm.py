"""A Slurm job array, with commands that stand in for Slurm's: the runs of this process; what Slurm refuses is said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.errors import UsageError
from identify_core.store import StoredRun
from identify_core.sweeps import slurm
from identify_core.sweeps.records import StoredSweep
from identify_core.sweeps.slurm import perform_in_job, run_on_slurm, script_of
from identify_core.sweeps.units import Unit, run_of
from identify_core.testing.fixtures import CommandLine, Project

Begin = Callable[..., StoredSweep]
MakeUnit = Callable[..., Unit]

# One job after another, as on a small cluster; `scancel` withdraws those that wait.
SBATCH = """
import os, pathlib, re, subprocess, sys
here, script = pathlib.Path(__file__).parent, sys.argv[-1]
if (here / "refuses").exists():
    sys.exit("sbatch: error: invalid partition specified: nowhere")
if sys.argv[1] == "--parsable":
    daemon = subprocess.Popen([sys.executable, __file__, "run", script], start_new_session=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (here / "pid").write_text(str(daemon.pid))
    print("4711;cluster")
    sys.exit()
text = pathlib.Path(script).read_text()
first, last = map(int, re.search(r"#SBATCH --array=(\\d+)-(\\d+)", text).groups())
for k in range(first, last + 1):
    if not (here / "cancelled").exists() and not (here / f"loses-{k}").exists():
        with open(re.search("--output=(.*)", text)[1].replace("%a", str(k)), "w") as output:
            own = {**os.environ, "SLURM_ARRAY_TASK_ID": str(k)}
            subprocess.run(["sh", script], env=own, stdout=output, stderr=output)
"""
SQUEUE = """
import os, pathlib, sys
state = pathlib.Path("/proc", (pathlib.Path(__file__).parent / "pid").read_text(), "stat")
if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
    sys.exit("slurm_load_jobs error: Invalid job id specified")
print("4711")
"""
SCANCEL = """
import pathlib, sys
assert sys.argv[1:] == ["--state=PENDING", "4711"]
(pathlib.Path(__file__).parent / "cancelled").touch()
"""


@pytest.fixture
def cluster(toys: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with `sbatch`, `squeue` and `scancel`."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, source in {"sbatch": SBATCH, "squeue": SQUEUE, "scancel": SCANCEL}.items():
        (folder / name).write_text(f"#!{sys.executable}\n{source}")
        (folder / name).chmod(0o755)
    toys.environment["PATH"] = f"{folder}:{toys.environment['PATH']}"
    for name in ("PATH", "PYTHONPATH"):
        monkeypatch.setenv(name, toys.environment[name])
    monkeypatch.setattr(slurm, "_SECONDS_BETWEEN_LOOKS", 0.05)
    monkeypatch.setattr(slurm, "_SECONDS_BETWEEN_QUESTIONS", 0.2)
    monkeypatch.setattr(slurm, "_SECONDS_FOR_A_FILE_TO_BE_SEEN", 0.5)
    return folder


def test_an_array_gives_the_arrays_of_this_process(
    cluster: Path, identify: CommandLine, toys: Project, begin: Begin, finish: Any
) -> None:
    arguments = ("sweep", "toy", "--over", "model.width=4,2000", "--quiet")
    told = identify.json(*arguments, "--executor", "slurm", "--slurm=--time=1:00:00", status=1)
    assert [run["status"] for run in told["runs"]] == ["finished", "failed"]
    assert "width 2000" in told["runs"][1]["reason"]
    here = begin("model.width=4")
    finish(here)
    ours, theirs = (StoredRun(run_of(toys.store, sweep)[1]) for sweep in (here.id, told["sweep"]))
    for name, values in ours.weights().items():
        np.testing.assert_array_equal(theirs.weights()[name], values)
    assert list(toys.store.path.glob("sweeps/*/slurm-*")) == [], "what was told to the jobs is gone with them"


def test_a_job_that_leaves_no_word_costs_its_own_run(cluster: Path, begin: Begin, unit: MakeUnit) -> None:
    (cluster / "loses-0").touch()
    sweep = begin("seed=0,1")
    ends = list(run_on_slurm([unit(sweep, 1), unit(sweep, 2)], lambda: False))
    assert [(end["index"], end["status"]) for end in ends] == [(2, "finished"), (1, "failed")]
    assert ends[1]["reason"].startswith("the job 4711_0 ended and left no result")


def test_a_sweep_that_is_stopped_keeps_a_checkpoint_and_withdraws_the_others(
    cluster: Path, toys: Project, begin: Begin, unit: MakeUnit
) -> None:
    sweep = begin("seed=0,1", overrides=("objective.pause=0.1", "objective.steps=1000"))
    staging = toys.store.path / "staging"

    def stop() -> bool:
        return bool(list(staging.glob("*/arrays.zarr/samples/ids")))

    ends = list(run_on_slurm([unit(sweep, 1), unit(sweep, 2)], stop))
    assert [(end["index"], end["status"]) for end in ends] == [(1, "interrupted"), (2, "interrupted")]
    assert ends[1]["reason"] == "stopped before it began"
    assert list(staging.glob("*/scratch/objective/checkpoint.safetensors"))


def test_a_loop_that_is_left_tells_its_jobs_to_stop(cluster: Path, begin: Begin, unit: MakeUnit) -> None:
    (cluster / "loses-0").touch()
    (cluster / "cancelled").touch()
    sweep = begin("seed=0,1")
    ends = run_on_slurm([unit(sweep, 1), unit(sweep, 2)], lambda: False)
    assert next(ends)["status"] == "failed"
    ends.close()
    assert list(sweep.folder.glob("slurm-*/stop"))


def test_what_slurm_refuses_is_said(
    cluster: Path, begin: Begin, unit: MakeUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = begin("seed=0")
    (cluster / "refuses").touch()
    with pytest.raises(UsageError, match=r"does not take the job array .*: sbatch: error: invalid partition") as caught:
        list(run_on_slurm([unit(sweep)], lambda: False))
    assert "--slurm" in caught.value.hint
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="needs the command sbatch, which is not on the path"):
        list(run_on_slurm([unit(sweep)], lambda: False))


def test_the_script_is_one_that_a_shell_reads(tmp_path: Path) -> None:
    folder = tmp_path / "a 'store' here"
    script = script_of(folder, 3, ["--partition=gpu"])
    assert "\n#SBATCH --array=0-2\n" in script
    assert "\n#SBATCH --partition=gpu\n" in script
    assert f'\n#SBATCH "--output={folder}/output-%a.txt"\n' in script
    called = script.replace("exec ", "printf '%s|' ")
    done = subprocess.run(
        ["sh", "-c", called], env={"SLURM_ARRAY_TASK_ID": "2"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("|")[-3:-1] == [str(folder), "2"]


def test_a_job_says_in_a_file_how_it_ended(toys: Project, begin: Begin, unit: MakeUnit, tmp_path: Path) -> None:
    told = unit(begin("seed=0"), stop_file=str(tmp_path / "stop"))
    (tmp_path / "unit-0.json").write_text(json.dumps(told))
    assert perform_in_job(tmp_path, 0)["status"] == "finished"
    assert json.loads((tmp_path / "end-0.json").read_text())["status"] == "finished"
