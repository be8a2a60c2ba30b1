"""Running the blocks of a page, in order and in one folder, as its reader would."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
from snippets.reading import Block
from snippets.setups import SETUPS

from identify_core.testing.warm_start import SECONDS, warm_start

_EXIT = re.compile(r"\s+# exit (\d+)$")
_COMMENT = re.compile(r"\s+# .*$")
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")
_SHOWS_PROGRESS = ("run", "resume", "sweep", "evaluate", "compare")


@attrs.frozen(kw_only=True)
class Line:
    """One command of a console block.

    Args:
        words: of the command, without the prompt.
        status: the exit status that it must have.
        output: what the page shows below it; empty where it shows nothing.
    """

    words: tuple[str, ...]
    status: int = 0
    output: str = ""


class PageRun:
    """A page being run: its folder, its variables and what its Python blocks have defined so far.

    Args:
        folder: where everything happens.
        environment: of its processes.
        plugin: the plugin that its specs are of where they name none.
        slow: whether to run the slow blocks, or else the others.
    """

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        *,
        plugin: str = "",
        slow: bool = False,
    ) -> None:
        self.folder = folder
        # Tables as wide as they need to be: what a page shows is compared with what is printed.
        self.environment = {**environment, "COLUMNS": "250", "NO_COLOR": "1"}
        self.plugin = plugin
        self.slow = slow
        self.warm = warm_start()
        self.here = folder
        self.names: dict[str, Any] = {"__name__": "page"}
        self.specs = 0

    def run(self, block: Block) -> None:
        """Run one block.

        Raises:
            AssertionError: it fails, or prints something else than the page shows.
        """
        if "setup" in block.remarks:
            assert block.remarks["setup"] in SETUPS, f"there is no setup {block.remarks['setup']!r}"
            SETUPS[block.remarks["setup"]](self.folder, self.environment)
        if "not run" in block.remarks or ("slow" in block.remarks) != self.slow:
            return
        {"console": self._console, "python": self._python, "toml": self._toml}.get(block.kind, _ignore)(block)

    def _console(self, block: Block) -> None:
        for line in read_console(block.text):
            if line.words[:2] == ("pip", "install") and "installed" in block.remarks:
                continue
            printed = self._command(line)
            _compare(line, printed)

    def _command(self, line: Line) -> str:
        words = list(line.words)
        variables = {}
        while words and _ASSIGNMENT.fullmatch(words[0]):
            name, _, value = words.pop(0).partition("=")
            variables[name] = value
        program, *arguments = words
        if program == "cd":
            self.here = (self.here / arguments[0]).resolve()
            return ""
        if program == "export":
            self.environment.update({name: value for name, _, value in (each.partition("=") for each in arguments)})
            return ""
        status, printed = self._start(program, [*arguments, *_quiet(arguments)], {**self.environment, **variables})
        said = f"$ {shlex.join(line.words)}\nexit {status}\n{printed}"
        assert status == line.status, said
        # A program of the page may show its traceback; what is ours never does.
        assert "Traceback" not in printed or arguments[:1] == ["-c"], said
        return printed

    def _start(self, program: str, arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
        if program == "identify" and self.warm is not None:
            done = self.warm.run(arguments, folder=self.here, environment=environment, merged=True)
            return done.returncode, done.stdout
        done = subprocess.run(
            [*_program(program), *arguments],
            cwd=self.here,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def _python(self, block: Block) -> None:
        if block.file_name:
            self._write(block)
            if "/" in block.file_name:  # a module of a distribution, which its tests and runs import
                return
            names: dict[str, Any] = {"__name__": Path(block.file_name).stem}
        else:
            names = self.names
        with contextlib.chdir(self.here), _importing_from(self.here):
            exec(compile(block.text, block.file_name or "page", "exec"), names)

    def _toml(self, block: Block) -> None:
        content = tomllib.loads(block.text)
        if block.file_name:
            self._write(block)  # a command of the page reads it
        elif "format" in content:
            self.specs += 1
            path = self.here / f".spec-{self.specs}.toml"
            path.write_text(block.text, encoding="utf-8")
            plugin = () if "plugin" in content or not self.plugin else (self.plugin,)
            self._command(Line(words=("identify", "validate", *plugin, "--spec", path.name)))

    def _write(self, block: Block) -> None:
        path = self.here / block.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")


@contextlib.contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Modules in the folder can be imported inside the block, and are forgotten after it."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]


def _ignore(_: Block) -> None:
    """Text and directives have nothing to run."""


def _program(name: str) -> list[str]:
    programs = {
        "identify": [sys.executable, "-m", "identify_core"],
        "python": [sys.executable],
        "pytest": [sys.executable, "-m", "pytest"],
    }
    assert name in programs, f"the suite runs {', '.join(programs)}, not {name!r}: leave the block out with its reason"
    return programs[name]


def _quiet(arguments: list[str]) -> list[str]:
    verb = next((each for each in arguments if each in _SHOWS_PROGRESS), "")
    return ["--quiet"] if verb and "--quiet" not in arguments and "identify_core" not in arguments else []


def read_console(text: str) -> Iterator[Line]:
    """The commands of a console block: lines that begin with `$ `, joined where they end with a backslash or `&&`."""
    joined = text.replace("\\\n", " ")
    commands = re.split(r"^\$ ", joined, flags=re.MULTILINE)[1:]
    for command in commands:
        first, _, output = command.partition("\n")
        status = _EXIT.search(first)
        parts = _COMMENT.sub("", first).split(" && ")
        for part in parts[:-1]:
            yield Line(words=tuple(shlex.split(part)))
        yield Line(words=tuple(shlex.split(parts[-1])), status=int(status[1]) if status else 0, output=output.strip())


def _compare(line: Line, printed: str) -> None:
    """Every part of what the page shows, between its dots, is printed in that order; blanks and rules do not count."""
    rest = _plain(printed)
    for part in re.split(r"\.\.\.|…", line.output):
        wanted = _plain(part)
        assert wanted in rest, f"$ {shlex.join(line.words)}\nshown:   {wanted}\nprinted: {printed}"
        rest = rest[rest.index(wanted) + len(wanted) :]


def _plain(text: str) -> str:
    return " ".join(re.sub("[─━]+", " ", text).split())


def plain_environment(home: Path) -> dict[str, str]:
    """This process's variables without its user's settings, and with one thread for arithmetic."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("IDENTIFY_", "WANDB_"))}
    return {**own, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": ""}
