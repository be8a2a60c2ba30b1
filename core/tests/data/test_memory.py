"""Data larger than memory: what the path from file to batch adds to the process's own memory, measured in processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROCESS = Path(__file__).with_name("mapped_process.py")
IMAGE = 64 * 64 * 3

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not tell anonymous memory"
)


def measure(folder: Path, count: int, kind: str) -> dict[str, Any]:
    folder.mkdir()
    arguments = [sys.executable, str(PROCESS), str(folder), str(count), kind]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        found |= json.loads(line)
    return found


def added_megabytes(tmp_path: Path, count: int) -> float:
    """What all images in a file take more than one batch in memory."""
    mapped, resident = (measure(tmp_path / kind, count, kind) for kind in ("mapped", "resident"))
    sys.stderr.write(f"{count * IMAGE / 1e9:.2f} GB: {mapped}, one batch in memory: {resident}\n")
    return (mapped["kilobytes"] - resident["kilobytes"]) / 1024


def test_a_file_adds_a_few_blocks_to_the_memory_of_a_training(tmp_path: Path) -> None:
    """60 MB as a rule, 160 MB where two blocks are held at the moment of a look; a copy of the file would add 300."""
    assert added_megabytes(tmp_path, 300_000_000 // IMAGE) < 200


@pytest.mark.slow
def test_a_file_of_six_gigabytes_adds_less_than_300_megabytes(tmp_path: Path) -> None:
    assert added_megabytes(tmp_path, 480_000) < 300
