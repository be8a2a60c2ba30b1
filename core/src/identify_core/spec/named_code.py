"""Objects that a spec names by their import path, such as a network's factory or a target function."""

from __future__ import annotations

import importlib
from typing import Any

from identify_core.errors import OptionsError


def import_named(path: str, role: str) -> Any:
    """Import `"package.module:name"`, which runs code: only what an option that says so names may come here.

    Declare the option with `option(..., names_code=True)`. Then a value counts where the user gave it in this command,
    or where a run of the user's own has it; one that a run from elsewhere has needs `--trust-code NAME`.

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
