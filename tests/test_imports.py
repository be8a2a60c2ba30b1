"""Who may import whom, as far as `lint-imports` does not see it: tests of plugins, and what distributions declare."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(each.parent for each in (ROOT / "plugins").glob("*/pyproject.toml"))
DOORS = ("identify_core", "identify_core.testing")


def imported(source: str) -> Iterator[str]:
    """The modules that a file imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def strangers(source: str) -> list[str]:
    """The modules of the core that a file imports past its two doors."""
    of_core = {each for each in imported(source) if each.partition(".")[0] == "identify_core"}
    return sorted(each for each in of_core if each not in DOORS and not each.startswith("identify_core.testing."))


def read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def test_strangers_are_recognised() -> None:
    source = (
        "from identify_core import fit\nimport identify_core.data\ndef f():\n    from identify_core.run.x import y\n"
    )
    assert strangers(source) == ["identify_core.data", "identify_core.run.x"]
    assert strangers("import identify_core.testing.grids, identify_core_too") == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda each: each.name)
def test_plugins_and_their_tests_use_the_two_doors(plugin: Path) -> None:
    files = sorted(plugin.rglob("*.py"))
    assert files
    found = {str(file.relative_to(ROOT)): strangers(file.read_text(encoding="utf-8")) for file in files}
    assert {file: modules for file, modules in found.items() if modules} == {}


def test_the_template_of_a_plugin_uses_the_two_doors() -> None:
    files = sorted((ROOT / "core/src/identify_core/template").rglob("*.py"))
    assert files
    assert [file for file in files if strangers(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda each: each.name)
def test_what_a_plugin_imports_of_this_repository_it_requires(plugin: Path) -> None:
    own = f"identify_{plugin.name}"
    found = {
        module.partition(".")[0]
        for file in (plugin / "src").rglob("*.py")
        for module in imported(file.read_text(encoding="utf-8"))
        if module.startswith("identify_")
    }
    required = " ".join(read(plugin / "pyproject.toml")["project"]["dependencies"])
    assert [each for each in sorted(found - {own}) if each.replace("_", "-") not in required] == []


def test_the_linter_looks_at_every_distribution() -> None:
    packages = {f"identify_{each.name}" for each in PLUGINS} | {"identify_core"}
    assert set(read(ROOT / "pyproject.toml")["tool"]["importlinter"]["root_packages"]) == packages
