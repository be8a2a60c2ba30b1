"""A process that has imported what commands need, and forks for each of them: their start-up is paid once.

Each command is still a process of its own, with its own working folder, variables and exit status. Only where processes
can be forked safely; elsewhere each command starts a Python of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CAN_FORK = sys.platform == "linux"
SECONDS = 300
"""How long a command may take."""


class WarmStart:
    """Starts `identify` from a warm process; `close` ends it."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in environment.items() if not name.startswith("IDENTIFY_")},
            text=True,
        )

    def run(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: Path
    ) -> tuple[int, str]:
        """Run `identify` to its end; its exit status and what it printed.

        Args:
            arguments: what follows the program's name.
            folder: the working folder.
            environment: its variables.
            output: a file for what it prints.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
            "output": str(output),
        }
        print(json.dumps(order), file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        return status, output.read_text(encoding="utf-8")

    def close(self) -> None:
        """End the warm process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _serve() -> None:
    """Fork for every order that comes on stdin, and answer with the exit status."""
    import identify_core.reports.page
    import identify_core.runs.engine  # noqa: F401 - imported before the forks, for all of them

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_obey(json.loads(line)))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _obey(order: Mapping[str, object]) -> int:
    """In the child: become a process of its own and run the command line."""
    signal.alarm(SECONDS)
    written = os.open(str(order["output"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    os.chdir(str(order["folder"]))
    os.environ.clear()
    os.environ.update(order["environment"])  # type: ignore[call-overload]
    paths = os.environ.get("PYTHONPATH", "")
    sys.path[:0] = [os.getcwd(), *(each for each in paths.split(os.pathsep) if each)]
    sys.argv = ["identify", *order["arguments"]]  # type: ignore[misc]
    from identify_core import run_command_line

    status = 1
    try:
        status = run_command_line()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return status


if __name__ == "__main__":
    _serve()
