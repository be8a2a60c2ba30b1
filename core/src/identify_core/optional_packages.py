"""Packages that only some uses need: imported at first use, and named with the command that installs them."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

from identify_core.errors import UsageError


def optional_package(
    module: str, *, purpose: str, extra: str = "", distribution: str = "identify-core", instead: str = ""
) -> Any:
    """Import a package that only this use needs.

    Args:
        module: what is imported.
        purpose: what needs it, the subject of a sentence, such as `f"reading {path}"`.
        extra: of the distribution, which brings the package; empty where the package itself is to be installed.
        distribution: whose extra it is.
        instead: what the user can do without it, which ends the hint.

    Raises:
        UsageError: it is not installed, or it cannot be imported.

    Example:
        >>> from identify_core import UsageError, optional_package
        >>> try:
        ...     optional_package("nowhere", purpose="reading cells.h5ad", extra="cells", distribution="identify-mine")
        ... except UsageError as error:
        ...     print(f"{error.message}; {error.hint}")
        reading cells.h5ad needs nowhere, which is not installed; pip install 'identify-mine[cells]'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = _hint(module, extra, distribution, instead)
        package = module.partition(".")[0]
        if (error.name or "").partition(".")[0] == package and isinstance(error, ModuleNotFoundError):
            raise UsageError(f"{purpose} needs {package}, which is not installed", hint=hint) from error
        raise UsageError(f"{purpose} needs {package}, which cannot be imported: {error}", hint=hint) from error


def require_package(package: str, *, purpose: str, extra: str) -> None:
    """Check that a package is there, without importing it.

    Args:
        package: the name under which it is imported.
        purpose: what needs it, the subject of a sentence.
        extra: of identify-core, which brings it.

    Raises:
        UsageError: it is not installed.
    """
    if find_spec(package) is None:
        hint = _hint(package, extra, "identify-core", "")
        raise UsageError(f"{purpose} needs {package}, which is not installed", hint=hint)


def _hint(module: str, extra: str, distribution: str, instead: str) -> str:
    install = f"'{distribution}[{extra}]'" if extra else module.partition(".")[0]
    return f"pip install {install}" + (f", or {instead}" if instead else "")
