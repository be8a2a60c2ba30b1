"""Checks of targets: each can be imported, and takes the arguments with which the core calls it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from identify_core.components import load_target
from identify_core.errors import PluginError
from identify_core.plugins import Registered
from identify_core.testing.conformance.bench import Bench

# (kind, field of the record) -> the arguments that it gets, in order
ARGUMENTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("dataset", "target"): ("options", "context"),
    ("model", "target"): ("options", "shape", "context"),
    ("model", "check"): ("options", "shape"),
    ("objective", "target"): ("options", "replicates", "samples", "context"),
    ("evaluator", "target"): ("options", "subject", "context"),
    ("evaluator", "prepare"): ("representations", "context"),
    ("evaluator", "estimate"): ("options", "sizes"),
    ("evaluator", "draw"): ("options", "finding", "context"),
    ("check", "target"): (),
}


def can_be_called(bench: Bench, registered: Registered) -> Iterator[str]:
    """Every target of a record."""
    if registered.kind == "command":
        yield from _is_command(registered.component.target)
        return
    for (kind, field), arguments in ARGUMENTS.items():
        target = getattr(registered.component, field) if kind == registered.kind else ""
        if target:
            yield from _takes(field, target, arguments)


def _takes(field: str, target: str, arguments: tuple[str, ...]) -> Iterator[str]:
    try:
        function = load_target(target)
    except PluginError as error:
        yield f'{error.message}: write {field}="package.module:function" with the names as they are in its file'
        return
    called = f"({', '.join(arguments)})"
    if not callable(function):
        yield f"{field} {target!r} is {_a(function)}, not a function that is called with {called}"
        return
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # built in C: it does not say what it takes
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        name = target.partition(":")[2]
        yield (
            f"{field} {target!r} cannot be called with {called}: {error}; it takes {signature}: write "
            f"def {name}{called}"
        )


def _is_command(target: str) -> Iterator[str]:
    import click

    try:
        command = load_target(target)
    except PluginError as error:
        yield f'{error.message}: write target="package.module:command" with the names as they are in its file'
        return
    if not isinstance(command, click.Command):
        yield f"target {target!r} is {_a(command)}, not a click.Command: decorate the function with @click.command()"


def _a(value: Any) -> str:
    return (
        f"the {type(value).__name__} {value!r}" if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"
    )
