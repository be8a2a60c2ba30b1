"""A project in which the toy plugin is installed, and its command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from identify_core.cli.root import run_command_line
from identify_core.testing.fixtures import InstallDistribution, Project

Identify = Callable[..., int]


@pytest.fixture
def identify(project: Project, install_distribution: InstallDistribution, monkeypatch: pytest.MonkeyPatch) -> Identify:
    """`identify("study", "paper.toml")` in the project's folder; its exit status."""
    install_distribution("toy-plugin", plugins={"toy": "identify_core.testing.toy_plugin"}, modules={})
    monkeypatch.chdir(project.path)
    return lambda *words: run_command_line([*words])


@pytest.fixture
def paper(project: Project) -> Path:
    """A study of two kinds of runs, a comparison, a table and a figure."""
    return project.write_spec(PAPER, "paper.toml")


PAPER = """
title = "Lines"

[[runs]]
label = "one"
plugin = "toy"
preset = "smoke"

[[runs]]
label = "seeds"
plugin = "toy"
set = { "replicates" = 2 }
[runs.sweep]
seed = [1, 2]

[[runs]]
label = "theirs"
plugin = "toy"
optional = true
needs = ["not-here"]

[[comparisons]]
label = "replicates"
of = ["one:hidden"]
evaluators = ["toy:distance"]

[[tables]]
label = "losses"
values = ["whole/best", "outcome/steps"]
by = ["seed"]
of = ["seeds"]

[[figures]]
label = "loss-by-seed"
value = "whole/best"
against = "seed"
of = ["seeds"]
"""
