"""Which store a command means: --store, else IDENTIFY_STORE, else identify.toml, else ./identify-store."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from identify_core.errors import UsageError
from identify_core.plugins.configuration import configuration_files, refuse_unknown

DEFAULT_STORE = Path("identify-store")
STORE_VARIABLE = "IDENTIFY_STORE"


def find_store_path(
    flag: str | os.PathLike[str] | None = None, *, configurations: Sequence[Path] | None = None
) -> Path:
    """The path of the store, whether or not anything is there.

    Args:
        flag: what --store said; None where it was not given.
        configurations: the identify.toml files to read, the first that names a store wins; those of
            `configuration_files()` by default. A relative `[store] path` is relative to the file that it stands in.

    Raises:
        UsageError: an identify.toml is not TOML, or its `[store]` table has an unknown key or a path that is not text.
    """
    named = flag or os.environ.get(STORE_VARIABLE)
    if named:
        return Path(named).expanduser()
    for file in configuration_files() if configurations is None else configurations:
        if file.is_file() and (path := _store_in(file)):
            return file.parent / Path(path).expanduser()
    return DEFAULT_STORE


def _store_in(file: Path) -> str | None:
    import tomllib

    try:
        section = tomllib.loads(file.read_text(encoding="utf-8")).get("store", {})
    except (OSError, ValueError) as error:
        raise UsageError(f"the configuration file {file} cannot be read: {error}") from error
    if isinstance(section, dict):
        refuse_unknown(file, section, ("path",), "key in [store]:")
    named = section.get("path") if isinstance(section, dict) else section
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise UsageError(
            f"the configuration file {file} has {named!r} as [store] path, which is not a path",
            hint='write: [store] and below it path = "my-store"',
        )
    return named
