"""Packages that only some uses need: imported at first use, and named with their extra where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from identify_core.errors import UsageError


def optional_package(module: str, *, extra: str, purpose: str) -> Any:
    """A package that only this use needs.

    Args:
        module: what is imported.
        extra: of identify-core, which brings it; empty where the package itself is to be installed.
        purpose: what cannot be done without it, as the subject and the verb of a sentence.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise UsageError(
            f"{purpose} without {package}, which is not installed",
            hint=f"pip install 'identify-core[{extra}]'" if extra else f"pip install {package}",
        ) from error
