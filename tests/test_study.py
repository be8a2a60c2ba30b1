"""Expectations of a study: a claim about two representations is an exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.cli.root import run_command_line
from identify_core.testing.fixtures import Project

STUDY = """
[[comparisons]]
label = "rotated"
of = ["a.npy", "b.npy"]
evaluators = ["measures:ladder"]
expect = "orthogonal"

[[comparisons]]
label = "copied"
of = ["a.npy", "b.npy"]
evaluators = ["measures:ladder"]
expect = "{expect}"

[[comparisons]]
label = "theirs"
of = ["not-here.npy", "a.npy"]
optional = true
expect = "identity"
"""


@pytest.fixture
def arrays(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(400, 5))
    rotation, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    np.save(project.path / "a.npy", a)
    np.save(project.path / "b.npy", a @ rotation)
    monkeypatch.chdir(project.path)
    return project.path


@pytest.mark.parametrize(("expect", "status"), [("linear", 0), ("identity", 1)])
def test_a_claim_is_an_exit_status(
    arrays: Path, project: Project, capfd: pytest.CaptureFixture[str], expect: str, status: int
) -> None:
    project.write_spec(STUDY.replace("{expect}", expect), "claims.toml")
    assert run_command_line(["study", "claims.toml", "--quiet", "--json"]) == status
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    rotated, copied, theirs = document["comparisons"]
    assert (rotated["met"], copied["met"], theirs["met"]) == (True, status == 0, None)
    assert rotated["answer"].startswith("orthogonal: a rotation or reflection carries a onto b; held-out residual")
    assert theirs["left_out"].endswith("is not there")
    if status:
        assert copied["below"] == [["a.npy", "b.npy", "orthogonal"]]
        assert document["answer"].startswith("1 of 2 expectations hold")
    assert run_command_line(["study", "claims.toml", "--quiet"]) == status  # found again, and judged as before
    said = capfd.readouterr().out
    assert ("does not hold" in said) is bool(status)


STUDIES = Path(__file__).parents[1] / "examples" / "studies"


@pytest.mark.parametrize("name", sorted(each.stem for each in STUDIES.glob("*.toml")))
def test_each_example_of_a_study_can_be_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(project.path)
    assert run_command_line(["study", str(STUDIES / f"{name}.toml"), "--check"]) == 0, capfd.readouterr().err
    assert "are left" in capfd.readouterr().out


@pytest.mark.slow
def test_the_atlas_puts_five_studies_side_by_side(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project.path)
    assert run_command_line(["study", str(STUDIES / "atlas.toml"), "--quiet", "--json"]) == 0
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert [run["runs"][0]["status"] for run in document["runs"]] == ["finished"] * 5
    answers = {each["label"]: each["answer"] for each in document["comparisons"]}
    assert answers["genni-outputs"].startswith("identity: ")
    assert not any(each["failed"] or each["failures"] for each in document["comparisons"])
