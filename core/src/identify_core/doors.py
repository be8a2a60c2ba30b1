"""Doors: packages whose public names are loaded on first use (PEP 562), so that importing them stays light."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence


def lazy_names(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[list[str], Callable[[str], object], Callable[[], list[str]]]:
    """What a package offers without importing it: `__all__, __getattr__, __dir__ = lazy_names(__name__, {...})`.

    Type checkers and editors learn the same names from imports under TYPE_CHECKING, each `import Name as Name`.

    Args:
        package: its `__name__`.
        homes: module below the package to the names that it defines.
    """
    home = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    public = sorted(home)
    return public, load, lambda: sorted(public)
