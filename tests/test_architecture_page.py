"""The picture of the house shows every room, in the order that the linter holds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def floors() -> list[list[str]]:
    """The rooms of the core that are folders, floor by floor from the top, as the linter knows them."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (each["layers"] for each in content["tool"]["importlinter"]["contracts"] if "containers" in each)
    folders = {each.parent.name for each in (ROOT / "core/src/identify_core").glob("*/__init__.py")}
    found = [[room for room in re.split(r"[ |:]+", layer) if room in folders] for layer in layers]
    return [floor for floor in found if floor]


def test_the_picture_shows_every_room_on_its_floor() -> None:
    page = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    picture = page.partition("```text\n")[2].partition("```")[0].partition("═══ identify_core")[2]
    rooms = {room for floor in floors() for room in floor}
    lines = [line.split("  ") for line in picture.splitlines()]
    shown = [[word.strip() for word in line if word.strip() in rooms] for line in lines]
    assert [floor for floor in shown if floor] == floors()


def test_every_file_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:\w+/)+\w*(?:\.py)?)`", page))
    assert len(named) > 12
    missing = [each for each in sorted(named) if not (ROOT / "core/src" / each).exists()]
    assert [each for each in missing if not (ROOT / "core/src/identify_core" / each).exists()] == []
