"""Copies of the sound plugin, installed for one test."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

Install = Callable[..., str]
_numbers = itertools.count()


def _sibling(name: str) -> ModuleType:
    """A module next to this one, under its own name: folders of tests are not packages."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


copies = _sibling("conformance_copies")
for each in ("conformance_breakages", "conformance_running_breakages"):
    _sibling(each)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install((file, old, new), ...)`: a copy of the sound plugin with these edits; gives its name."""
    names = []

    def install(*edits: tuple[str, str, str]) -> str:
        name = f"copy{next(_numbers)}"
        names.append(name)
        site = tmp_path / "site"
        site.mkdir(exist_ok=True)
        copies.write_copy(site, name, edits)
        monkeypatch.syspath_prepend(site)
        return name

    yield install
    for module in [each for each in sys.modules if each.partition(".")[0] in names]:
        del sys.modules[module]
