"""The user's configuration: which plugins are switched off, by flag, environment variable or identify.toml.

    [plugins]
    disabled = ["genni"]

    [store]
    path = "my-store"

The `[store]` table is read by `identify_core.store`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from identify_core.errors import UsageError
from identify_core.suggestions import did_you_mean

DISABLE_VARIABLE = "IDENTIFY_DISABLE_PLUGINS"
FILE_NAME = "identify.toml"
_TABLES = {"plugins", "store"}


def configuration_files() -> tuple[Path, ...]:
    """The configuration files that are there: the nearest in or above the working directory, then the user's own."""
    import click

    here = Path.cwd()
    above = next((place / FILE_NAME for place in (here, *here.parents) if (place / FILE_NAME).is_file()), None)
    users = Path(click.get_app_dir("identify")) / FILE_NAME
    return tuple(file for file in (above, users) if file is not None and file.is_file())


def disabled_plugins(flags: Iterable[str] = ()) -> dict[str, str]:
    """Name of each plugin or distribution that is switched off, with the reason in words.

    Args:
        flags: the names given with `--disable-plugin`.

    Raises:
        UsageError: a configuration file cannot be read, or has something else than the tables above.
    """
    reasons: dict[str, str] = {}
    for file in reversed(configuration_files()):
        for name in _disabled_in(file):
            reasons[name] = f"disabled in {file}"
    for name in os.environ.get(DISABLE_VARIABLE, "").split(","):
        if name.strip():
            reasons[name.strip()] = f"disabled by the environment variable {DISABLE_VARIABLE}"
    for name in flags:
        reasons[name] = "disabled by --disable-plugin"
    return reasons


def _disabled_in(file: Path) -> list[str]:
    import tomllib

    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"the configuration file {file} cannot be read: {error}") from error
    _refuse_unknown(file, content, _TABLES, "table")
    plugins = content.get("plugins", {})
    if isinstance(plugins, dict):
        _refuse_unknown(file, plugins, {"disabled"}, "key in [plugins]:")
    names = plugins.get("disabled", []) if isinstance(plugins, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"the configuration file {file} has no list of plugin names in [plugins] disabled",
            hint='write: [plugins] and below it disabled = ["name"]',
        )
    return names


def _refuse_unknown(file: Path, table: dict[str, Any], known: set[str], what: str) -> None:
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known)
            raise UsageError(f"the configuration file {file} has an unknown {what} {key!r}", hint=hint)
