"""What `identify compare` of two arrays costs before it answers: modules imported, files synced, figures drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

COUNTING = """
import json, os, sys
synced, original = [], os.fsync
os.fsync = lambda descriptor: (synced.append(os.readlink(f"/proc/self/fd/{descriptor}")), original(descriptor))[1]
from identify_core.cli.root import run_command_line
assert run_command_line(["compare", "a.npy", "b.npy", "--quiet", *sys.argv[1:]]) == 0
print(json.dumps({"modules": sorted(sys.modules), "synced": synced}), file=sys.stderr)
"""
UNUSED = ("matplotlib", "plotly", "scipy.stats", "sklearn", "pandas", "jinja2", "xarray", "torch._dynamo")


def counted(folder: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return found


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    """A folder with two arrays, one of them the other one rotated."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 8))
    rotation, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    np.save(tmp_path / "a.npy", values)
    np.save(tmp_path / "b.npy", values @ rotation)
    return tmp_path


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="says which files are synced from /proc")
def test_an_answer_imports_no_drawing_draws_no_figure_and_syncs_each_file_once(arrays: Path) -> None:
    found = counted(arrays)
    assert [name for name in UNUSED if name in found["modules"]] == []
    assert len(found["modules"]) < 2300
    (comparison,) = (arrays / "identify-store" / "comparisons").iterdir()
    assert not list(comparison.rglob("*.png"))
    assert not (comparison / "report.html").exists()
    places = sum(1 for _ in comparison.rglob("*"))
    # Each file and folder once at the commit; run.json, the spec and the store's own records as they are written.
    assert len(found["synced"]) < places + 60
    array_files = [name for name in found["synced"] if "arrays.zarr" in name]
    assert len(array_files) == len(set(array_files))


def test_the_page_is_drawn_when_it_is_asked_for(arrays: Path) -> None:
    assert "matplotlib" in counted(arrays, "--report")["modules"]
    (comparison,) = (arrays / "identify-store" / "comparisons").iterdir()
    assert len(list(comparison.rglob("*.png"))) == 1  # the ladder: two representations have no heat map
    assert "<h1" in (comparison / "report.html").read_text(encoding="utf-8")
