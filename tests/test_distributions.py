"""What every distribution of the repository keeps: one version, the bound on the core, no import of another study."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from identify_core import __version__

ROOT = Path(__file__).parent.parent
CORE = ROOT / "core"
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
DISTRIBUTIONS = [CORE, *PLUGINS]


def project(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return content


def sources(folder: Path) -> list[Path]:
    return sorted((folder / "src").rglob("*.py"))


def imported_packages(path: Path) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_there_are_plugins() -> None:
    assert {"genni", "measures"} <= {folder.name for folder in PLUGINS}


@pytest.mark.parametrize("folder", [ROOT, *DISTRIBUTIONS], ids=lambda folder: folder.name)
def test_all_distributions_share_one_version(folder: Path) -> None:
    assert project(folder)["version"] == __version__


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_requires_this_minor_release_of_the_core(folder: Path) -> None:
    major, minor, _ = __version__.split(".")
    bound = f">={major}.{minor},<{major}.{int(minor) + 1}"
    required = [each for each in project(folder)["dependencies"] if each.startswith("identify-core")]
    assert len(required) == 1
    assert required[0].endswith(bound)


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_is_named_after_its_folder_and_found_by_its_entry_point(folder: Path) -> None:
    content = project(folder)
    assert content["name"] == f"identify-{folder.name}"
    assert content["entry-points"]["identify"] == {folder.name: f"identify_{folder.name}.plugin"}


def pins(name: str) -> dict[str, Version]:
    """The versions that a constraints file names."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    split = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(package): Version(version) for package, version in split}


def requirements(folder: Path) -> list[Requirement]:
    """What a distribution needs from elsewhere, its extras too."""
    content = project(folder)
    groups = [content["dependencies"], *content.get("optional-dependencies", {}).values()]
    found = [Requirement(each) for group in groups for each in group]
    return [each for each in found if not each.name.startswith("identify-")]


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_what_is_declared_is_what_is_tested(folder: Path) -> None:
    """Each lower bound is the version of `tox -e lowest`, so every distribution has the same; the newest is allowed."""
    lowest, newest = pins("constraints-lowest.txt"), pins("constraints.txt")
    for each in requirements(folder):
        (bound,) = each.specifier
        assert bound.operator == ">="
        assert Version(bound.version) == lowest[canonicalize_name(each.name)], each
        assert newest[canonicalize_name(each.name)] in each.specifier, each


def test_the_workspace_installs_the_core_and_every_plugin() -> None:
    listed = {each.partition(" @ ")[0] for each in project(ROOT)["dependencies"]}
    assert listed == {"identify-core", *(f"identify-{folder.name}" for folder in PLUGINS)}


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_a_distribution_is_complete(folder: Path) -> None:
    (package,) = (path.parent for path in (folder / "src").glob("*/__init__.py"))
    assert package.name == f"identify_{folder.name}"
    for path in (folder / "README.md", folder / "LICENSE", package / "py.typed", folder / "tests"):
        assert path.exists(), path
    assert len((folder / "README.md").read_text(encoding="utf-8")) > 400
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_imports_no_other_but_the_measures(folder: Path) -> None:
    others = {f"identify_{other.name}" for other in PLUGINS if other != folder} - {"identify_measures"}
    for path in sources(folder):
        assert not imported_packages(path) & others, path


def test_the_core_imports_no_plugin() -> None:
    plugins = {f"identify_{folder.name}" for folder in PLUGINS}
    for path in sources(CORE):
        assert not imported_packages(path) & plugins, path


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_a_module_says_its_subject_and_keeps_to_one(folder: Path) -> None:
    for path in sources(folder):
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            continue
        assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
        assert len(text.splitlines()) <= 400, f"{path} is longer than 400 lines"
        assert path.stem not in {"utils", "util", "helpers", "helper", "misc", "common"}, path


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_nothing_is_unpickled_or_evaluated(folder: Path) -> None:
    """`import-legacy` reads pickles on request, with an unpickler that admits arrays only."""
    allowed = {"restricted.py"}
    for path in sources(folder):
        if path.name in allowed:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec"}, path
            if isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "weights_only"}:
                safe = node.arg == "weights_only"
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is safe, path
        assert "pickle" not in imported_packages(path), path


def test_a_release_publishes_every_distribution_the_core_first() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))["jobs"]
    names = jobs["publish"]["strategy"]["matrix"]["distribution"]
    assert names[0] == "identify-core"
    assert sorted(names) == sorted(project(folder)["name"] for folder in DISTRIBUTIONS)
    assert all(f"identify-{folder.name}" == project(folder)["name"] for folder in DISTRIBUTIONS), (
        "as the build names them"
    )


def test_the_names_to_register_are_those_that_a_release_publishes() -> None:
    rows = re.findall(
        r"^\| `(identify-\w+)` \| `pypi-(\S+)` \|$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE
    )
    assert all(name == environment for name, environment in rows)
    assert sorted(name for name, _ in rows) == sorted(project(folder)["name"] for folder in DISTRIBUTIONS)


def test_a_release_is_of_the_version_in_its_tag() -> None:
    """The line that the workflow looks for stands in the core's file, and that of another version does not."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))["jobs"][
        "build"
    ]
    (command,) = [step["run"] for step in steps["steps"] if step.get("name") == "The tag is this version"]
    for tag, status in {f"v{__version__}": 0, "v99.0.0": 1}.items():
        done = subprocess.run(
            ["bash", "-c", command], cwd=ROOT, env={**os.environ, "GITHUB_REF_NAME": tag}, check=False
        )
        assert done.returncode == status, tag
