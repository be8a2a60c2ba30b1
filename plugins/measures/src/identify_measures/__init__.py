"""Measures of similarity, identifiability and disentanglement, on two arrays or on stored runs.

Each measure of the catalogue that has a function is a name of this package, and so is `information_matrix`; nothing is
imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        if name == "information_matrix":  # it gives a table, not a score, and is in no catalogue
            return importlib.import_module("identify_measures.information.functions").information_matrix
        from identify_measures.catalogue import CATALOGUE

        for each in CATALOGUE.values():
            module, _, function = each.function.partition(":")
            if function == name:
                return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    from identify_measures.catalogue import CATALOGUE

    functions = {each.function.partition(":")[2] for each in CATALOGUE.values()} - {""}
    return sorted({*functions, "information_matrix"})
