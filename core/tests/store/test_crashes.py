"""Real processes, killed, starved of room and started at once: what was whole stays whole, what was not says so."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from identify_core.errors import StoreError
from identify_core.findings import Finding
from identify_core.store import RunWriter, Store, verify_run

ENDLESS = """
import sys
import numpy as np
from identify_core.findings import Finding, LabelledArray
from identify_core.store import RunAppender, RunWriter, Store

store = Store(sys.argv[1])
grid = LabelledArray(values=np.arange(1000.0).reshape(10, 100), dimensions=("u", "v"))
print("ready", flush=True)
for i in range(int(sys.argv[2])):
    with RunWriter.create(store, name="endless", plugin="toy") as writer:
        writer.write_spec("seed = 1")
        writer.write_weights({f"parameters/{k}": np.full((3, 5), i) for k in range(3)})
        writer.write_history({"loss": (np.arange(5), np.ones((5, 3)))})
        writer.write_finding("first", Finding(arrays={"grid": grid}), evaluator="", options={})
        writer.commit()
    run = store.find(writer.id)
    for label in ("second", "first"):
        appender = RunAppender(store, run, replace=True)
        appender.write_finding(label, Finding(summary=label, arrays={"grid": grid}), evaluator="", options={})
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_sigkill_at_any_moment_leaves_the_store_intact(store: Store) -> None:
    moments = random.Random(0)
    dead: set[str] = set()
    for goal in range(1, 7):
        process = start(ENDLESS, store.path, 10_000)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            while sum(run.status == "finished" for run in store.runs()) < goal:
                time.sleep(0.02)
            time.sleep(moments.uniform(0.0, 0.4))
            alive = {run.status for run in store.runs() if run.id not in dead}
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert alive <= {"running", "finished"}
        dead = {run.id for run in store.runs() if run.status != "finished"}
    runs = store.runs()
    assert {run.status for run in runs} <= {"finished", "interrupted", "never began"}
    assert sum(run.status == "finished" for run in runs) >= 6
    assert sum(run.status != "finished" for run in runs) <= 6
    for path in store.leftovers():
        store.delete_leftover(path)
    assert store.leftovers() == []
    for run in runs:
        if run.committed:
            assert verify_run(run) == []
            found = store.open(run.id).findings
            assert all(found[label].finding.arrays["grid"].values.shape == (10, 100) for label in found)
        elif run.status == "interrupted":
            with RunWriter.resume(store, run.id) as writer:
                writer.commit()
            assert verify_run(store.find(run.id)) == []


def test_two_at_once_in_one_new_store_both_land(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store"
    processes = [start(ENDLESS, path, 3) for _ in range(3)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, ""), out
    runs = Store(path).runs()
    assert len({run.id for run in runs}) == 9
    assert all(run.status == "finished" and verify_run(run) == [] for run in runs)
    assert os.listdir(path / "staging") == []


FULL = """
import resource, sys
import numpy as np
from identify_core.errors import StoreError
from identify_core.findings import Finding
from identify_core.store import RunWriter, Store

store = Store(sys.argv[1])
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with RunWriter.create(store, name="large", plugin="toy") as writer:
        writer.write_spec("seed = 1")
        writer.write_weights({"parameters/a": np.ones((4, 1_000_000), dtype="f4")})
        writer.commit()
except StoreError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_file_that_may_not_grow_is_one_message_and_nothing_is_lost(store: Store) -> None:
    with RunWriter.create(store, name="before", plugin="toy") as writer:
        writer.commit()
    out, err = start(FULL, store.path, 1_000_000).communicate(timeout=60)
    assert (out.count("\n"), err) == (1, "")
    assert "the disk is full or a size limit is reached (File too large)" in out
    assert [run.status for run in store.runs()] == ["finished", "interrupted"]
    assert verify_run(store.runs()[0]) == []


@pytest.mark.skipif(not shutil.which("mount") or sys.platform != "linux", reason="needs a small file system")
def test_a_full_disk_is_one_message_and_nothing_is_lost(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        store = Store(small / "store")
        with RunWriter.create(store, name="before", plugin="toy") as writer:
            writer.commit()
        out, err = start(FULL, store.path, 0).communicate(timeout=60)
        assert (out.count("\n"), err) == (1, "")
        assert "the disk is full or a size limit is reached (No space left on device); 16 MB were to be written" in out
        assert "MB are missing" in out
        assert [run.status for run in store.runs()] == ["finished", "interrupted"]
        assert verify_run(store.runs()[0]) == []
        store.remove(store.runs()[1])
        assert [run.status for run in store.runs()] == ["finished"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_store_below_a_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make a store at .*: Not a directory"):
        RunWriter.create(Store(tmp_path / "file" / "store"), name="a", plugin="b")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_store_is_one_message_and_can_be_read(store: Store) -> None:
    with RunWriter.create(store, name="a", plugin="b") as writer:
        writer.commit()
    for folder in (store.path, *store.path.iterdir()):
        if folder.is_dir():
            folder.chmod(0o555)
    try:
        with pytest.raises(StoreError, match="it is read-only or belongs to somebody else"):
            RunWriter.create(store, name="a", plugin="b")
        assert [run.status for run in store.runs()] == ["finished"]
    finally:
        for folder in (store.path, *store.path.iterdir()):
            if folder.is_dir():
                folder.chmod(0o755)


def test_a_finding_whose_writing_was_cut_short_is_no_part_of_the_run(store: Store) -> None:
    with RunWriter.create(store, name="cut", plugin="toy") as writer:
        writer.write_spec("seed = 1")
        writer.write_finding("whole", Finding(summary="whole"), evaluator="", options={})
        writer.write_finding("cut", Finding(summary="cut"), evaluator="", options={})
        del writer.document["findings"]["cut"]  # as a kill leaves it: the group is there, run.json does not name it
        writer.commit()
    run = store.find(writer.id)
    assert verify_run(run) == []
    assert list(store.open(run.id).findings) == ["whole"]
