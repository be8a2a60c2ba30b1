"""Which store a command means: --store, else IDENTIFY_STORE, else identify.toml, else ./identify-store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from identify_core.errors import UsageError

DEFAULT = "identify-store"
VARIABLE = "IDENTIFY_STORE"
SETTINGS_FILE = "identify.toml"


def find_store_path(
    flag: str | os.PathLike[str] | None = None,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Path:
    """The path of the store, whether or not anything is there.

    Args:
        flag: what --store said; None where it was not given.
        folder: where the command runs; the current folder by default. `identify.toml` is looked for there and above,
            and a relative `[store] path` in it is relative to that file.
        environment: the environment variables; the process's own by default.

    Raises:
        UsageError: identify.toml is not TOML, or its `[store] path` is no text.
    """
    folder = Path.cwd() if folder is None else folder
    environment = os.environ if environment is None else environment
    if flag is not None and os.fspath(flag):
        return folder / Path(flag).expanduser()
    if environment.get(VARIABLE):
        return folder / Path(environment[VARIABLE]).expanduser()
    for place in (folder, *folder.parents):
        settings = place / SETTINGS_FILE
        if settings.is_file():
            named = _store_in(settings)
            if named is not None:
                return place / Path(named).expanduser()
            break
    return folder / DEFAULT


def _store_in(settings: Path) -> str | None:
    import tomllib

    try:
        section = tomllib.loads(settings.read_text(encoding="utf-8")).get("store", {})
    except (OSError, ValueError) as error:
        raise UsageError(f"{settings} cannot be read as TOML: {error}") from error
    named = section.get("path") if isinstance(section, dict) else section
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise UsageError(
            f"[store] path in {settings} is {named!r}; it must be a path", hint='write: [store]\npath = "my-store"'
        )
    return named
