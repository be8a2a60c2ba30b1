"""The front door: each name loaded on first use from one room, and no module of the core ever in its place."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import identify_core

TOUCH_EVERYTHING = """
import importlib, pkgutil, types
import identify_core

for each in pkgutil.walk_packages(identify_core.__path__, "identify_core."):
    if not each.name.endswith("__main__") and ".template" not in each.name and "_process" not in each.name:
        importlib.import_module(each.name)
for name in identify_core.__all__:
    value = getattr(identify_core, name)
    assert not isinstance(value, types.ModuleType), name
"""


def declared() -> dict[str, str]:
    """Where type checkers and editors find each name: the module of its import under TYPE_CHECKING."""
    assert identify_core.__file__
    tree = ast.parse(Path(identify_core.__file__).read_text(encoding="utf-8"))
    (block,) = (each for each in tree.body if isinstance(each, ast.If))
    imports = [each for each in block.body if isinstance(each, ast.ImportFrom)]
    assert all(alias.asname == alias.name for each in imports for alias in each.names)
    return {alias.name: str(each.module) for each in imports for alias in each.names}


def test_editors_are_told_every_name() -> None:
    assert set(identify_core.__all__) == {"__version__", *declared()}


def test_each_name_is_the_rooms_own_object() -> None:
    for name, module in declared().items():
        assert getattr(identify_core, name) is getattr(importlib.import_module(module), name)


def test_names_are_listed_before_they_are_loaded() -> None:
    code = "import identify_core; assert 'Samples' not in vars(identify_core); print(*dir(identify_core))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(identify_core.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        identify_core.nonsense  # noqa: B018


def test_no_module_takes_the_place_of_a_public_name() -> None:
    assert {"Samples", "fit", "option"} <= set(identify_core.__all__)
    assert any(each.name == "options" for each in pkgutil.iter_modules(identify_core.__path__))
    subprocess.run([sys.executable, "-W", "ignore", "-c", TOUCH_EVERYTHING], check=True)
