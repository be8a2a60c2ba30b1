"""What an installation holds: every file of the sources, entry points that resolve, both ways to start the command."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from importlib import metadata, resources
from pathlib import Path

import pytest

from identify_core import __version__
from identify_core.plugins.discovery import unmet_requirements

ROOT = Path(__file__).parent.parent
FOLDERS = [ROOT / "core", *sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))]
DISTRIBUTIONS = [f"identify-{folder.name}" for folder in FOLDERS]
SHIPPED = {".py", ".toml", ".css", ".js", ".html", ".typed"}


def shipped(package: Path) -> set[str]:
    """The files of a package that belong to it: its modules and its data, no caches."""
    inside = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
    return {
        path.as_posix()
        for path in inside
        if (path.suffix in SHIPPED or path.name == "py.typed") and not any(part.startswith(".") for part in path.parts)
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_file_of_a_package_is_installed(folder: Path) -> None:
    package = f"identify_{folder.name}"
    with resources.as_file(resources.files(package)) as installed:
        assert shipped(installed) == shipped(folder / "src" / package)


@pytest.mark.parametrize(
    ("package", "path"),
    [
        ("identify_core", "py.typed"),
        ("identify_core", "testing/toy_smoke.toml"),
        ("identify_core", "reports/assets/page.css"),
        ("identify_core", "reports/assets/page.js"),
        ("identify_core", "reports/assets/view.css"),
        ("identify_core", "reports/assets/view.js"),
        ("identify_genni", "py.typed"),
        ("identify_genni", "presets/fcn.toml"),
        ("identify_genni", "presets/fcn-2020.toml"),
        ("identify_genni", "presets/lenet-2020.toml"),
        ("identify_genni", "presets/smoke.toml"),
        ("identify_measures", "py.typed"),
    ],
)
def test_data_files_are_read_from_the_installation(package: str, path: str) -> None:
    """Named one by one: the comparison with the sources would not miss a file that both have lost."""
    assert resources.files(package).joinpath(path).is_file()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution_says_what_it_is(name: str) -> None:
    distribution = metadata.distribution(name)
    assert distribution.version == __version__
    assert distribution.metadata["License-Expression"] == "MIT"
    assert "# " in distribution.metadata.json["description"]
    licence = distribution.read_text("licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_nothing_is_installed_as_identify_but_the_command(name: str) -> None:
    """pre-commit's library ships the package `identify`: a second one would overwrite it silently."""
    files = metadata.distribution(name).files
    assert files
    assert "identify" not in {path.parts[0].removesuffix(".py") for path in files}


def test_every_requirement_is_met() -> None:
    assert list(unmet_requirements()) == []


@pytest.mark.parametrize("folder", FOLDERS[1:], ids=lambda folder: folder.name)
def test_a_plugin_is_found_by_its_entry_point(folder: Path) -> None:
    (found,) = metadata.entry_points(group="identify", name=folder.name)
    assert found.dist is not None
    assert found.dist.name == f"identify-{folder.name}"
    assert found.load().__name__ == f"identify_{folder.name}.plugin"


def test_the_command_is_found_by_its_entry_point() -> None:
    from identify_core.cli import main

    (found,) = metadata.entry_points(group="console_scripts", name="identify")
    assert found.load() is main


@pytest.mark.parametrize(
    "command",
    [[sys.executable, "-m", "identify_core"], [str(Path(sysconfig.get_path("scripts")) / "identify")]],
    ids=["module", "script"],
)
def test_the_command_starts_anywhere(command: list[str], tmp_path: Path) -> None:
    done = subprocess.run([*command, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"identify {__version__} (identify-core)\n"
    assert list(tmp_path.iterdir()) == []
