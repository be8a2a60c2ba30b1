"""The command line as a person uses it: a real process in a folder, its exit status checked, its JSON parsed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from identify_core.testing.warm_start import SECONDS, warm_start


class CommandLine:
    """Runs `identify` in a folder, each time as a process of its own, forked where that can be done from a warm one.

    Args:
        folder: the working directory; its store is `identify-store`.
        environment: the processes' variables, looked up at each call; by default this process's without the user's
            settings of identify.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = plain_environment() if environment is None else environment

    def command(self, *arguments: str) -> list[str]:
        """The process's arguments."""
        return [sys.executable, "-m", "identify_core", *arguments]

    def __call__(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end.

        Raises:
            AssertionError: the exit status is not `status`, or a traceback was printed.
        """
        warm = warm_start()
        if warm is None:
            done = subprocess.run(
                self.command(*arguments),
                cwd=self.folder,
                env=dict(self.environment),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        else:
            done = warm.run(arguments, folder=self.folder, environment=self.environment)
        assert done.returncode == status, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def json(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """Run with `--json` and parse what it prints on stdout, which must be one JSON object with a schema.

        Raises:
            AssertionError: as for a call, or the object has no schema.
        """
        document: dict[str, Any] = json.loads(self(*arguments, "--json", status=status).stdout)
        assert document["schema"].startswith("identify/")
        return document

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start and do not wait."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def plain_environment() -> dict[str, str]:
    """This process's variables without the user's settings of identify, and with one thread for arithmetic."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("IDENTIFY_")}
    return {**own, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": ""}
