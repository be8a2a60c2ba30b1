"""A lock lives as long as its process: also after SIGKILL, next to forked children, and where there are no locks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from identify_core.errors import StoreError
from identify_core.store import locks
from identify_core.store.folder import Folder

HOLD = """
import sys, time
from pathlib import Path
from identify_core.store import locks
from identify_core.store.folder import Folder
path = Path(sys.argv[1])
lock = locks.acquire(Folder.open(path.parent), path.name)
{more}
print("held", flush=True)
time.sleep(60)
"""


def acquire(path: Path, **options: Any) -> locks.Lock:
    with Folder.open(path.parent) as folder:
        return locks.acquire(folder, path.name, **options)


def hold(path: Path, more: str = "") -> subprocess.Popen[str]:
    """A process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(more=more), str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_lock_is_alive_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    assert not locks.is_alive(path)
    with acquire(path):
        assert locks.is_alive(path)
    assert not locks.is_alive(path)


def test_looking_at_a_lock_does_not_release_it(tmp_path: Path) -> None:
    with acquire(tmp_path / "run.lock"):
        for _ in range(3):
            assert locks.is_alive(tmp_path / "run.lock")


def test_a_second_writer_is_told_who_holds_it(tmp_path: Path) -> None:
    process = hold(tmp_path / "run.lock")
    try:
        with pytest.raises(StoreError, match=f"the run run is being written by process {process.pid} on"):
            acquire(tmp_path / "run.lock", wait=0)
    finally:
        kill(process)


def test_sigkill_frees_the_lock(tmp_path: Path) -> None:
    process = hold(tmp_path / "run.lock")
    assert locks.is_alive(tmp_path / "run.lock")
    kill(process)
    assert not locks.is_alive(tmp_path / "run.lock")
    acquire(tmp_path / "run.lock").release(remove=True)
    assert not (tmp_path / "run.lock").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_that_outlives_its_parent_does_not_keep_a_run_alive(tmp_path: Path) -> None:
    fork = (
        "import os\nchild = os.fork()\nif not child: time.sleep(60)\nprint(child, file=open(sys.argv[1] + '.pid', 'w'))"
    )
    process = hold(tmp_path / "run.lock", more=fork)
    child = int((tmp_path / "run.lock.pid").read_text())
    try:
        assert locks.is_alive(tmp_path / "run.lock")
        kill(process)
        assert not locks.is_alive(tmp_path / "run.lock")
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="process ids are not looked at on Windows")
class TestWithoutLocks:
    """Where the operating system or the file system has no locks, the process id decides."""

    @pytest.fixture(autouse=True)
    def _no_locks(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(locks, "_try_lock", lambda descriptor, shared=False: None)

    def test_the_living_process_holds_it(self, tmp_path: Path) -> None:
        with acquire(tmp_path / "run.lock"):
            assert locks.is_alive(tmp_path / "run.lock")
            with pytest.raises(StoreError, match="is being written by process"):
                acquire(tmp_path / "run.lock", wait=0)

    def test_a_dead_process_does_not(self, tmp_path: Path) -> None:
        process = hold(tmp_path / "run.lock")
        assert locks.is_alive(tmp_path / "run.lock")
        kill(process)
        assert not locks.is_alive(tmp_path / "run.lock")
        acquire(tmp_path / "run.lock").release()

    def test_another_process_that_got_the_same_id_does_not(self, tmp_path: Path) -> None:
        path = tmp_path / "run.lock"
        lock = acquire(path)
        owner = json.loads(path.read_text())
        path.write_text(json.dumps(owner | {"started": owner["started"] - 1}))
        assert not locks.is_alive(path)
        lock.release()

    def test_a_process_of_another_machine_counts_as_alive(self, tmp_path: Path) -> None:
        path = tmp_path / "run.lock"
        lock = acquire(path)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"machine": "elsewhere", "pid": 2**22 + 1}))
        assert locks.is_alive(path)
        lock.release()


def test_a_lock_file_that_says_nothing_is_judged_by_the_lock_alone(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text("{")
    assert locks.read_owner(tmp_path / "run.lock") is None
    assert not locks.is_alive(tmp_path / "run.lock")


def test_a_lock_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "run.lock").mkdir()
    with pytest.raises(StoreError, match=r"cannot lock the run at .*: Is a directory"):
        acquire(tmp_path / "run.lock")


@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_a_lock_that_is_a_link_is_refused_and_what_it_points_to_is_left_alone(tmp_path: Path, make: Any) -> None:
    (tmp_path / "thesis").write_text("precious")
    make(tmp_path / "thesis", tmp_path / "run.lock")
    with pytest.raises(StoreError, match=r"cannot lock the run at .*: it is a (hard )?link"):
        acquire(tmp_path / "run.lock")
    assert not locks.is_alive(tmp_path / "run.lock")
    assert (tmp_path / "thesis").read_text() == "precious"


@pytest.mark.parametrize("pid", [-1, 0, 10**30])
def test_a_lock_file_with_an_absurd_process_id_is_not_alive(tmp_path: Path, pid: int) -> None:
    lock = acquire(tmp_path / "run.lock")
    owner = json.loads((tmp_path / "run.lock").read_text())
    lock.release()
    (tmp_path / "run.lock").write_text(json.dumps(owner | {"pid": pid, "locked": False}))
    assert not locks.is_alive(tmp_path / "run.lock")


def test_a_full_disk_does_not_hinder_a_lock(tmp_path: Path, monkeypatch: Any) -> None:
    def full(*_: Any, **__: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(locks.json, "dumps", full)
    with acquire(tmp_path / "run.lock"):
        assert locks.is_alive(tmp_path / "run.lock")
