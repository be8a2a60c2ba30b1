"""Files that appear whole or not at all, and the folder around them after a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from identify_core import replacing


def test_a_file_takes_its_place_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with replacing(path) as draft:
        draft.write_text("one")
        assert not path.exists()
    with replacing(path) as draft:
        draft.write_text("two")
        assert path.read_text() == "one"
    assert path.read_text() == "two"
    assert os.listdir(path.parent) == ["a.txt"]


def test_the_ending_is_the_files_own(tmp_path: Path) -> None:
    """NumPy adds `.npz` to a name without it."""
    with replacing(tmp_path / "a.npz") as draft:
        np.savez(draft, x=np.arange(3))
    assert os.listdir(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt(), SystemExit(1)])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")

    def fail() -> None:
        with replacing(path) as draft:
            draft.write_text("tw")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "one"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    with pytest.raises(FileNotFoundError), replacing(path):
        pass
    assert path.read_text() == "one"


def test_a_folder_takes_the_place_of_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with replacing(path) as draft:
        draft.mkdir()
        (draft / "a.txt").write_text("one")
    assert (path / "a.txt").read_text() == "one"
    with pytest.raises(OSError, match="not empty"), replacing(path) as draft:
        draft.mkdir()
    assert (path / "a.txt").read_text() == "one"
    assert os.listdir(tmp_path) == ["folder"]


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom identify_core import replacing\n"
        "with replacing(Path(sys.argv[1])) as draft:\n"
        "    draft.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
