"""What a verb is given in Python: where its store and plugins are, values for options, and things to compare."""

from __future__ import annotations

import json
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from identify_core.plugins import Registry
    from identify_core.store import Store, StoredRun
    from identify_core.tasks import Loading

Overrides = Mapping[str, Any] | Sequence[str]
PathLike = str | Path


@attrs.frozen(kw_only=True)
class Place:
    """The store and the plugins of one call."""

    _given: PathLike | None = attrs.field(default=None, alias="store")
    plugin_files: Sequence[PathLike] = ()

    @property
    def store_path(self) -> Path:
        """The folder that holds the runs."""
        from identify_core.store import find_store_path

        return find_store_path(Path(self._given) if self._given is not None else None)

    @property
    def store(self) -> Store:
        """The same as a store."""
        from identify_core.store import Store

        return Store(self.store_path)

    @property
    def loading(self) -> Loading:
        """What `load_registry` takes in other processes."""
        return {"disabled": [], "enabled": [], "files": [str(Path(each).absolute()) for each in self.plugin_files]}

    def registry(self, only: Collection[str] | None = None, *, extra: Mapping[str, object] | None = None) -> Registry:
        """The registry of what is installed and of the plugin files."""
        from identify_core.plugins import load_registry

        return load_registry(files=[Path(each) for each in self.plugin_files], only=only, extra=extra)

    def registry_for(self, document: Mapping[str, Any], again: str, *, kinds: Collection[str] = ()) -> Registry:
        """The same for work on a stored run; plugin files of its that were not named are told by a warning."""
        from identify_core.plugins.files import refuse_missing_files

        registry = self.registry()
        for sentence in refuse_missing_files(document, registry.plugins, again=again, kinds=kinds):
            warnings.warn(sentence, stacklevel=2)
        return registry


def as_texts(overrides: Overrides) -> list[str]:
    """Overrides as `KEY=VALUE`, the values as TOML."""
    if not isinstance(overrides, Mapping):
        return list(overrides)
    return [f"{key}={_toml(value)}" for key, value in overrides.items()]


def _toml(value: Any) -> str:
    from identify_core.spec.write import write_value

    text = json.dumps(value, default=lambda each: dict(each) if isinstance(each, Mapping) else str(each))
    try:
        return write_value(json.loads(text))
    except TypeError:  # TOML has no None; it is told where the option is read
        return text


def name_things(things: Sequence[Any]) -> list[Any]:
    """What is compared, as `open_groups` takes it: references as they are, arrays with names."""
    from identify_core.comparisons.foreign.in_memory import array_in_memory
    from identify_core.store import StoredLatents, StoredRun

    named = list(things[0].items()) if len(things) == 1 and isinstance(things[0], Mapping) else None
    pairs = named if named is not None else [(f"array-{number}", each) for number, each in enumerate(things, 1)]
    return [
        str(thing)
        if isinstance(thing, (str, Path))
        else thing
        if isinstance(thing, (StoredRun, StoredLatents))
        else array_in_memory(thing, str(name))
        for name, thing in pairs
    ]


def several(given: str | Sequence[str]) -> list[str]:
    """One text, or several, as a list."""
    return [given] if isinstance(given, str) else list(given)


def store_of(stored: StoredRun | str, store: PathLike | None) -> PathLike | None:
    """The store of a run that is open; otherwise the one that was named."""
    if store is not None or isinstance(stored, str):
        return store
    return stored.folder.parent.parent
