"""The Dockerfile and environment.yml install what the README installs, and work in a fresh environment."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def docker_command() -> list[str]:
    (run,) = re.findall(r"(?m)^RUN (.*)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    return shlex.split(run)


def conda_arguments() -> list[str]:
    """What environment.yml hands to pip, one argument or option a line."""
    lines = (ROOT / "environment.yml").read_text(encoding="utf-8").partition("  - pip:\n")[2].splitlines()
    return [word for line in lines for word in shlex.split(line.strip().removeprefix("- "))]


def python_of(text: str) -> str:
    found = re.search(r"python[:=](3\.\d+)", text)
    assert found is not None
    return found[1]


def test_they_install_what_the_readme_installs() -> None:
    readme = re.search(r"\$ pip install (.*?) && identify", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert readme is not None
    wanted = shlex.split(readme[1])
    assert conda_arguments() == wanted
    assert docker_command() == ["pip", "install", "--no-cache-dir", *wanted]


@pytest.mark.parametrize("name", ["Dockerfile", "environment.yml"])
def test_their_python_is_one_that_is_supported(name: str) -> None:
    version = python_of((ROOT / name).read_text(encoding="utf-8"))
    minor = int(version.partition(".")[2])
    bounds = re.search(r">=3\.(\d+),<3\.(\d+)", (ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))
    assert bounds is not None
    assert int(bounds[1]) <= minor < int(bounds[2])


@pytest.mark.slow
def test_their_commands_work_in_a_fresh_environment(tmp_path: Path) -> None:
    venv.create(tmp_path / "fresh", with_pip=True)
    scripts = tmp_path / "fresh" / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([scripts / "python", "-m", *docker_command()], cwd=ROOT, check=True)
    done = subprocess.run(
        [scripts / "identify", "list-plugins", "--check"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "genni" in done.stdout
