"""Commands that begin at once: one process loads everything that a verb may need, and forks itself for each command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs

_LOADED = (
    "identify_core.cli.root",
    "identify_core.cli.evaluate",
    "identify_core.comparisons.comparison",
    "identify_core.reports.page",
    "identify_core.reports.tables",
    "identify_core.runs.engine",
    "identify_core.runs.revisits",
    "identify_core.sweeps.figures",
    "identify_core.sweeps.execution",
    "identify_core.testing.toy_targets",
    "identify_measures",
    "matplotlib.backends.backend_agg",
)


@attrs.frozen
class Ended:
    """How a command ended: its exit status, negative for a signal, and all that it printed."""

    status: int
    said: str


class Forge:
    """Starts `identify` commands in a folder, a fork each.

    Args:
        folder: the working directory; its store is `identify-store`.
        environment: the processes' variables.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._outputs: dict[int, Path] = {}
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            env={**environment, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Forge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate()

    def start(self, *arguments: str, cwd: Path | None = None) -> int:
        """Begin a command; its process id."""
        output = self.folder / f".output-{len(self._outputs)}"
        output.touch()  # a command may be killed before it has printed anything
        pid = self._ask({"arguments": list(arguments), "output": str(output), "cwd": str(cwd or self.folder)})
        self._outputs[pid] = output
        return pid

    def kill(self, pid: int) -> None:
        """End a command at once, if it is still there: it is a zombie until `wait` is called."""
        os.kill(pid, signal.SIGKILL)

    def wait(self, pid: int) -> Ended:
        """Let a command end."""
        status = self._ask({"wait": pid})
        return Ended(status, self._outputs[pid].read_text(errors="replace"))

    def __call__(self, *arguments: str, cwd: Path | None = None) -> Ended:
        """Run a command to its end."""
        return self.wait(self.start(*arguments, cwd=cwd))

    def _ask(self, question: Any) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


def _serve() -> None:
    import importlib

    for name in _LOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            _, status = os.waitpid(question["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if not answer:
                _become(question)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _become(question: Mapping[str, Any]) -> None:
    output = os.open(question["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, output, output)):
        os.dup2(descriptor, number)
    os.chdir(question["cwd"])
    sys.argv = ["identify", *question["arguments"]]
    from identify_core.cli import main

    status: Any = 1
    try:
        status = main()
    except SystemExit as ended:
        status = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    _serve()
