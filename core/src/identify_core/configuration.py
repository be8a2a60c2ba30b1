"""The user's configuration: which plugins are switched off, by flag, environment variable or identify.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from identify_core.errors import UsageError
from identify_core.suggestions import did_you_mean

DISABLE_VARIABLE = "IDENTIFY_DISABLE_PLUGINS"
_FILE_NAME = "identify.toml"


def configuration_files() -> tuple[Path, ...]:
    """The configuration files that are read, whether they exist or not: the working directory's, then the user's."""
    import click

    return Path.cwd() / _FILE_NAME, Path(click.get_app_dir("identify")) / _FILE_NAME


def disabled_plugins(flags: Iterable[str] = ()) -> dict[str, str]:
    """Name of each plugin or distribution that is switched off, with the reason in words.

    Args:
        flags: the names given with `--disable-plugin`.

    Raises:
        UsageError: a configuration file cannot be read as `[plugins] disabled = ["name", ...]`.
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
    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the configuration file {file} cannot be read: {error}") from error
    _refuse_unknown(file, content, {"plugins"}, "table")
    plugins = content.get("plugins", {})
    names = plugins.get("disabled", []) if isinstance(plugins, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"the configuration file {file} has no list of plugin names in [plugins] disabled",
            hint='write: [plugins] and below it disabled = ["name"]',
        )
    _refuse_unknown(file, plugins, {"disabled"}, "key in [plugins]:")
    return names


def _refuse_unknown(file: Path, table: dict[str, Any], known: set[str], what: str) -> None:
    for key in table:
        if key not in known:
            raise UsageError(
                f"the configuration file {file} has an unknown {what} {key!r}", hint=did_you_mean(key, known)
            )
