"""Comparisons are things: what lists, shows, draws, exports, verifies and removes runs takes them, too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from identify_core.cli.root import run_command_line
from identify_core.store import RunWriter, Store


@pytest.fixture
def compared(tmp_path: Path) -> Store:
    """A store with a comparison of two arrays, made as `identify compare` makes it."""
    values = np.random.default_rng(0).normal(size=(60, 3))
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", values)
    arguments = ["compare", str(tmp_path / "a.npy"), str(tmp_path / "b.npy"), "--evaluator", "measures:linear-cka"]
    assert run_command_line([*arguments, "--quiet", "--store", str(tmp_path / "compared")]) == 0
    return Store(tmp_path / "compared")


def test_comparisons_are_listed_under_their_own_heading(compared: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with RunWriter.create(compared, name="mine", plugin="toy") as writer:
        writer.write_spec("")
        writer.commit()
    capsys.readouterr()
    at = ["--store", str(compared.path)]
    assert run_command_line([*at, "runs", "ls"]) == 0
    runs, comparisons = capsys.readouterr().out.split("\n\n")
    assert runs.startswith("run ")
    assert comparisons.startswith("comparison ")
    assert "linear-cka 1" in comparisons
    assert run_command_line([*at, "runs", "ls", "--kind", "comparison", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert "runs" not in listed
    assert [each["name"] for each in listed["comparisons"]] == ["comparison"]


def test_every_verb_of_runs_takes_a_comparison(
    compared: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (comparison,) = compared.comparisons()
    at = ["--store", str(compared.path)]
    capsys.readouterr()
    for reference in ("@comparison", comparison.id, comparison.id[-4:]):
        assert run_command_line([*at, "runs", "show", reference]) == 0
        assert capsys.readouterr().out.startswith("linear-cka 1 (95 % interval")
    assert run_command_line([*at, "report", "@comparison"]) == 0
    assert capsys.readouterr().out.strip().endswith(f"comparisons/{comparison.id}/report.html")
    assert run_command_line([*at, "runs", "export", "@comparison", "--to", str(tmp_path / "out.npz")]) == 0
    assert run_command_line([*at, "runs", "verify"]) == 0
    assert f"{comparison.id}  ok" in capsys.readouterr().out
    assert run_command_line([*at, "runs", "rm", "@comparison", "--yes"]) == 0
    assert compared.comparisons() == []
    assert run_command_line([*at, "runs", "show", comparison.id]) == 4
    assert f"no run and no comparison '{comparison.id}' is in the store" in capsys.readouterr().err
