"""What a verb's help gives as an example exists: options of evaluators that are installed."""

from __future__ import annotations

import re

import click
import pytest

from identify_core.cli.root import root
from identify_core.errors import SpecError
from identify_core.plugins import load_registry
from identify_core.spec import choose_evaluator

EXAMPLE = re.compile(r"\b([a-z_]+=[^\s,]*(?:,[^\s]+)?)\.")


def examples() -> list[tuple[str, str]]:
    """Each `KEY=VALUE` that the help of an option `--set` of a verb on evaluators gives."""
    found = []
    for verb in ("evaluate", "compare"):
        command = root.get_command(click.Context(root), verb)
        assert command is not None
        for parameter in command.params:
            if "--set" in parameter.opts and isinstance(parameter, click.Option):
                found += [(verb, text) for text in EXAMPLE.findall(str(parameter.help))]
    return found


def test_there_is_an_example() -> None:
    assert ("evaluate", "counts=[9,9]") in examples()


@pytest.mark.parametrize(("verb", "text"), examples())
def test_an_option_that_the_help_names_exists(verb: str, text: str) -> None:
    registry = load_registry()
    taken = []
    for each in registry.components("evaluator"):
        try:
            choose_evaluator(registry, each.qualified_name, [text])
        except SpecError:
            continue
        taken.append(each.qualified_name)
    assert taken, f"no evaluator takes {text}, which the help of {verb} gives as an example"
