"""A study that the tests of this folder look at, made as a person makes it."""

from __future__ import annotations

import pytest

from identify_core.testing.command_line import CommandLine


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A folder with one finished run of the genni plugin's `smoke`."""
    command_line = CommandLine(tmp_path_factory.mktemp("study"))
    command_line("run", "genni", "--preset", "smoke", "--quiet")
    return command_line
