"""Plugins that are a single file, `identify --plugin-file my_plugin.py`: for trying things before there is a package.

The file is a module of its own name, so that a target in it is written `"my_plugin:function"`; the plugin is called
after it, with hyphens for underscores. Nothing next to it is imported, and its folder is not searched for modules.
"""

from __future__ import annotations

import hashlib
import importlib.util
import keyword
import shlex
import sys
import traceback
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from identify_core.errors import PluginError
from identify_core.names import NAME_PATTERN
from identify_core.plugins.status import PluginFile, PluginStatus

DIGITS = 12
"""How much of a file's SHA-256 stands for its version."""


def read_plugin_files(files: Iterable[Path], installed: Iterable[PluginStatus]) -> list[PluginStatus]:
    """What plugin files are, without running them.

    Args:
        files: as the user named them; naming one file twice is naming it once.
        installed: the plugins that are there already.

    Raises:
        PluginError: a file is not there, cannot be a plugin, or has the name of another plugin.
    """
    taken = {plugin.name: plugin for plugin in installed if plugin.status in ("available", "shadowed")}
    found: list[PluginStatus] = []
    for path in {each.absolute(): each for each in files}.values():
        status = _read(path)
        other = taken.get(status.name)
        if other is not None:
            hint = "rename one of the files"
            if other.file is None:
                hint = f"rename the file, or leave the other out with --disable-plugin {other.distribution}"
            raise PluginError(
                f"the plugin file {path} would be the plugin {status.name!r}, as {other.owner} already is", hint=hint
            )
        taken[status.name] = status
        found.append(status)
    return found


def _read(path: Path) -> PluginStatus:
    if path.is_dir():
        raise PluginError(
            f"the plugin file {path} is a folder",
            hint="name the one .py file that has the hooks; a package is installed",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PluginError(
            f"the plugin file {path} cannot be read: {error.strerror or error}",
            hint="--plugin-file takes the path of a Python file",
        ) from error
    name = path.stem.replace("_", "-")
    is_importable = path.stem.isidentifier() and not keyword.iskeyword(path.stem)
    if path.suffix != ".py" or not NAME_PATTERN.fullmatch(name) or not is_importable:
        raise PluginError(
            f"the plugin file {path} has a name that no plugin can have",
            hint="call it by lower-case words joined by underscores, such as my_plugin.py",
        )
    digest = hashlib.sha256(content).hexdigest()
    return PluginStatus(
        name=name,
        module=path.stem,
        distribution=f"(file) {path}",
        version=f"sha256:{digest[:DIGITS]}",
        file=PluginFile(path=str(path.absolute()), sha256=digest),
    )


def import_plugin_file(file: PluginFile) -> ModuleType:
    """Run a plugin file as the module that its targets name; one that has been run is not run again.

    Raises:
        PluginError: another module has that name.
    """
    name = Path(file.path).stem
    other = _module_of_that_name(name)
    if other is not None and Path(other).resolve() != Path(file.path).resolve():
        raise PluginError(f"its name is that of the module {name!r} at {other}", hint="rename the file")
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file.path)
    assert spec is not None  # a .py file has one
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where its targets are looked up, and attrs resolves annotations
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module_of_that_name(name: str) -> str | None:
    """Where a module of that name comes from, imported or not; None where there is none."""
    if name in sys.modules:
        return str(getattr(sys.modules[name], "__file__", None) or "(built in)")
    spec = importlib.util.find_spec(name)
    return None if spec is None else str(spec.origin or "(a folder)")


def line_of(error: BaseException, file: PluginFile) -> str:
    """The last line of the file that an exception came through, as ` (line 7)`; empty where it says so itself."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file.path]
    return f" (line {lines[-1]})" if lines and not isinstance(error, SyntaxError) else ""


def refuse_missing_files(
    document: Mapping[str, Any], plugins: Iterable[PluginStatus], *, again: str, kinds: Collection[str] = ()
) -> list[str]:
    """Make plugin files that a run was made with, and that are not there now, an error that says how to name them.

    Args:
        document: the run's run.json.
        plugins: the plugins that are there.
        again: the verb and what follows it, as they were given.
        kinds: of components that are needed; all where empty.

    Returns:
        A sentence about each file whose content is another than when the run was made.

    Raises:
        PluginError: a plugin of the run was a file and is now neither named nor installed.
    """
    here = {plugin.name: plugin for plugin in plugins if plugin.status == "available"}
    needed = {
        str(each["name"]).partition(":")[0]: each
        for each in document.get("components", ())
        if isinstance(each, dict) and each.get("file") and (not kinds or each.get("kind") in kinds)
    }
    missing = sorted({str(each["file"]) for owner, each in needed.items() if owner not in here})
    if missing:
        files, were = ("file", "was") if len(missing) == 1 else ("files", "were")
        flags = " ".join(f"--plugin-file {shlex.quote(path)}" for path in missing)
        raise PluginError(
            f"the run {document.get('id', '')} was made with the plugin {files} {' and '.join(missing)}, "
            f"which {were} not named",
            hint=f"name the {files} before the verb: identify {flags} {again}",
        )
    return [
        f"the plugin file {now.file.path} is not as it was when the run was made"
        for owner, each in needed.items()
        if (now := here[owner]).file is not None and now.file.sha256 != each.get("sha256")
    ]
