"""A store that an earlier version wrote opens, compares, evaluates and resumes; changed runs get a digest."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest

from identify_core.errors import StoreError
from identify_core.store import RunWriter, Store, StoredRun, verify_run
from identify_core.testing import toy_plugin
from identify_core.testing.fixtures import CommandLine, Project

DATA = Path(__file__).parent / "data"


@pytest.fixture(params=[1, 2], ids=lambda number: f"format-{number}")
def written_as(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def older(project: Project, written_as: int) -> Store:
    with tarfile.open(DATA / f"store-format-{written_as}.tar.gz") as archive:
        archive.extractall(project.path / "unpacked", filter="data")
    (project.path / "unpacked" / "store").rename(project.store.path)
    return project.store


def test_everything_in_it_is_read(older: Store, written_as: int) -> None:
    listed = {run.name: run for run in older.runs()}
    assert {name: run.status for name, run in listed.items()} == {
        "old": "finished",
        "arrays": "finished",
        "cut": "interrupted",
    }
    for run in [*listed.values(), older.find("comparison", kind="comparison")]:
        assert run.document["format"] == written_as
        assert verify_run(run) == []
    old = StoredRun(listed["old"])
    assert old.latents["hidden"].values(1).shape == (32, 4)
    assert set(old.findings) == {"outcome", "whole"}
    assert "toy:regression" in old.spec_text


def test_it_compares_evaluates_and_resumes(older: Store, identify: CommandLine, project: Project) -> None:
    shutil.copy(toy_plugin.__file__, project.path / "toy.py")  # the plugin that the runs were made with
    identify("--plugin-file", "toy.py", "resume", "cut", "--quiet")
    identify(
        "--plugin-file",
        "toy.py",
        "run",
        "toy",
        "--set",
        "name=whole",
        "--set",
        "replicates=2",
        "--set",
        "objective.steps=60",
        "--quiet",
    )
    resumed, whole = (StoredRun(older.find(name)) for name in ("cut", "whole"))
    assert resumed.latents["hidden"].values(1).tobytes() == whole.latents["hidden"].values(1).tobytes()
    assert resumed.document["format"] == 2
    identify("--plugin-file", "toy.py", "evaluate", "old", "--evaluator", "toy:whole", "--label", "again")
    identify("compare", "old", "cut", "--trust-ids", "--evaluator", "measures:linear-cka")
    assert older.find("old").document["format"] == 2
    assert verify_run(older.find("old")) == []
    assert json.loads((older.find("old").folder / "run.json").read_text())["sha256"]


def test_a_staged_spec_that_changed_is_not_resumed(older: Store) -> None:
    spec = older.find("cut").folder / "spec.toml"
    spec.write_text(spec.read_text().replace("steps = 60", "steps = 61"))
    with pytest.raises(StoreError, match=r"spec of the run .*-cut-.* cannot be read: it changed since it was written"):
        RunWriter.resume(older, "cut")
    assert older.find("cut").status == "interrupted"
