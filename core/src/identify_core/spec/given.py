"""Where the values came from that a sentence is about, whoever finds the fault and whenever."""

from __future__ import annotations

import re
from collections.abc import Mapping

from identify_core.kinds import option_fields
from identify_core.spec.keypaths import KeyPath, write_key_path
from identify_core.spec.layers import DEFAULT, Origin
from identify_core.spec.merge import Table, histories


def origins_in(table: Table, path: KeyPath) -> dict[str, Origin]:
    """The origin of every option that a component's table gives, by its dotted key below the table."""
    below = {each[len(path) :]: given[-1].origin for each, given in histories(table, path).items()}
    return {write_key_path(each): origin for each, origin in below.items() if each and each[0] not in ("type", "label")}


def say_where_given(text: str, options: type, origins: Mapping[str, Origin]) -> str:
    """The origins of the options that a sentence names, to follow it; of all that were given where it names none.

    Args:
        text: the sentence.
        options: the options class, whose fields without an origin have their defaults.
        origins: dotted key to origin.

    Returns:
        Such as ` (--set model.width=2000)` or ` (low: spec.toml:3; high: default)`; empty where nothing was given.
    """
    known = {field.name: DEFAULT for field in option_fields(options)} | dict(origins)
    named = {key: origin for key, origin in known.items() if _names(text, key)} or dict(origins)
    if all(origin == DEFAULT for origin in named.values()):
        return ""
    if len(named) == 1:
        return f" ({next(iter(named.values()))})"
    return f" ({'; '.join(f'{key}: {origin}' for key, origin in named.items())})"


def _names(text: str, key: str) -> bool:
    name = key.rpartition(".")[2]
    return any(re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", text) for each in (name, name.replace("_", " ")))
