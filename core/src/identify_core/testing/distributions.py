"""Distributions that exist for one test only: a folder with metadata and modules, as if installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def write_distribution(
    site: Path,
    name: str,
    *,
    version: str = "1.0",
    plugins: Mapping[str, str] | None = None,
    modules: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    requires: Sequence[str] = (),
    summary: str = "A probe.",
    metadata: str | None = None,
) -> None:
    """Write a distribution into a folder that is, or will be, on `sys.path`.

    Args:
        site: the folder.
        name: the distribution's name, such as "identify-spirals".
        version: its version.
        plugins: entry points of the group `identify`: name of the plugin -> "module" or "module:object".
        modules: source text by module name; a dotted name lies in its package's folder.
        files: text of other files, such as presets, by their path in the folder.
        requires: its `Requires-Dist`.
        summary: its one-line summary.
        metadata: the text of METADATA instead of what the arguments say; empty for no such file.
    """
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    entry_points = [f"{plugin} = {value}" for plugin, value in (plugins or {}).items()]
    (info / "entry_points.txt").write_text("\n".join(["[identify]", *entry_points, ""]), encoding="utf-8")
    fields = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Summary: {summary}"]
    fields += [f"Requires-Dist: {each}" for each in requires]
    if metadata != "":
        (info / "METADATA").write_text(metadata or "\n".join([*fields, "", ""]), encoding="utf-8")
    sources = {f"{module.replace('.', '/')}.py": source for module, source in (modules or {}).items()}
    for path, text in {**sources, **(files or {})}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text, encoding="utf-8")
