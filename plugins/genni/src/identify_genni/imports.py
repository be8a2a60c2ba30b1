"""Objects that a spec names by their import path, such as a network's factory or a target function."""

from __future__ import annotations

import importlib
from typing import Any

from identify_core import OptionsError


def import_named(path: str, role: str) -> Any:
    """Import `"package.module:name"`. Naming code in a spec runs that code: it is as trusted as the spec itself.

    Args:
        path: the import path.
        role: what it is, for messages, such as "the factory".

    Raises:
        OptionsError: the path is malformed, the import fails, or there is nothing callable of that name.
    """
    module_name, colon, name = path.partition(":")
    if not (colon and module_name and name):
        raise OptionsError(
            f"{role} {path!r} is not an import path: it must read 'package.module:name'",
            hint="put a colon between the module and the name",
        )
    try:
        found: Any = importlib.import_module(module_name)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # the named code can fail in any way; the reason is kept
        raise OptionsError(
            f"{role} {path!r} cannot be imported: {type(error).__name__}: {error}",
            hint="check the spelling, and that the module is installed or on PYTHONPATH",
        ) from error
    if not callable(found):
        raise OptionsError(f"{role} {path!r} is of type {type(found).__name__}, which cannot be called")
    return found
