"""Start-up stays light: which heavy modules each quick path leaves unimported, seen from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from identify_core.testing.fixtures import Project

ARRAYS = {"torch", "numpy", "zarr", "matplotlib", "scipy", "sklearn", "pandas", "plotly"}
SPECS = {"identify_core.spec"}
TABLES = {"rich"}
PLUGINS = {"pluggy", "identify_core.plugins.loading", "identify_core.components", "identify_genni.plugin"}

IMPORT = "import json, sys\n{}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
COMMAND = "from identify_core.cli.root import run_command_line\nassert run_command_line({!r}) == 0"


def imported(code: str, folder: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT.format(code)], capture_output=True, text=True, check=True, cwd=folder
    )
    modules = set(json.loads(done.stderr.splitlines()[-1]))
    return modules | {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], ARRAYS | SPECS | TABLES | PLUGINS | {"packaging"}),
        (["--version"], ARRAYS | SPECS | TABLES | PLUGINS | {"packaging"}),
        (["list-plugins"], ARRAYS | SPECS | PLUGINS),
        (["list-plugins", "--json"], ARRAYS | SPECS | PLUGINS | TABLES),
        (["list-plugins", "--check"], ARRAYS | SPECS),
        (["describe"], ARRAYS),
        (["describe", "rungs"], ARRAYS | SPECS | {"identify_core.plugins.loading"}),
    ],
)
def test_quick_verbs_import_nothing_heavy(arguments: list[str], absent: set[str], project: Project) -> None:
    assert imported(COMMAND.format(arguments), project.path) & absent == set()


@pytest.mark.parametrize(
    "module",
    [
        "identify_core",
        "identify_core.components",
        "identify_core.plugins.configuration",
        "identify_core.deprecation",
        "identify_core.plugins.discovery",
        "identify_core.doctor",
        "identify_core.errors",
        "identify_core.hookspecs",
        "identify_core.options",
        "identify_core.plugins.files",
        "identify_core.plugins",
        "identify_core.rungs",
        "identify_core.stdout",
        "identify_core.testing",
    ],
)
def test_light_modules_import_no_arrays(module: str, project: Project) -> None:
    assert imported(f"import {module}", project.path) & (ARRAYS | SPECS) == set()


def test_every_module_of_the_command_line_is_light(project: Project) -> None:
    import identify_core.cli

    names = [f"identify_core.cli.{file.stem}" for file in Path(identify_core.cli.__file__).parent.glob("*.py")]
    assert len(names) > 5
    modules = imported(f"import {', '.join(names)}".replace(".__init__", ""), project.path)
    assert modules & ARRAYS == set()
