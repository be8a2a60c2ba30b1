"""The page of the front door: every public name, explained here or with the page that explains it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs
from generating.classes import class_section, function_section, record_section
from generating.docstrings import UndocumentedError, paragraphs, read_docstring
from generating.markdown import fence, page, prose, table

import identify_core as ic

HERE = "front-door"
DEEPER = ("errors", "records")  # pages whose third level has things, not members of them
EXAMPLES = Path(__file__).parent / "examples"  # a room's example, which a test executes
LONGEST = 300  # characters of an assignment that are shown
INTRODUCTION = """\
Everything that a plugin or a notebook needs is imported from `identify_core`: `import identify_core as ic`, or
`from identify_core import Samples`. Each name is loaded on first use. All other modules are the core's own, and may
move in any release; tests of plugins have [a second door](testing.md). A name leads to where it is explained, on
another page or below; the example of a room shows how its names go together."""
ROOMS = {
    "records of a plugin": ("components", "hookspecs", "plugins", "deprecation"),
    "options": ("options", "kinds", "sizes"),
    "samples, factors and latents": ("data", "factor_kinds"),
    "replicates": ("replicates",),
    "training": ("training",),
    "what a target is given": ("contexts", "evaluation"),
    "findings, scores and rungs": ("findings", "scores", "rungs", "spreads"),
    "figures": ("reports",),
    "files": ("downloads", "atomic_files", "optional_packages"),
    "specs and comparisons": ("spec", "comparisons"),
    "runs and the store": ("runs", "store", "doctor"),
    "verbs": ("verbs",),
    "clusters": ("sweeps",),
    "command line of a plugin": ("cli", "suggestions"),
    "errors": ("errors",),
}


def front_door_page(others: Mapping[str, str]) -> str:
    """Every name of the front door, by room.

    Args:
        others: name of each other page of the reference to its text.

    Raises:
        UndocumentedError: a name has no docstring, or stands in no room.
    """
    explained = _explained(others)
    homes = _homes()
    names = sorted((name for name in ic.__all__ if name != "__version__"), key=str.lower)
    tables, sections = [], []
    for room, modules in ROOMS.items():
        mine = [each for each in names if _room_of(homes[each]) in modules]
        rows = [
            (f"[`{each}`]({explained.get(each, f'#{each.lower()}')})", prose(_sentence(each, homes))) for each in mine
        ]
        tables += [f"**{room[0].upper()}{room[1:]}**", table(("name", "what it is"), rows), _example(room)]
        sections += [_section(each, homes) for each in mine if each not in explained]
    if left := [each for each in names if all(_room_of(homes[each]) not in modules for modules in ROOMS.values())]:
        raise UndocumentedError(f"the page of the front door has no room for {', '.join(left)}")
    return page("# The front door", INTRODUCTION, *tables, *sections)


def _example(room: str) -> str:
    """How the names of a room go together.

    Raises:
        UndocumentedError: the room has no example.
    """
    file = EXAMPLES / f"{room.replace(' ', '-').replace(',', '')}.txt"
    if not file.is_file():
        raise UndocumentedError(f"the page of the front door has no example for {room}: {file.name} is missing")
    return fence("{code-block} pycon", file.read_text(encoding="utf-8").strip())


def _explained(others: Mapping[str, str]) -> dict[str, str]:
    """Public name to the place on another page that explains it."""
    found: dict[str, str] = {ic.IdentifySpecs.__name__: "hooks.md"}
    for title, text in others.items():
        level = "##" if title not in DEEPER else "#{2,3}"
        for name in re.findall(rf"^{level} `(\w+)`$", text, re.MULTILINE):
            found[name] = f"{title}.md#{name.lower()}"
    return found


def _homes() -> dict[str, str]:
    """Public name to the module that it is of: what the front door imports for type checkers."""
    assert ic.__file__
    tree = ast.parse(Path(ic.__file__).read_text(encoding="utf-8"))
    imports = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    return {alias.name: str(each.module) for each in imports for alias in each.names}


def _room_of(module: str) -> str:
    return module.split(".")[1]


def _sentence(name: str, homes: Mapping[str, str]) -> str:
    return re.split(r"(?<=[.:;])\s", " ".join(_text(name, homes).split()), maxsplit=1)[0].rstrip(".:;")


def _text(name: str, homes: Mapping[str, str]) -> str:
    value = getattr(ic, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        return read_docstring(value, name).text
    return _said_below(homes[name], name)


def _section(name: str, homes: Mapping[str, str]) -> str:
    value: Any = getattr(ic, name)
    if inspect.isfunction(value):
        return function_section(value)
    if inspect.isclass(value):
        return record_section(value) if attrs.has(value) else class_section(value)
    return page(
        f"## `{name}`", fence("{code-block} python", _source(homes[name], name)), paragraphs(_text(name, homes))
    )


@cache
def _statements(module: str) -> list[ast.stmt]:
    return ast.parse(inspect.getsource(import_module(module))).body


def _assigned(module: str, name: str) -> tuple[ast.stmt, ast.stmt | None]:
    """The statement that says what a constant or a type is, and the one below it."""
    statements = _statements(module)
    for each, below in zip_longest(statements, statements[1:]):
        if isinstance(each, ast.ImportFrom) and any(alias.name == name for alias in each.names):
            return _assigned(str(each.module), name)
        targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return each, below
    raise UndocumentedError(f"{module} does not say what {name} is")


def _source(module: str, name: str) -> str:
    source = ast.unparse(_assigned(module, name)[0])
    return source if len(source) <= LONGEST else f"{name} = ..."


def _said_below(module: str, name: str) -> str:
    _, below = _assigned(module, name)
    if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
        return below.value.value
    raise UndocumentedError(f"{module} does not say below {name} what it is")
