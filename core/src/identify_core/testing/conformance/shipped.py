"""What a plugin's author says of its components in a file next to the plugin's module, for everybody who checks it.

# src/identify_spirals/conformance.toml
[options."dataset:molecules"]
folder = "data"

[skip]
"row-order evaluator:streaming" = "its batches are rows in the order given, by its definition"

[tolerance]
"evaluator:forest" = 0.02
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import attrs

from identify_core.errors import PluginError
from identify_core.suggestions import did_you_mean
from identify_core.testing.conformance.record import IMPORT_SECONDS, SMOKE_SECONDS, Settings

FILE_NAME = "conformance.toml"

_TABLES = {"options": dict, "skip": str, "shapes": dict, "tolerance": float}
_NUMBERS = {"import_seconds": IMPORT_SECONDS, "smoke_seconds": SMOKE_SECONDS}


def with_shipped(settings: Settings, module: str) -> Settings:
    """Settings over those that the plugin ships; each item that is given here wins over the file's.

    What the file skips is asked after all where options for the item are given here, or an empty reason.

    Args:
        settings: given by a test class or on the command line.
        module: the plugin's module, such as `identify_spirals.plugin`; a module outside a package ships nothing.

    Raises:
        PluginError: the file cannot be read, or holds something else than what the module's docstring shows.
    """
    content = _read(module)
    merged: dict[str, Any] = {
        name: {**_table(content, name), **getattr(settings, name)} for name in _TABLES if name in content
    }
    for name, default in _NUMBERS.items():
        if name in content and getattr(settings, name) == default:
            merged[name] = _number(content[name], name)
    if "skip" in merged:
        lifted = [*settings.options, *(item for item, reason in settings.skip.items() if not reason)]
        merged["skip"] = {item: reason for item, reason in merged["skip"].items() if item not in lifted}
    if "shapes" in content:
        merged["shapes"] = {item: _shape(item, value) for item, value in merged["shapes"].items()}
    return attrs.evolve(settings, **merged)


def _read(module: str) -> dict[str, Any]:
    package = module.rpartition(".")[0]
    if not package:
        return {}
    try:
        file = files(package).joinpath(FILE_NAME)
        content = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ModuleNotFoundError:  # the plugin cannot be imported either; the check `loads` says so
        return {}
    except (OSError, ValueError) as error:
        raise PluginError(f"{package}/{FILE_NAME} cannot be read: {error}") from error
    known = [*_TABLES, *_NUMBERS]
    for name in content:
        if name not in known:
            raise PluginError(f"{package}/{FILE_NAME} has an unknown key {name!r}", hint=did_you_mean(name, known))
    return content


def _table(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = content[name]
    if not isinstance(table, dict):
        raise PluginError(f"{name} in {FILE_NAME} is not a table", hint=f"write [{name}] and below it one line an item")
    wanted = _TABLES[name]
    for item, value in table.items():
        right = isinstance(value, wanted) or (wanted is float and type(value) is int)
        if not right or value == "":
            raise PluginError(
                f"{name}.{item!r} in {FILE_NAME} is {value!r}",
                hint="a skip is a reason in words" if wanted is str else f"it must be a {wanted.__name__}",
            )
    return dict(table)


def _number(value: object, name: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
        raise PluginError(f"{name} in {FILE_NAME} is {value!r}", hint="it must be a number of seconds above 0")
    return float(value)


def _shape(item: str, value: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(value, tuple):  # given by a test class
        return value
    sizes = [value.get(side) for side in ("inputs", "outputs")]
    if set(value) != {"inputs", "outputs"} or not all(
        isinstance(side, list) and all(type(size) is int for size in side) for side in sizes
    ):
        raise PluginError(
            f"shapes.{item!r} in {FILE_NAME} is {value!r}", hint="write { inputs = [1, 28, 28], outputs = [10] }"
        )
    return tuple(sizes[0]), tuple(sizes[1])
