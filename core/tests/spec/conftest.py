"""The registry of the toy plugin and its rivals."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from identify_core.plugins import Registry, load_registry


@pytest.fixture(scope="session")
def toy_registry() -> Iterator[Registry]:
    """The plugins `toy`, `rival` and `third`, and nothing that is installed."""
    source = importlib.util.spec_from_file_location("toy_plugin_of_specs", Path(__file__).with_name("toy_plugin.py"))
    assert source is not None
    assert source.loader is not None
    module = importlib.util.module_from_spec(source)
    sys.modules[source.name] = module  # where attrs resolves the annotations of its classes
    source.loader.exec_module(module)
    plugins = {"toy": module.toy, "rival": module.rival, "third": module.third}
    yield load_registry(only=[*plugins], extra=plugins)
    del sys.modules[source.name]
