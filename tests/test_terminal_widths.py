"""What verbs print in real terminals of 60 to 200 columns: nothing cut, nothing wider, the README's answer."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

from identify_core.testing.fixtures import Project

ROOT = Path(__file__).parents[1]
WIDTHS = (60, 80, 100, 120, 200)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def in_terminal(arguments: list[str], width: int, project: Project) -> list[str]:
    """The lines that a command prints into a pseudo-terminal of some width, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = {**project.environment, "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "identify_core", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        cwd=project.path,
        env=environment,
    )
    os.close(theirs)
    printed = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        printed += piece
    os.close(ours)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return ESCAPES.sub("", printed.decode()).replace("\r", "").rstrip("\n").split("\n")


@pytest.fixture
def compared(project: Project) -> Project:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(500, 8))
    rotation, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    np.save(project.path / "a.npy", a)
    np.save(project.path / "b.npy", a @ rotation)
    return project


def without_rounding(line: str) -> str:
    """A line whose numbers at the limit of rounding are left out, and so is how they align."""
    line = re.sub(r"\d+(\.\d+)?e-(1\d|3\d)|\b0\b", "tiny", line)
    return " ".join(line.split())


def test_the_answer_is_that_of_the_readme_and_fits_every_terminal(compared: Project) -> None:
    lines = in_terminal(["compare", "a.npy", "b.npy", "--quiet"], 80, compared)
    assert len(lines) <= 24
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("## The answer")[2].partition("```text\n")[2].partition("\n```")[0].split("\n")
    assert " ".join(map(without_rounding, lines[:-1])).split() == " ".join(map(without_rounding, shown)).split()
    for width in WIDTHS:
        again = in_terminal(["runs", "show", "@comparison"], width, compared)
        assert max(map(len, again[:20])) <= width
        assert not any("…" in line for line in again)
        assert again[0].startswith("orthogonal: a rotation or reflection carries a onto b")
        residual = next(line.split() for line in again if line.startswith("identity"))
        assert re.fullmatch(r"\d+\.\d+", residual[2])


@pytest.mark.parametrize("width", [60, 100, 120, 200])
def test_many_pairs_with_long_names_fit_every_terminal(project: Project, width: int) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(200, 4))
    names = [f"a-long-name-of-an-experiment-{number}.npy" for number in range(5)]
    for number, name in enumerate(names):
        np.save(project.path / name, base @ rng.normal(size=(4, 4)) if number else rng.normal(size=(200, 4)))
    asked = ["compare", *names, "--evaluator", "ladder", "--evaluator", "linear-cka", "--quiet"]
    lines = in_terminal(asked, width, project)
    assert len(lines) <= 40
    told = lines[:-1]  # the last has commands, to be copied whole
    assert max(map(len, told)) <= width
    assert not any("…" in line for line in told)
    printed = " ".join(" ".join(told).split())
    for name in names:
        assert name in printed.replace(" ", "")
    numbers = [word.strip("(),;") for word in printed.split() if re.match(r"-?\d+\.\d", word)]
    assert numbers
    assert all(re.fullmatch(r"-?\d+\.\d+(e-?\d+)?%?", each) for each in numbers)


def test_runs_and_listings_cut_nothing(project: Project) -> None:
    run = project.run("toy", preset="smoke")
    summary = next(found.summary for found in run.findings.values() if found.summary)
    for width in WIDTHS:
        listed = in_terminal(["runs", "ls"], width, project)
        assert max(map(len, listed)) <= width
        (line,) = [line for line in listed if run.id in line]
        said = line.removesuffix(" …").rpartition("   ")[2].strip()
        assert f"{summary} ".startswith(f"{said} ") or said in ("finished", run.summary.plugin, run.summary.name)
        shown = in_terminal(["runs", "show"], width, project)
        assert any(run.id in line for line in shown)
        assert not any("…" in line for line in shown)
        assert len(shown) <= 24
