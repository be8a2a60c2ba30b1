"""The proof that the hooks are enough: a plugin as generated, built, installed next to a built core, run and tested.

Nothing of this repository is reachable from the environment in which that happens but the core's wheel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import attrs
import pytest

from identify_core import __version__
from identify_core.plugins.scaffold import render

ROOT = Path(__file__).parent.parent
NAME = "two-moons"
PACKAGE = "identify_two_moons"


def run(*command: str | Path, folder: Path, variables: dict[str, str], status: int = 0) -> str:
    """Run a process to its end; what it wrote to stdout."""
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == status, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@attrs.frozen
class Installation:
    """An environment of its own, and the folder in which a user of it works."""

    folder: Path
    environment: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.environment / "bin" / "python"

    def run(self, *command: str | Path, folder: str = ".", status: int = 0) -> str:
        """Run a command of the environment, without what is set for this process; what it wrote to stdout."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("IDENTIFY_", "PY"))}
        path = os.pathsep.join([str(self.environment / "bin"), kept.get("PATH", "")])
        variables = {**kept, "PATH": path, "OMP_NUM_THREADS": "1", "HOME": str(self.folder)}
        return run(*command, folder=self.folder / folder, variables=variables, status=status)

    def identify(self, *arguments: str) -> str:
        """Run its `identify`."""
        return self.run(self.environment / "bin" / "identify", *arguments)

    def json(self, *arguments: str) -> dict[str, Any]:
        """Run its `identify` with `--json` and parse what it prints."""
        document: dict[str, Any] = json.loads(self.identify(*arguments, "--json"))
        return document


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Generate the plugin, build both wheels, install them into a fresh environment."""
    folder = tmp_path_factory.mktemp("user")

    def call(*arguments: str | Path) -> None:
        run(sys.executable, "-m", *arguments, folder=folder, variables=dict(os.environ))

    call("identify_core", "new-plugin", NAME)
    wheels = folder / "wheels"
    build = ("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels)
    call(*build, ROOT / "core", f"./identify-{NAME}")
    environment = folder / "environment"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(environment)
    install = ("pip", "--python", environment / "bin" / "python", "install", "--quiet", "--no-deps", "--no-index")
    call(*install, *sorted(wheels.glob("*.whl")))
    lend_packages(environment, folder / "lent")
    return Installation(folder, environment)


def lend_packages(environment: Path, folder: Path) -> None:
    """Let the environment find what this one has of others, such as torch, and nothing of this repository."""
    folder.mkdir()
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for each in Path(site).iterdir():
            ours = each.name.startswith(("identify", "_editable_impl_identify", "__editable__"))
            if not ours and each.suffix != ".pth" and each.name != "__pycache__":
                (folder / each.name).symlink_to(each)
    (own,) = environment.glob("lib/python*/site-packages")
    (own / "lent.pth").write_text(f"{folder}\n")


@pytest.fixture(scope="module")
def ran(installed: Installation) -> Installation:
    """The same with a finished run of `smoke`."""
    installed.identify("run", NAME, "--preset", "smoke", "--quiet")
    return installed


def test_the_core_and_the_plugin_are_the_built_ones(installed: Installation) -> None:
    code = f"import identify_core, {PACKAGE}; print(identify_core.__file__, {PACKAGE}.__file__, sep='\\n')"
    for file in installed.run(installed.python, "-c", code).split():
        assert Path(file).is_relative_to(installed.environment)
    code = "import importlib.util; print(importlib.util.find_spec('identify_genni'))"
    assert installed.run(installed.python, "-c", code) == "None\n"


def test_it_is_the_one_plugin_and_available(installed: Installation) -> None:
    (plugin,) = installed.json("list-plugins", "--check")["plugins"]
    assert (plugin["name"], plugin["status"], plugin["distribution"]) == (NAME, "available", f"identify-{NAME}")
    assert plugin["version"] == "0.1.0"


def test_it_offers_one_component_of_each_kind(installed: Installation) -> None:
    text = installed.identify("describe", NAME)
    for name in ("mixtures", "autoencoder", "reconstruction", "agreement", "smoke"):
        assert name in text


def test_a_mistake_in_a_spec_is_told_before_torch_is_imported(installed: Installation) -> None:
    command = ("identify", "validate", NAME, "--set", "objective.stepz=3", "--json")
    problems = json.loads(installed.run(*command, status=2))["problems"]
    assert "steps" in str(problems)


def test_it_runs(ran: Installation) -> None:
    (run,) = ran.json("runs", "ls")["runs"]
    assert run["status"] == "finished"
    document = ran.json("runs", "show", "@last")
    assert f"{NAME}:agreement" in str(document)


def test_its_replicates_compare(ran: Installation) -> None:
    document = ran.json("compare", "@last", "--evaluator", f"{NAME}:agreement", "--quiet")
    assert len(document["representations"]) == 3
    assert document["findings"]["agreement"]["scalars"]["agreement median"] == pytest.approx(1, abs=0.01)


def test_its_own_suite_passes(installed: Installation) -> None:
    said = installed.run(installed.python, "-m", "pytest", "-p", "no:cacheprovider", folder=f"identify-{NAME}")
    assert " passed" in said.splitlines()[-1]
    assert "failed" not in said
    assert "warning" not in said


def test_it_can_be_checked_from_the_shell(installed: Installation) -> None:
    document = installed.json("check-plugin", NAME, "--only", "loads", "--only", "options-toml")
    assert document["passed"]
    assert document["counts"] == {"passed": 5, "failed": 0, "skipped": 0}


@pytest.mark.slow
def test_it_conforms_in_everything(installed: Installation) -> None:
    """Its own suite asks the same; here nothing may have been skipped."""
    document = installed.json("check-plugin", NAME)
    assert {each["status"] for each in document["results"]} == {"passed"}


def test_the_installed_core_writes_the_same_plugin(installed: Installation) -> None:
    """The template is shipped whole, and what installers leave in it does not come along."""
    (core,) = installed.environment.glob("lib/python*/site-packages/identify_core")
    assert list((core / "template").rglob("__pycache__"))
    document = installed.json("new-plugin", "another")
    assert document["files"] == list(render("another", author=""))
    bound = ".".join(__version__.split(".")[:2])
    assert f"identify-core>={bound}," in (installed.folder / document["folder"] / "pyproject.toml").read_text()


@pytest.mark.slow
def test_its_types_hold(installed: Installation) -> None:
    command = ("-m", "mypy", "--cache-dir", installed.folder / "mypy", "--python-executable", installed.python)
    installed.run(sys.executable, *command, folder=f"identify-{NAME}")
