"""A store on a read-only file system: what reads works, what writes is one message and changes nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from identify_core.cli.root import run_command_line
from identify_core.testing.fixtures import InstallDistribution, Project

pytestmark = pytest.mark.skipif(not shutil.which("mount") or sys.platform != "linux", reason="needs a file system")
WRITING = ["evaluate @last --evaluator toy:whole --label more", "run toy --preset smoke", "runs rm @last --yes"]
READING = [
    "runs ls",
    "runs show @last",
    "runs verify @last",
    "runs export @last --to out.npz",
    "plot @last --output drawn",
]


@pytest.fixture
def read_only(
    project: Project, install_distribution: InstallDistribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """The words that name a store with one run, on a file system that has become read-only."""
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"}, modules={})
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        project.run("toy", preset="smoke")
        shutil.move(project.store.path, disk / "store")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        monkeypatch.chdir(project.path)
        yield ["--store", str(disk / "store")]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_writes_says_so_once(read_only: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    for words in WRITING:
        assert run_command_line([*read_only, *words.split()]) == 4, words
        said = capfd.readouterr().err
        assert said.count("error: ") == 1, said
        assert "it is read-only or belongs to somebody else" in said


def test_what_reads_works(read_only: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    for words in READING:
        assert run_command_line([*read_only, *words.split()]) == 0, capfd.readouterr().err
