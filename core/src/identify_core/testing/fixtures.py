"""Pytest fixtures for plugin authors, opt-in: `addopts = ["-p", "identify_core.testing.fixtures"]`.

They need `pip install identify-core[testing]`. Everything that a fixture makes lies in the test's own temporary folder,
no setting of the user is seen, and a test that asks for none of them is left alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pytest

from identify_core.testing.command_line import CommandLine, plain_environment
from identify_core.testing.distributions import write_distribution
from identify_core.testing.projects import Project

if TYPE_CHECKING:
    from identify_core.store import StoredRun

__all__ = ["CommandLine", "InstallDistribution", "OnlyPlugins", "Project", "RelatedRuns"]

RelatedRuns: TypeAlias = "Callable[..., tuple[StoredRun, StoredRun]]"
OnlyPlugins: TypeAlias = Callable[..., AbstractContextManager[None]]


class InstallDistribution(Protocol):
    """What `install_distribution` is: a call that writes a distribution and returns the folder that holds it."""

    def __call__(self, name: str, *, folder: str = "", **content: Any) -> Path:
        """Install it.

        Args:
            name: of the distribution.
            folder: the folder's name; one for each distribution by default.
            content: further arguments of `identify_core.testing.distributions.write_distribution`.
        """


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty folder with its own store, as the working directory, without any setting of the user.

    `project.path`, `project.store`, `project.write_spec(text)` and `project.run(plugin, preset=...)`, which runs in
    this process and returns the finished run. The plugin `toy` is there next to those that are installed.
    """
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in [each for each in os.environ if each.startswith("IDENTIFY_")]:
        monkeypatch.delenv(name)
    # where the platforms keep an application's configuration, data and cache
    for name in (
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "APPDATA",
        "LOCALAPPDATA",
        *(["HOME"] if sys.platform == "darwin" else []),
    ):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return Project(path=folder, environment=plain_environment())


@pytest.fixture
def identify(project: Project) -> CommandLine:
    """The command line in the project's folder: `identify("run", "toy")`, `identify.json("runs", "ls")["runs"]`.

    Each call is a process of its own. It checks the exit status, 0 unless `status=` says otherwise, and that no
    traceback was printed.
    """
    return CommandLine(project.path, project.environment)


@pytest.fixture
def only_plugins(project: Project, monkeypatch: pytest.MonkeyPatch) -> OnlyPlugins:
    """`only_plugins("measures", "spirals")`: no other plugin is used, in this process and in those of `identify`.

    It lasts to the end of the test, or of a `with` block.
    """

    class Restriction(AbstractContextManager[None]):
        def __init__(self, *names: str) -> None:
            settings = {"IDENTIFY_DISABLE_PLUGINS": "*", "IDENTIFY_ENABLE_PLUGINS": ",".join(names)}
            self.before = {name: os.environ.get(name) for name in settings}
            self.set(settings)

        def set(self, settings: dict[str, Any]) -> None:
            for name, value in settings.items():
                if value is None:
                    monkeypatch.delenv(name, raising=False)
                    project.environment.pop(name, None)
                else:
                    monkeypatch.setenv(name, value)
                    project.environment[name] = value

        def __exit__(self, *_: object) -> None:
            self.set(self.before)

    return Restriction


@pytest.fixture
def install_distribution(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InstallDistribution]:
    """`install_distribution("probe-plugin", plugins={"probe": "probe_plugin"}, modules={"probe_plugin": source})`.

    A distribution that is there for this test, in this process and in those of `identify`; the one installed last is
    found first. Returns the folder that holds it. See `identify_core.testing.distributions.write_distribution`.
    """
    before = set(sys.modules)
    tops: set[str] = set()

    def install(name: str, *, folder: str = "", **content: Any) -> Path:
        site = tmp_path / (folder or f"site-{name}")
        write_distribution(site, name, **content)
        tops.update(module.partition(".")[0] for module in content.get("modules") or {})
        monkeypatch.syspath_prepend(site)
        others = project.environment.get("PYTHONPATH")
        project.environment["PYTHONPATH"] = os.pathsep.join([str(site), *([others] if others else [])])
        return site

    yield install
    for module in set(sys.modules) - before:
        if module.partition(".")[0] in tops:
            del sys.modules[module]


@pytest.fixture
def toy_run(project: Project) -> StoredRun:
    """A finished run of the toy plugin's `smoke` in the project's store."""
    return project.run("toy", preset="smoke")


@pytest.fixture
def related_runs(project: Project) -> RelatedRuns:
    """`related_runs("orthogonal", width=3, rows=200, seed=0, noise=0.0)`: two runs in the project's store.

    The latents of the second are those of the first, mapped by a random map of that rung. See
    `identify_core.testing.pairs.make_related_runs`.
    """
    from identify_core.testing.pairs import make_related_runs

    def make(rung: str, **more: Any) -> tuple[StoredRun, StoredRun]:
        return make_related_runs(project, rung, **more)

    return make
