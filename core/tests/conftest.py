"""Distributions that exist for one test only: a folder on sys.path with metadata and modules, as if installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

Install = Callable[..., Path]


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working directory and a home without any configuration; the working directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("IDENTIFY_DISABLE_PLUGINS", "IDENTIFY_STORE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """`install("probe-plugin", plugins={"probe": "probe_plugin"}, modules={"probe_plugin": source}, ...)`."""
    before = set(sys.modules)
    names: set[str] = set()

    def install(
        distribution: str,
        *,
        version: str = "1.0",
        plugins: Mapping[str, str] | None = None,
        modules: Mapping[str, str] | None = None,
        requires: Sequence[str] = (),
        folder: str = "",
        metadata: str | None = None,
    ) -> Path:
        site = tmp_path / (folder or f"site-{distribution}")
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = [f"{name} = {value}" for name, value in (plugins or {}).items()]
        (info / "entry_points.txt").write_text("\n".join(["[identify]", *lines, ""]))
        fields = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}", "Summary: A probe."]
        fields += [f"Requires-Dist: {each}" for each in requires]
        if metadata != "":
            (info / "METADATA").write_text(metadata or "\n".join([*fields, "", ""]))
        for name, source in (modules or {}).items():
            names.add(name)
            (site / f"{name}.py").write_text(source)
        monkeypatch.syspath_prepend(site)
        return site

    yield install
    for name in names - before:
        sys.modules.pop(name, None)
