"""Figures: one style without global state, and files that carry their caption and never their date."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from identify_core.errors import StoreError, UsageError
from identify_core.findings import Figure
from identify_core.reports.figures import FORMATS, INK, PALETTE, heat_map, house_style, new_figure, save_figure

Draw = Callable[..., Figure]

INTERACTIVE = "<div id='p'></div><script>Plotly.newPlot('p', [{y: [1, 2]}])</script>"


def test_the_style_ends_with_its_block_even_after_an_error() -> None:
    before = dict(matplotlib.rcParams)

    def draw_and_fail() -> None:
        with house_style():
            assert matplotlib.rcParams["axes.grid"] is True
            raise RuntimeError

    with pytest.raises(RuntimeError):
        draw_and_fail()
    assert dict(matplotlib.rcParams) == before


def test_pyplot_stays_out() -> None:
    code = (
        "import sys; from identify_core.reports import new_figure; new_figure(); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_figure_has_the_axes_and_the_size_that_were_asked_for() -> None:
    figure, axes = new_figure(2, 3, width=7, height=4, title="Six", sharex=True)
    assert axes.shape == (2, 3)
    assert tuple(figure.get_size_inches()) == (7, 4)
    assert figure.get_suptitle() == "Six"
    _, solid = new_figure(projection="3d")
    assert solid.name == "3d"


def _linear(colour: str) -> np.ndarray:
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


# Viénot, Brettel & Mollon (1999), Digital video colourmaps for checking the legibility of displays by dichromats.
PROTAN = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
DEUTAN = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])


@pytest.mark.parametrize("seen_by", [np.eye(3), PROTAN, DEUTAN], ids=["normal", "protanope", "deuteranope"])
def test_the_colours_differ_for_every_kind_of_eye(seen_by: np.ndarray) -> None:
    seen = [np.clip(seen_by @ _linear(colour), 0, 1) ** (1 / 2.2) for colour in PALETTE]
    distances = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(distances) > 0.1


def test_every_format_is_written_under_the_figures_name(draw: Draw, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    files = save_figure(draw(interactive=INTERACTIVE), tmp_path / "deep" / "er", FORMATS)
    assert [each.name for each in files] == ["slice.png", "slice.svg", "slice.pdf", "slice.html"]
    heads = [each.read_bytes()[:5] for each in files]
    assert heads == [b"\x89PNG\r", b"<?xml", b"%PDF-", b"<!doc"]
    assert sorted(os.listdir(tmp_path / "deep" / "er")) == sorted(each.name for each in files)


def test_the_caption_is_inside_the_files(draw: Draw, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    figure = draw(caption="Loss along ε & σ.", interactive=INTERACTIVE)
    png, svg, pdf, html = save_figure(figure, tmp_path, FORMATS)
    with Image.open(png) as image:
        assert image.info["Description"] == "Loss along ε & σ."
        assert image.info["Software"].startswith("identify-core ")
    assert "Loss along ε &amp; σ." in svg.read_text(encoding="utf-8")
    assert "Loss along ε & σ.".encode("utf-16-be") in pdf.read_bytes()
    assert "Loss along ε &amp; σ." in html.read_text(encoding="utf-8")


def test_the_same_figure_gives_the_same_bytes(draw: Draw, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    one = save_figure(draw(interactive=INTERACTIVE), tmp_path / "one", FORMATS)
    two = save_figure(draw(interactive=INTERACTIVE), tmp_path / "two", FORMATS)
    assert [each.read_bytes() for each in one] == [each.read_bytes() for each in two]


def test_a_still_figure_has_no_interactive_file(draw: Draw, tmp_path: Path) -> None:
    assert save_figure(draw(), tmp_path, ("html",)) == []


@pytest.mark.parametrize("name", ["../up", "a/b", "A", "", "a.b", ".hidden"])
def test_a_name_that_is_no_file_name_is_refused(draw: Draw, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot become a file name"):
        save_figure(draw(name=name), tmp_path / "inner")
    assert not list(tmp_path.rglob("*.png"))


def test_an_unknown_format_is_refused(draw: Draw, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not written as 'gif'") as caught:
        save_figure(draw(), tmp_path, ("png", "gif"))
    assert "png, svg, pdf, html" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_said(draw: Draw, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="'slice' cannot be written to"):
        save_figure(draw(), tmp_path / "file")


def test_a_failed_writing_leaves_the_old_file(draw: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (old,) = save_figure(draw(), tmp_path)
    before = old.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    figure: Figure = draw(caption="Another.")
    monkeypatch.setattr(figure.static, "savefig", fail)
    with pytest.raises(StoreError, match="No space left"):
        save_figure(figure, tmp_path)
    assert old.read_bytes() == before


def test_a_heat_map_leaves_a_cell_without_a_number_empty_and_writes_so_that_it_can_be_read() -> None:
    with house_style():
        figure, axes = new_figure()
        image = heat_map(axes, [[0.0, np.nan], [0.4, 1.0]], rows=["a", "b"], label="share", written="{:.1f}".format)
    assert image.get_clim() == (0.0, 1.0)
    assert image.get_array().mask.tolist() == [[False, True], [False, False]]
    assert [(text.get_text(), text.get_color()) for text in axes.texts] == [
        ("0.0", "white"),
        ("0.4", "white"),
        ("1.0", INK),
    ]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "b"]
    assert figure.axes[1].get_ylabel() == "share"
    assert not any(spine.get_visible() for spine in axes.spines.values())
