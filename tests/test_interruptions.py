"""Real processes killed, interrupted and run at once: the store stays whole and `resume` ends with the same arrays."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.store import Store, StoredRun
from identify_core.testing.command_line import CommandLine

# Slow enough to be hit while it trains or evaluates, quick enough to be run several times.
SPEC = (
    "run",
    "genni",
    "--preset",
    "smoke",
    "--set",
    "objective.steps=800",
    "--set",
    "dataset.samples=1024",
    "--checkpoint-every",
    "0.05",
    "--quiet",
)


def arrays(run: StoredRun) -> dict[str, Any]:
    """Every number that a run stores, by name."""
    found: dict[str, Any] = dict(run.weights())
    for name, latents in run.latents.items():
        found |= {f"{name}[{replicate}]": latents.values(replicate) for replicate in range(latents.count)}
    for name, (steps, values) in run.history().items():
        found |= {f"{name}.steps": steps, f"{name}.values": values}
    for label, stored in run.findings.items():
        found |= {f"{label}.{name}": array.values for name, array in stored.finding.arrays.items()}
    return found


def only_run(folder: Path) -> StoredRun:
    (summary,) = Store(folder).runs()
    return StoredRun(summary)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    identify = CommandLine(tmp_path_factory.mktemp("whole"))
    identify(*SPEC)
    return arrays(only_run(identify.folder / "identify-store"))


def assert_same(run: StoredRun, expected: dict[str, Any]) -> None:
    found = arrays(run)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def wait_for(condition: Any, process: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the process ended before it could be interrupted"
        assert time.monotonic() < end, "the process never came so far"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "moment", ["spec.toml", "scratch/objective/checkpoint.safetensors", "arrays.zarr/latents/hidden-1"]
)
def test_a_killed_run_resumes_to_the_same_arrays(
    identify: CommandLine, uninterrupted: dict[str, Any], moment: str
) -> None:
    process = identify.start(*SPEC)
    staging = identify.folder / "identify-store" / "staging"
    wait_for(lambda: list(staging.glob(f"*/{moment}")), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (run,) = identify.json("runs", "ls")["runs"]
    assert run["status"] == "interrupted"
    identify("resume", run["id"], "--quiet")
    assert_same(only_run(identify.folder / "identify-store"), uninterrupted)
    identify("runs", "verify")


def test_ctrl_c_leaves_a_checkpoint_and_resumes_to_the_same_arrays(
    identify: CommandLine, uninterrupted: dict[str, Any]
) -> None:
    process = identify.start(*SPEC)
    staging = identify.folder / "identify-store" / "staging"
    wait_for(lambda: list(staging.glob("*/scratch/objective/checkpoint.safetensors")), process)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "identify resume" in message
    identify("resume", "@last", "--quiet")
    assert_same(only_run(identify.folder / "identify-store"), uninterrupted)


def test_two_runs_at_once_both_land(identify: CommandLine) -> None:
    arguments = ("run", "genni", "--preset", "smoke", "--quiet", "--set", "evaluators=[]")
    processes = [identify.start(*arguments) for _ in range(2)]
    for process in processes:
        _, message = process.communicate(timeout=120)
        assert process.returncode == 0, message
    runs = identify.json("runs", "ls")["runs"]
    assert [run["status"] for run in runs] == ["finished", "finished"]
    assert len({run["id"] for run in runs}) == 2


def test_a_store_that_is_a_file_or_of_a_newer_format_is_one_message(identify: CommandLine) -> None:
    (identify.folder / "file").write_text("")
    message = identify("--store", "file", "run", "genni", "--preset", "smoke", "--quiet", status=4).stderr
    assert "file" in message
    store = identify.folder / "newer"
    store.mkdir()
    (store / "store.json").write_text('{"format": 999}')
    assert "newer" in identify("--store", "newer", "runs", "ls", status=4).stderr
