"""`identify plot`: files on stdout, reasons on stderr, and a run that stays as it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from identify_core.cli.invocation import Invocation
from identify_core.cli.root import run_command_line
from identify_core.findings import Finding, LabelledArray
from identify_core.plugins import load_registry
from identify_core.store import RunWriter, Store
from identify_core.testing import toy_plugin

LOSSES = Finding(arrays={"losses": LabelledArray(values=np.array([1.0, 2.0]), dimensions=("replicate",))})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one run of the toy plugin; the current folder is an empty one."""

    def registry(_: Invocation, **__: Any) -> Any:
        return load_registry(extra={"toy": toy_plugin})

    monkeypatch.setattr(Invocation, "registry", registry)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with RunWriter.create(Store(tmp_path / "store"), name="shells", plugin="toy") as writer:
        writer.write_spec("")
        writer.write_finding("whole", LOSSES, evaluator="toy:whole", options={})
        writer.write_finding("empty", Finding(), evaluator="toy:norm", options={})
        writer.commit()
    return tmp_path / "store"


def fingerprint(folder: Path) -> dict[str, str]:
    files = [each for each in folder.rglob("*") if each.is_file()]
    return {str(each.relative_to(folder)): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def plot(store: Path, *arguments: str) -> int:
    return run_command_line(["--store", str(store), "plot", "shells", *arguments])


def test_pictures_go_to_a_folder_here_and_the_run_stays_as_it_is(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = fingerprint(store)
    assert plot(store) == 0
    (file,) = capsys.readouterr().out.splitlines()
    assert file.startswith("figures-")
    assert file.endswith("-shells-" + file.split("/")[0][-4:] + "/whole/losses.png")
    assert Path(file).read_bytes().startswith(b"\x89PNG")
    assert fingerprint(store) == before


def test_formats_output_and_only_do_what_they_say(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--format", "svg", "--format", "pdf", "--only", "whole", "--output", str(tmp_path / "out"), "--json"]
    assert plot(store, *arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["schema"] == "identify/figures/1"
    (finding,) = printed["findings"]
    assert finding["files"] == [str(tmp_path / "out" / "whole" / f"losses.{kind}") for kind in ("svg", "pdf")]
    assert finding["problem"] is None


def test_an_unknown_label_is_a_usage_error(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plot(store, "--only", "whol") == 2
    assert "did you mean 'whole'?" in capsys.readouterr().err


def test_a_run_without_pictures_says_so(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plot(store, "--only", "empty") == 2
    assert "holds no finding that is drawn as png" in capsys.readouterr().err
    assert plot(store, "--format", "html") == 2
    assert "not every figure has an interactive view" in capsys.readouterr().err


def test_a_finding_that_cannot_be_drawn_is_exit_status_one(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Invocation, "registry", lambda _: load_registry(only=()))
    assert plot(store) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "warning: whole was not drawn:" in captured.err
    assert "there is no plugin 'toy'" in captured.err
