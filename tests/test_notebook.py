"""The notebook of examples/, executed in a kernel of its own; and what a kernel shows of progress and of errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "your-own-networks.ipynb"


def execute(notebook: Any, folder: Path) -> Any:
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(folder))
    return notebook


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("IDENTIFY_STORE", str(tmp_path / "store"))


def test_the_notebook_ends_with_an_answer(tmp_path: Path) -> None:
    done = execute(nbformat.read(NOTEBOOK, as_version=4), tmp_path)
    shown = [each["data"] for each in outputs(done) if "data" in each]
    pages = [data["text/html"] for data in shown if "text/html" in data]
    assert any("held-out residual" in page for page in pages)
    assert any("<table" in page for page in pages)
    assert list((tmp_path / "store" / "comparisons").glob("*/report.html"))


def test_a_notebook_shows_a_bar_and_an_error_as_one_message(tmp_path: Path) -> None:
    wrong = nbformat.v4.new_code_cell('import identify_core as ic\nic.run("genni", preset="smok")')
    wrong.metadata["tags"] = ["raises-exception"]
    bar = nbformat.v4.new_code_cell(
        "from identify_core.verbs.watching import watched\n"
        "with watched(False) as (display, _), display.progress('fit', 2, 'steps') as bar:\n    bar.advance()"
    )
    done = execute(nbformat.v4.new_notebook(cells=[wrong, bar]), tmp_path)
    (error,) = done.cells[0].outputs
    assert error["traceback"][0].startswith("error: ")
    assert error["traceback"][-1].startswith("hint: ")
    assert not any("Traceback" in line for line in error["traceback"])
    assert [each.output_type for each in done.cells[1].outputs] == ["display_data"]  # no words on standard error
