"""Pictures of a run as its folder keeps them, shown with their captions and their interactive views."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from markupsafe import Markup

from identify_core.errors import StoreError
from identify_core.reports.interactive import has_plotly, pack
from identify_core.reports.templating import render
from identify_core.store.figures import read_fragment
from identify_core.store.layout import FIGURES

if TYPE_CHECKING:
    from identify_core.store import StoredRun

LIMIT = 8 * 2**20
PIXELS_PER_INCH = 100
COLUMN = 880


@attrs.frozen(kw_only=True, eq=False)
class Picture:
    """A stored figure.

    Args:
        label: the finding that it was drawn from.
        name: its name.
        caption: what is seen on it.
        image: the PNG in base64; empty where it is too large for a page.
        width: in the page's pixels, so that letters have one size on all pictures.
        interactive: the packed interactive view; empty where there is none.
        notes: what of it is not on the page, and why.
    """

    label: str
    name: str
    caption: str
    image: str
    width: int
    interactive: str
    notes: tuple[str, ...]


def read_pictures(run: StoredRun) -> Iterator[Picture]:
    """The pictures that run.json names, in the order in which they were drawn.

    Raises:
        StoreError: a picture is missing, is not a PNG, or lies outside the run's figures folder.
    """
    for entry in run.document.get("figures", []):
        static = _inside(run, entry["static"])
        page = _inside(run, entry["interactive"]) if entry.get("interactive") else None
        image, width = _read_image(run, static)
        interactive, notes = _read_view(page) if page is not None else ("", ())
        if len(image) > LIMIT:
            image, notes = "", (f"It is too large for this page: {static.name} in the run's folder.", *notes)
        yield Picture(
            label=str(entry["label"]),
            name=str(entry["name"]),
            caption=str(entry["caption"]),
            image=image,
            width=width,
            interactive=interactive,
            notes=notes,
        )


def show_picture(picture: Picture, view: str) -> Markup:
    """The picture embedded in a figure with its caption, and buttons for its full size and its interactive view.

    Args:
        picture: what to show.
        view: the id under which the page keeps the interactive view.
    """
    return render("parts.html:picture", picture=picture, view=view, enlarges=picture.width > COLUMN)


def _inside(run: StoredRun, relative: str) -> Path:
    """The path of a figure's file, which a damaged or hostile run.json could point anywhere."""
    folder = (run.folder / FIGURES).resolve()
    path = (run.folder / relative).resolve()
    if path.parent != folder:
        raise StoreError(f"the run {run.id} names the figure {relative!r}, which is not in its figures folder")
    return path


def _read_image(run: StoredRun, file: Path) -> tuple[str, int]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file, formats=["PNG"]) as image:
            width = round(image.width * PIXELS_PER_INCH / float(image.info.get("dpi", (PIXELS_PER_INCH,))[0]))
        return base64.b64encode(file.read_bytes()).decode("ascii"), width
    except (OSError, UnidentifiedImageError, ZeroDivisionError) as error:
        raise StoreError(
            f"the figure {file.name} of the run {run.id} cannot be read: {error}",
            hint=f"`identify plot {run.id}` draws it again into another folder",
        ) from error


def _read_view(page: Path) -> tuple[str, tuple[str, ...]]:
    if not has_plotly():
        return "", ("Its interactive view needs plotly: pip install 'identify-core[plotly]', then identify report.",)
    packed = pack(read_fragment(page))
    if len(packed) > LIMIT:
        return "", (f"Its interactive view is too large for this page: {page.name} in the run's folder.",)
    return packed, ()
