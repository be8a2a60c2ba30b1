"""Completion of what a word of the command line may be: plugins, presets, components, runs, keys of `--set`.

A shell asks at each TAB, so that nothing is printed and nothing fails: what cannot be found out has no completions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from identify_core.cli.invocation import Invocation

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _completer(offer: Callable[[click.Context, Invocation], Iterable[tuple[str, str]]]) -> Completer:
    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from identify_core.cli.invocation import Invocation

        found: list[tuple[str, str]] = []
        with suppress(Exception):  # a shell that completes is no place for a message
            found = list(offer(context, context.ensure_object(Invocation)))
        return [CompletionItem(name, help=help_) for name, help_ in found if name.startswith(incomplete)]

    return complete


def _plugins(_: click.Context, invocation: Invocation) -> Iterator[tuple[str, str]]:
    for each in invocation.discover(check_requirements=False):
        if each.status == "available":
            yield each.name, each.summary


def _plugin_of(context: click.Context) -> str | None:
    """The plugin before the word that is completed; click leaves it among the rest where an option has no value yet."""
    plugin: str | None = context.params.get("plugin") or next(iter(context.args), None)
    return plugin


def _presets(context: click.Context, invocation: Invocation) -> Iterator[tuple[str, str]]:
    for each in invocation.registry().presets(str(_plugin_of(context))):
        yield each.name, each.summary


def _evaluators(_: click.Context, invocation: Invocation) -> Iterator[tuple[str, str]]:
    offers = invocation.registry().components("evaluator")
    for short in (True, False):  # short names first: a shell shows them in this order
        for each in offers:
            yield each.name if short else each.qualified_name, each.component.summary


def _runs(_: click.Context, invocation: Invocation) -> Iterator[tuple[str, str]]:
    from identify_core.store import Store

    store = Store(invocation.store_path)
    yield "@last", "the run that was committed last"
    yield "@comparison", "the comparison that was committed last"
    found = [*store.runs(), *store.comparisons()][::-1]
    yield from dict.fromkeys((each.name, each.status) for each in found if each.name)
    for each in found:
        yield each.id, f"{each.name} ({each.status})"


def _described(_: click.Context, invocation: Invocation) -> Iterator[tuple[str, str]]:
    yield from (("rung", "a class of maps"), ("rungs", "the equivalence ladder"))
    registry = invocation.registry()
    yield from ((each.name, each.summary) for each in registry.plugins if each.status == "available")
    yield from ((each.qualified_name, each.component.summary) for each in registry.components())


def _rungs(_: click.Context, __: Invocation) -> Iterator[tuple[str, str]]:
    from identify_core.rungs import RUNGS

    yield from ((name, rung.in_words) for name, rung in RUNGS.items())


def _keys(context: click.Context, invocation: Invocation) -> Iterator[tuple[str, str]]:
    """The keys that `--set` takes: of the evaluators where a verb names some, else of the spec."""
    from identify_core.spec import load_spec, option_fields
    from identify_core.spec.envelope import Envelope

    registry, given = invocation.registry(), context.params
    if context.command.name in ("evaluate", "compare"):
        for name in given.get("names") or ():
            for field in option_fields(registry.resolve("evaluator", name).component.options):
                yield f"{field.name}=", str(field.metadata.get("help", ""))
        return
    spec = load_spec(registry, plugin=_plugin_of(context), file=given.get("file"), preset=given.get("preset"))
    for field in option_fields(Envelope):
        if field.name not in ("format", "plugin", "requires"):  # what nobody sets in the shell
            yield f"{field.name}=", str(field.metadata["help"])
    for kind in ("dataset", "model", "objective"):
        chosen = getattr(spec, kind)
        yield from ((f"{kind}.{key}=", words) for key, words in _options(chosen))
    for evaluator in spec.evaluators:
        yield from ((f"evaluators.{evaluator.label}.{key}=", words) for key, words in _options(evaluator))


def _options(chosen: Any) -> Iterator[tuple[str, str]]:
    from identify_core.spec import option_fields

    for field in option_fields(type(chosen.options)) if chosen is not None else ():
        yield field.name, str(field.metadata.get("help", ""))


complete_plugins = _completer(_plugins)
complete_presets = _completer(_presets)
complete_evaluators = _completer(_evaluators)
complete_runs = _completer(_runs)
complete_descriptions = _completer(_described)
complete_rungs = _completer(_rungs)
complete_keys = _completer(_keys)
