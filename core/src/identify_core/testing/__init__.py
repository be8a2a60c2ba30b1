"""What the authors of plugins test with; importing it imports neither pytest nor torch.

`PluginConformance` is a class to subclass; fixtures are opted into with `-p identify_core.testing.fixtures`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from identify_core.testing.conformance.pytest_class import PluginConformance as PluginConformance

__all__ = ["PluginConformance"]


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(importlib.import_module("identify_core.testing.conformance.pytest_class"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
