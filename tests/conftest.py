"""Fixtures for tests that use the product as a person does: real processes, real folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


class CommandLine:
    """Runs `identify` in a folder of its own, as a process.

    Args:
        folder: the working directory; its store is `identify-store`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("IDENTIFY_")},
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "",
        }

    def command(self, *arguments: str) -> list[str]:
        """The process's arguments."""
        return [sys.executable, "-m", "identify_core", *arguments]

    def __call__(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end and check the exit status."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """Run with `--json` and parse what it prints."""
        document: dict[str, Any] = json.loads(self(*arguments, "--json", status=status).stdout)
        assert document["schema"].startswith("identify/")
        return document

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start and do not wait."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def identify(tmp_path: Path) -> CommandLine:
    """The command line in an empty folder."""
    return CommandLine(tmp_path)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A folder with one finished run of the genni plugin's `smoke`."""
    command_line = CommandLine(tmp_path_factory.mktemp("study"))
    command_line("run", "genni", "--preset", "smoke", "--quiet")
    return command_line
