"""Write the pages that are made from records: `python docs/generate.py`; a test fails where they are out of date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from generating.errors import errors_page
from generating.front_door import HERE, front_door_page
from generating.hooks import hooks_page
from generating.measures import FAMILIES, family_page
from generating.plugins import documented_plugins, documented_registry, plugin_page
from generating.records import records_page, store_page, targets_page, training_page
from generating.rungs import ladder_drawing, ladder_table, rungs_page
from generating.testing import testing_page
from generating.verbs import verbs_page

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated file and its text."""
    made = list(_pages())
    yield from made
    yield (
        REFERENCE / f"{HERE}.md",
        front_door_page({path.stem: text for path, text in made if path.parent == REFERENCE}),
    )


def _pages() -> Iterator[tuple[Path, str]]:
    yield DOCS / "explanation" / "ladder-drawing.txt", ladder_drawing()
    yield DOCS / "explanation" / "ladder-table.md", ladder_table()
    for family in FAMILIES:
        yield DOCS / "measures" / f"{family}.md", family_page(family)
    yield REFERENCE / "hooks.md", hooks_page()
    yield REFERENCE / "records.md", records_page()
    yield REFERENCE / "targets.md", targets_page()
    yield REFERENCE / "training.md", training_page()
    yield REFERENCE / "store.md", store_page()
    yield REFERENCE / "rungs.md", rungs_page()
    yield REFERENCE / "errors.md", errors_page()
    yield REFERENCE / "testing.md", testing_page()
    yield REFERENCE / "verbs.md", verbs_page()
    registry = documented_registry()
    for name in documented_plugins(registry):
        yield REFERENCE / "plugins" / f"{name}.md", plugin_page(registry, name)


if __name__ == "__main__":
    for path, text in pages():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
