"""`identify report`: one page, in the run's folder or elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from identify_core.cli.root import run_command_line
from identify_core.findings import Finding
from identify_core.store import RunWriter, Store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one committed run."""
    with RunWriter.create(Store(tmp_path / "store"), name="shells", plugin="toy") as writer:
        writer.write_spec("")
        writer.write_finding("whole", Finding(summary="The answer."), evaluator="toy:whole", options={})
        writer.commit()
    return tmp_path / "store"


def report(store: Path, *arguments: str) -> int:
    return run_command_line(["--store", str(store), "report", "@last", *arguments])


def test_the_page_lands_in_the_runs_folder(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(store) == 0
    page = Path(capsys.readouterr().out.strip())
    assert page.name == "report.html"
    assert page.parent.parent == (store / "runs").resolve()
    assert "The answer." in page.read_text(encoding="utf-8")


def test_the_page_lands_where_it_is_asked_for(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(store, "--output", str(tmp_path / "new" / "page.html"), "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    page = (tmp_path / "new" / "page.html").resolve()
    assert printed["schema"] == "identify/report/1"
    assert printed["report"] == str(page)
    assert printed["bytes"] == page.stat().st_size
    assert not list((store / "runs").rglob("report.html"))


def test_a_staged_run_has_a_page_too(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunWriter.create(Store(store), name="half", plugin="toy") as writer:
        writer.write_spec("")
    assert run_command_line(["--store", str(store), "report", "half"]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")
    assert 'data-status="interrupted"' in page


def test_open_hands_the_page_to_the_browser(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: bool(opened.append(address)))
    assert report(store, "--open") == 0
    captured = capsys.readouterr()
    assert opened == [Path(captured.out.strip()).as_uri()]
    assert "no browser could be opened" in captured.err


def test_a_run_that_is_not_there_is_a_store_error(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--store", str(store), "report", "nothing"]) == 4
    assert "'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["plot", "report"])
def test_help_imports_nothing_heavy(verb: str) -> None:
    code = (
        "import sys; from identify_core.cli.root import run_command_line; "
        f"assert run_command_line(['{verb}', '--help']) == 0; "
        "heavy = {'torch', 'numpy', 'zarr', 'matplotlib', 'rich'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
