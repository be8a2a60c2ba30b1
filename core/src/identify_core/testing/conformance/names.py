"""A check of options that name code or files: what a component imports or reads is declared, so that it is guarded."""

from __future__ import annotations

import contextlib
import sys
import typing
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Literal

import attrs
import torch

from identify_core.errors import PluginError
from identify_core.evaluation import targets
from identify_core.plugins import Registered
from identify_core.spec import Chosen, option_fields
from identify_core.testing.conformance.bench import Bench
from identify_core.testing.conformance.material import find_network, make_context
from identify_core.testing.conformance.options import classes_of
from identify_core.testing.conformance.record import NotApplicable

_MODULE = "identify_canary_module"
_ADVICE = "so that a run from elsewhere cannot make a user {} what its spec names"


def are_declared(bench: Bench, registered: Registered) -> Iterator[str]:
    """A path is declared; so is a text with which the dataset or the model imports a module or opens a file."""
    said: set[str] = set()
    for options in classes_of(registered):
        try:
            fields = option_fields(options)
        except PluginError:  # options-types says so
            continue
        for field in fields:
            if Path in _members(field.type) and not field.metadata.get("names_file"):
                said.add(field.name)
                yield _undeclared(options, field.name, "names_file", "read")
    if registered.kind in ("dataset", "model"):
        yield from _tried(bench, registered, said)


def _tried(bench: Bench, registered: Registered, said: set[str]) -> Iterator[str]:
    """Each undeclared text is given the name of a module, a file and a folder; then it is seen what the target does."""
    try:
        trial = bench.trial(registered)
    except NotApplicable:
        return
    folder = bench.scratch("canary")
    (folder / "file").write_text("")
    options = type(trial.chosen.options)
    for field in option_fields(options) if attrs.has(options) else ():
        declared = field.metadata.get("names_code") or field.metadata.get("names_file")
        if declared or field.name in said or str not in _members(field.type):
            continue
        seen: set[str] = set()
        for value in (f"{_MODULE}:thing", str(folder / "file"), str(folder)):
            with contextlib.suppress(Exception), _watched(folder, seen):  # whatever the target makes of it
                changed = attrs.evolve(trial.chosen.options, **{field.alias or field.name: value})
                _call(bench, registered, attrs.evolve(trial.chosen, options=changed))
        for what, name, done in (("code", "names_code", "import"), ("file", "names_file", "read")):
            if what in seen:
                yield _undeclared(options, field.name, name, done)


def _call(bench: Bench, registered: Registered, chosen: Chosen) -> None:
    context = make_context(bench, bench.trial(registered).spec, registered.name)
    if registered.kind == "dataset":
        targets.make_samples(chosen, context)
    else:
        network = find_network(bench, registered)
        with torch.random.fork_rng(devices=[]):
            chosen.registered.component.load()(chosen.options, network.shape, context)


@contextlib.contextmanager
def _watched(folder: Path, seen: set[str]) -> Iterator[None]:
    """Note in `seen` whether the block imports the module that is not there, or opens the file or the folder."""

    class Finder:
        def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
            if name == _MODULE:
                seen.add("code")
            return None

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith(str(folder)):
            seen.add("file")

    finder = Finder()
    sys.meta_path.insert(0, finder)
    if not _LISTENERS:
        sys.addaudithook(_pass_on)
        _LISTENERS.append(None)  # a hook stays for good, and hears nobody when none listens
    _LISTENERS.append(hear)
    try:
        yield
    finally:
        _LISTENERS.remove(hear)
        sys.meta_path.remove(finder)


_LISTENERS: list[Any] = []


def _pass_on(event: str, arguments: tuple[Any, ...]) -> None:
    for listener in _LISTENERS[1:]:
        listener(event, arguments)


def _undeclared(options: type, name: str, declaration: str, done: str) -> str:
    return (
        f"{options.__qualname__}.{name} names something to {done} and does not say so: write option(..., "
        f"{declaration}=True), {_ADVICE.format(done)}"
    )


def _members(kind: Any) -> set[Any]:
    """A type and, of unions and lists, those in it; choices are not free text."""
    if typing.get_origin(kind) is Literal:
        return set()
    return {kind}.union(*map(_members, typing.get_args(kind)))
