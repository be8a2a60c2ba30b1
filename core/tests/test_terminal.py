"""Any text, any stream and any folder that a command is started in: one message or a working command."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import identify_core
from identify_core.terminal import make_console, shown
from identify_core.testing.fixtures import InstallDistribution, Project

HOSTILE = "a\x1b]52;c;aGk=\x07b\x9b31mc\r\x7fd\u202ee"
VISIBLE = "a\\x1b]52;c;aGk=\\x07b\\x9b31mc\\x0d\\x7fd\\u202ee"
SUMMARY = "Schöne Größen – 模型 \x1b]52;c;aGk=\x07"

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def test_control_characters_are_shown_and_lines_and_tabs_kept() -> None:
    assert shown(HOSTILE) == VISIBLE
    assert shown("ä\tb\n→ 模") == "ä\tb\n→ 模"
    assert shown(shown(HOSTILE)) == VISIBLE


def test_a_console_shows_text_and_keeps_its_own_styles() -> None:
    from rich.text import Text

    file = io.StringIO()
    console = make_console(file, force_terminal=True, width=100, color_system="standard")
    console.print(Text("a\x1b]52;c\x9b31m\x7f\u202e", style="red"))
    console.print("b\x1b]52;c\x9b", markup=False, highlight=False)
    assert file.getvalue() == "\x1b[31ma\\x1b]52;c\\x9b31m\\x7f\\u202e\x1b[0m\nb\\x1b]52;c\\x9b\n"


def test_every_verb_prints_through_what_shows() -> None:
    """A call of click.echo, print or Console anywhere but in the two modules that show would be a hole."""
    folder = Path(identify_core.__file__).parent
    allowed = {folder / "cli" / "output.py", folder / "terminal.py"}
    found = []
    for file in sorted((folder / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and file not in allowed:
                name = ast.unparse(node.func)
                if name in ("click.echo", "click.secho", "print", "Console", "sys.stdout.write"):
                    found.append(f"{file.relative_to(folder)}:{node.lineno} {name}")
    assert not found


@pytest.fixture
def run(project: Project, install_distribution: InstallDistribution) -> Run:
    """`run("list-plugins", shell="{} >&-")`: a process whose distribution says what no terminal should be told."""
    install_distribution(
        "loud-plugin",
        plugins={"loud": "loud_plugin"},
        modules={
            "loud_plugin": "from identify_core.hookspecs import hookimpl\n"
            "from identify_core.components import Dataset\n@hookimpl\ndef identify_datasets():\n"
            f"    return [Dataset(name='loud', summary={SUMMARY!r} + chr(0xd800), target='loud_plugin:make')]\n"
        },
    )

    def run(*arguments: str, shell: str = "{}", **variables: str) -> subprocess.CompletedProcess[bytes]:
        command = " ".join([sys.executable, "-m", "identify_core", *arguments])
        done = subprocess.run(
            ["bash", "-c", shell.format(command)],
            cwd=project.path,
            env={**project.environment, **variables},
            capture_output=True,
            check=False,
            timeout=120,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done

    return run


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, (dict, list)):
        for each in document.values() if isinstance(document, dict) else document:
            yield from _texts(each)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_what_an_encoding_lacks_is_escaped(run: Run, encoding: str) -> None:
    for arguments in (["describe", "loud:loud"], ["--help"], ["describe", "rung"], ["list-plugins"]):
        done = run(*arguments, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout
    printed = run("describe", "loud:loud", "--json", PYTHONIOENCODING=encoding).stdout
    assert b"\x1b" not in printed
    assert SUMMARY + "\ud800" in _texts(json.loads(printed.decode(encoding)))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_stdout_that_is_full_is_one_message(run: Run) -> None:
    for verb in (["list-plugins"], ["list-plugins", "--json"], ["--help"]):
        done = run(*verb, shell="{} >/dev/full")
        assert done.returncode == 1
        assert done.stderr.decode().splitlines() == [
            "error: the result cannot be written to standard output: No space left on device",
            "hint: what the command keeps is in the store all the same",
        ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "shell", ["{} >&-", "{} 2>&-", "{} 2>/dev/full", "{} >&- 2>&- <&-", "{} | head -c 1 >/dev/null"]
)
def test_streams_that_are_closed_or_full_hinder_nothing(run: Run, shell: str) -> None:
    done = run("list-plugins", shell=f"set -o pipefail; {shell}")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_working_folder_that_is_gone_is_one_message(run: Run) -> None:
    for verb in ("list-plugins", "runs ls", "--help"):
        done = run(verb, shell="mkdir gone && cd gone && rmdir ../gone && {}")
        assert done.returncode == 2
        assert done.stderr.decode().startswith("error: the working folder is gone\nhint: ")


def test_a_terminal_is_told_nothing(project: Project, run: Run) -> None:
    """On a terminal, where colours are on, no control sequence of the plugin's comes through."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "identify_core", "describe", "loud"]
    process = subprocess.Popen(
        command, cwd=project.path, env=dict(project.environment), stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
    assert process.wait() == 0
    assert b"\\x1b]52" in said
    assert b"\x1b]" not in said
    os.close(ours)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("name", ["a::b", os.fsdecode(b"u\xffv"), "\x1b[2J"])
def test_a_store_in_a_folder_of_any_name_is_written_and_read(
    project: Project, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from identify_core.cli.root import run_command_line
    from identify_core.contexts.display import SilentDisplay
    from identify_core.runs.engine import RunSurroundings, execute
    from identify_core.spec import load_spec
    from identify_core.store import Store, StoredRun

    store = Store(project.path / name / "store")
    spec = load_spec(project.registry(), plugin="toy", preset="smoke")
    outcome = execute(spec, RunSurroundings(store=store, display=SilentDisplay()))
    assert StoredRun.open(outcome.folder).latents
    assert not outcome.failures
    for verb in (["runs", "ls"], ["runs", "show", "@last"], ["runs", "verify", "@last"], ["report", "@last"]):
        assert run_command_line(["--store", str(store.path), *verb]) == 0
    assert "\x1b[2J" not in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_repository_with_names_that_are_no_text_has_a_state(project: Project) -> None:
    from identify_core.store.provenance import git_state

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
        subprocess.run(["git", *who, *arguments], cwd=project.path, check=True, capture_output=True)

    file = project.path / os.fsdecode(b"n\xfe")
    file.write_text("one")
    for arguments in (["init"], ["config", "core.quotepath", "false"], ["add", "-A"], ["commit", "-m", "one"]):
        git(*arguments)
    state = git_state(project.path)
    assert state is not None
    assert state["dirty"] is False
    file.write_text("two")
    assert git_state(project.path) == {"commit": state["commit"], "dirty": True}
