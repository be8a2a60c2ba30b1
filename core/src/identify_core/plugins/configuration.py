"""The user's configuration: which plugins are switched off or on, by flag, environment variable or identify.toml.

    [plugins]
    disabled = ["genni"]        # plugins or distributions; ["*"] for all of them
    enabled = ["measures"]

    [store]
    path = "my-store"

There are four places, of which a stronger one overrules a weaker one plugin by plugin: the flags `--disable-plugin`
and `--enable-plugin`; the variables IDENTIFY_DISABLE_PLUGINS and IDENTIFY_ENABLE_PLUGINS, names with commas between
them; the nearest identify.toml in or above the working directory; the identify.toml in the user's configuration folder.
Within one place a plugin's own name counts more than its distribution's, and that more than `*`. So `disabled = ["*"]`
with `enabled = ["measures"]` lists all that is allowed, and `--enable-plugin genni` adds to it for one command.

The `[store]` table is read by `identify_core.store`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from identify_core.errors import UsageError
from identify_core.names import canonical_name
from identify_core.suggestions import did_you_mean

DISABLE_VARIABLE = "IDENTIFY_DISABLE_PLUGINS"
ENABLE_VARIABLE = "IDENTIFY_ENABLE_PLUGINS"
FILE_NAME = "identify.toml"
EVERY = "*"
_TABLES = {"plugins", "store"}
_LISTS = ("disabled", "enabled")


@attrs.frozen(kw_only=True)
class Place:
    """What one place says about plugins.

    Args:
        where: the place in words, as they follow "disabled".
        disabled: canonical names of plugins or distributions that it switches off, or `*`.
        enabled: those that it switches on.
    """

    where: str
    disabled: frozenset[str]
    enabled: frozenset[str]

    def says(self, plugin: str, distribution: str) -> bool | None:
        """Whether a plugin is on; None where this place says nothing about it."""
        for name in (canonical_name(plugin), canonical_name(distribution), EVERY):
            if name in self.enabled:
                return True
            if name in self.disabled:
                return False
        return None

    def reason(self, plugin: str, distribution: str) -> str:
        """Why it switches a plugin off, in words."""
        named = self.disabled & {canonical_name(plugin), canonical_name(distribution)}
        return f"disabled {self.where}" + ("" if named else ", with every plugin that is not enabled")


@attrs.frozen(kw_only=True)
class Switches:
    """What all places say, the strongest first."""

    places: tuple[Place, ...]

    def why_disabled(self, plugin: str, distribution: str) -> str:
        """Why a plugin is off; empty where it is on."""
        for place in self.places:
            is_on = place.says(plugin, distribution)
            if is_on is not None:
                return "" if is_on else place.reason(plugin, distribution)
        return ""


def configuration_files() -> tuple[Path, ...]:
    """The configuration files that are there: the nearest in or above the working directory, then the user's own."""
    import click

    here = Path.cwd()
    above = next((place / FILE_NAME for place in (here, *here.parents) if (place / FILE_NAME).is_file()), None)
    users = Path(click.get_app_dir("identify")) / FILE_NAME
    return tuple(file for file in (above, users) if file is not None and file.is_file())


def read_switches(disabled: Iterable[str] = (), enabled: Iterable[str] = ()) -> Switches:
    """Which plugins are switched off or on, and by what.

    Args:
        disabled: the names given with `--disable-plugin`.
        enabled: the names given with `--enable-plugin`.

    Raises:
        UsageError: a configuration file cannot be read or has something else than the tables above, or one place both
            enables and disables a plugin.
    """
    variables = _variable(DISABLE_VARIABLE), _variable(ENABLE_VARIABLE)
    return Switches(
        places=(
            _place("by --disable-plugin", "on the command line", disabled, enabled),
            _place(f"by the environment variable {DISABLE_VARIABLE}", "by environment variables", *variables),
            *(_place(f"in {file}", f"in {file}", *_lists_in(file)) for file in configuration_files()),
        )
    )


def _variable(name: str) -> list[str]:
    return [each.strip() for each in os.environ.get(name, "").split(",") if each.strip()]


def _place(where: str, said: str, disabled: Iterable[str], enabled: Iterable[str]) -> Place:
    off, on = (
        frozenset(each if each == EVERY else canonical_name(each) for each in names) for names in (disabled, enabled)
    )
    both = sorted(off & on)
    if both:
        raise UsageError(
            f"{' and '.join(map(repr, both))} cannot be both enabled and disabled {said}", hint="take one of them away"
        )
    return Place(where=where, disabled=off, enabled=on)


def _lists_in(file: Path) -> tuple[list[str], list[str]]:
    """What a file switches off, and what it switches on."""
    import tomllib

    try:
        content: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"the configuration file {file} cannot be read: {error}") from error
    refuse_unknown(file, content, _TABLES, "table")
    plugins = content.get("plugins", {})
    if not isinstance(plugins, dict):
        raise _no_list(file, "disabled")
    refuse_unknown(file, plugins, _LISTS, "key in [plugins]:")
    found = []
    for key in _LISTS:
        names = plugins.get(key, [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise _no_list(file, key)
        found.append(names)
    return found[0], found[1]


def _no_list(file: Path, key: str) -> UsageError:
    return UsageError(
        f"the configuration file {file} has no list of plugin names in [plugins] {key}",
        hint=f'write: [plugins] and below it {key} = ["name"]',
    )


def refuse_unknown(file: Path, table: dict[str, Any], known: Iterable[str], what: str) -> None:
    """Refuse a key of a configuration file that means nothing.

    Raises:
        UsageError: there is one; the hint has the nearest key that does.
    """
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known)
            raise UsageError(f"the configuration file {file} has an unknown {what} {key!r}", hint=hint)
