"""What is to be so before a block of a page is run, by name: distributions that exist for that page alone."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from generating.hooks import examples
from snippets.reading import ROOT

from identify_core.testing.distributions import write_distribution

Setup = Callable[[Path, dict[str, str]], None]

_SPIRALS = """
from identify_core import Dataset, hookimpl

@hookimpl
def identify_datasets():
    yield Dataset(name="spirals", summary="Two interleaved spirals.", target="identify_spirals.data:make")
"""


def _installed(*distributions: Mapping[str, Any]) -> Setup:
    """These distributions are installed next to the others; what an earlier setup or configuration did is undone."""

    def setup(folder: Path, environment: dict[str, str]) -> None:
        sites = folder / ".sites"
        shutil.rmtree(sites, ignore_errors=True)
        (folder / "identify.toml").unlink(missing_ok=True)
        paths = []
        for number, content in enumerate(distributions):
            write_distribution(sites / str(number), **content)
            paths.append(str(sites / str(number)))
        environment["PYTHONPATH"] = os.pathsep.join(paths)

    return setup


def _spirals(source: str = _SPIRALS, **more: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "name": "identify-spirals",
        "summary": "Spirals for identify",
        "plugins": {"spirals": "identify_spirals"},
        "modules": {"identify_spirals": source},
        "requires": ["identify-core>=0.1,<0.2"],
    }
    return content | more


def _checkout(folder: Path, environment: dict[str, str]) -> None:
    (folder / "examples").symlink_to(ROOT / "examples")


def _generated(folder: Path, environment: dict[str, str]) -> None:
    """The distribution that `identify new-plugin spirals` has written is installed, as an editable one is."""
    content = _spirals(plugins={"spirals": "identify_spirals.plugin"}, modules={}, version="0.1.0")
    _installed(content)(folder, environment)
    sources = folder / "identify-spirals" / "src"
    environment["PYTHONPATH"] += f"{os.pathsep}{sources}"


def _small(folder: Path, environment: dict[str, str]) -> None:
    """The distribution that a page's `small/pyproject.toml` describes, its modules in that folder."""
    project = tomllib.loads((folder / "small" / "pyproject.toml").read_text(encoding="utf-8"))
    content = project["project"]
    modules = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    _installed(
        {
            "name": content["name"],
            "version": content["version"],
            "summary": content["description"],
            "plugins": content["entry-points"]["identify"],
            "requires": content["dependencies"],
            "modules": {Path(each).stem: (folder / "small" / each).read_text(encoding="utf-8") for each in modules},
        }
    )(folder, environment)


def _examples(folder: Path, environment: dict[str, str]) -> None:
    for _, source in examples():
        name = re.match(r"# (\w+\.py)\n", source)
        if name:
            (folder / name[1]).write_text(source, encoding="utf-8")


def _no_configuration(folder: Path, environment: dict[str, str]) -> None:
    (folder / "identify.toml").unlink(missing_ok=True)


def _program_named_identify(content: str) -> Setup:
    def setup(folder: Path, environment: dict[str, str]) -> None:
        _installed()(folder, environment)
        program = folder / ".programs" / "identify"
        program.parent.mkdir(exist_ok=True)
        program.write_text(content, encoding="utf-8")
        program.chmod(0o755)
        environment["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"

    return setup


SETUPS: Mapping[str, Setup] = {
    "a checkout": _checkout,
    "no identify.toml": _no_configuration,
    "the distribution in small is installed": _small,
    "the examples of the hooks are files": _examples,
    "identify-spirals is installed": _installed(_spirals()),
    "the generated plugin is installed": _generated,
    "identify-spirals is not installed": _installed(),
    "identify-spirals has no entry point": _installed(_spirals(plugins={})),
    "identify-spirals is broken": _installed(_spirals("import torchvison\n")),
    "identify-spirals is for the next release": _installed(_spirals(requires=["identify-core>=0.2,<0.3"])),
    "two distributions offer spirals": _installed(_spirals(), _spirals(name="spiral-zoo", version="3.2")),
    "the shell finds ImageMagick's identify": _program_named_identify("#!/bin/sh\n# ImageMagick\n"),
    "the shell finds another environment's identify": _program_named_identify(
        "#!/opt/other/bin/python\nfrom identify_core.cli import main\nmain()\n"
    ),
}
