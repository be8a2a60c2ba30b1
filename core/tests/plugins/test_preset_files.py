"""Presets that are files of a plugin's package."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from identify_core import load_registry, presets_in

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    def make(plugin: str = "", **presets: str) -> str:
        folder = tmp_path / "its_presets"
        (folder / "presets").mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "plugin.py").write_text(plugin)
        (folder / "presets" / "notes.txt").write_text("not a preset")
        for name, text in presets.items():
            (folder / "presets" / f"{name}.toml").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        for name in [each for each in sys.modules if each.startswith("its_presets")]:
            monkeypatch.delitem(sys.modules, name)
        return folder.name

    return make


def loaded(name: str) -> tuple[object, ...]:
    import importlib

    plugin = importlib.import_module(f"{name}.plugin")
    registry = load_registry(only=("its-presets",), extra={"its-presets": plugin})
    return tuple(each.name for each in registry.presets("its-presets"))


def test_the_comment_at_the_top_is_the_summary_and_the_source(package: Package) -> None:
    head = (
        "# The study at v = 0.5, number\n# for number. It is slow.\n"
        "# Source: A & B, ICML 2020,\n# section 1.\nformat = 1\n# Source: no\n"
    )
    (preset,) = presets_in(package(study=head))
    assert (preset.name, preset.summary) == ("study", "The study at v = 0.5, number for number.")
    assert (preset.source, preset.resource) == ("A & B, ICML 2020, section 1", "its_presets:presets/study.toml")
    assert preset.read_text() == head


@pytest.mark.parametrize(
    ("head", "summary"),
    [("", ""), ("# Short\n", "Short"), ("# What?\n", "What?"), ("# 1 + 1 = 2. So.\n", "1 + 1 = 2.")],
)
def test_a_file_with_little_at_its_top(package: Package, head: str, summary: str) -> None:
    (preset,) = presets_in(package(a=f"{head}format = 1\n"))
    assert (preset.summary, preset.source) == (summary, "")


def test_the_first_comes_first_and_the_rest_by_name(package: Package) -> None:
    name = package(**{"b": "", "smoke": "", "a": "", "a-2020": ""})
    assert [each.name for each in presets_in(name)] == ["smoke", "a", "a-2020", "b"]
    assert [each.name for each in presets_in(name, first="b")] == ["b", "a", "a-2020", "smoke"]


def test_a_plugin_without_the_hook_has_those_of_its_package(package: Package) -> None:
    assert loaded(package(smoke="", a="")) == ("smoke", "a")


def test_a_plugin_with_the_hook_has_what_it_yields(package: Package) -> None:
    hook = (
        "from identify_core import hookimpl, presets_in\n@hookimpl\ndef identify_presets():\n"
        "    return presets_in('its_presets', first='a')[:1]\n"
    )
    assert loaded(package(hook, smoke="", a="")) == ("a",)


def test_a_package_without_the_folder_has_none() -> None:
    assert presets_in("identify_core.testing") == ()
    assert presets_in("") == ()
