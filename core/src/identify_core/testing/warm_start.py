"""A process that has imported what commands need, and forks for each of them: their start-up is paid once.

Each command is still a process of its own, with its own working folder, variables and exit status. Only where processes
can be forked safely; elsewhere each command starts a Python of its own. So does one whose variables change how Python
or its libraries start, and one whose path holds a module that the warm process has imported from somewhere else.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CAN_FORK = sys.platform == "linux"
SECONDS = 300
"""How long a command may take."""
_IMPORTED = ("identify_core.cli", "identify_core.reports.page", "identify_core.runs.engine")
_READ_AT_START = ("CUDA_", "LD_", "MKL_", "MPL", "OMP_", "OPENBLAS_", "PYTHON", "TORCH_")


class WarmStart:
    """Starts `identify` from a warm process; `close` ends it.

    Args:
        environment: the variables of the warm process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in environment.items() if not name.startswith("IDENTIFY_")},
            text=True,
        )

    def run(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], merged: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run `identify` to its end.

        Args:
            arguments: what follows the program's name.
            folder: the working folder.
            environment: its variables.
            merged: stdout holds what is printed on stderr too, in the order in which it is printed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as scratch:
            printed = [Path(scratch) / name for name in ("stdout", "stdout" if merged else "stderr")]
            order = {
                "arguments": list(arguments),
                "folder": str(folder),
                "environment": dict(environment),
                "printed": [str(file) for file in printed],
            }
            print(json.dumps(order), file=self._process.stdin, flush=True)
            status = int(self._process.stdout.readline())
            out, err = (file.read_text(encoding="utf-8") for file in printed)
        return subprocess.CompletedProcess(list(arguments), status, out, "" if merged else err)

    def close(self) -> None:
        """End the warm process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@functools.cache
def warm_start() -> WarmStart | None:
    """The warm process of this one, started when it is first asked for; None where processes cannot be forked."""
    return WarmStart({**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": ""}) if CAN_FORK else None


def _serve() -> None:
    """Fork for every order that comes on stdin, and answer with the exit status."""
    started = dict(os.environ)
    for name in _IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_obey(json.loads(line), started))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _obey(order: Mapping[str, Any], started: Mapping[str, str]) -> int:
    """In the child: become a process of its own and run the command line."""
    signal.alarm(SECONDS)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for target, file in enumerate(order["printed"], start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND), target)
    os.chdir(order["folder"])
    environment: dict[str, str] = order["environment"]
    paths = [each for each in environment.get("PYTHONPATH", "").split(os.pathsep) if each]
    if _starts_otherwise(environment, started) or _holds_other_modules(paths, started):
        command = [sys.executable, "-m", "identify_core", *order["arguments"]]
        os.execve(sys.executable, command, environment)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0:1] = paths
    sys.argv = ["identify", *order["arguments"]]
    try:
        runpy.run_module("identify_core.__main__", run_name="__main__")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _starts_otherwise(environment: Mapping[str, str], started: Mapping[str, str]) -> bool:
    names = {each for each in (*environment, *started) if each.startswith(_READ_AT_START)} - {"PYTHONPATH"}
    return any(environment.get(name) != started.get(name) for name in names)


def _holds_other_modules(paths: Sequence[str], started: Mapping[str, str]) -> bool:
    before = started.get("PYTHONPATH", "").split(os.pathsep)
    names = {file.partition(".")[0] for path in paths if path not in before for file in _files(path)}
    return "sitecustomize" in names or not names.isdisjoint(sys.modules)


def _files(path: str) -> list[str]:
    return os.listdir(path) if os.path.isdir(path) else []


if __name__ == "__main__":
    _serve()
