"""`identify describe rungs` and `identify describe rung NAME`: the equivalence ladder in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from identify_core.cli.describe_text import wrapped
from identify_core.cli.output import print_json, stdout_console
from identify_core.errors import UsageError
from identify_core.rungs import RUNGS, draw_ladder, lower_covers, rung, upper_covers


def describe(names: Sequence[str], *, as_json: bool) -> None:
    """Print the whole ladder, or one rung.

    Raises:
        UsageError: several names, or an unknown one.
    """
    if len(names) > 1:
        raise UsageError(f"describe takes one rung, not {', '.join(names)}")
    if as_json:
        if names:
            print_json("rung", _document(names[0]))
        else:
            print_json("rungs", {"rungs": [_document(name) for name in RUNGS]})
    elif names:
        _show(names[0])
    else:
        console = stdout_console()
        console.print(draw_ladder(), markup=False)
        console.print("more: identify describe rung NAME", style="dim")


def _document(name: str) -> dict[str, Any]:
    each = rung(name)
    return {
        "name": each.name,
        "formula": each.formula,
        "definition": each.definition,
        "translations": each.translations,
        "invertible": each.invertible,
        "relative_to": each.relative_to,
        "contains": lower_covers(name),
        "contained_in": upper_covers(name),
        "citations": each.citations,
    }


def _show(name: str) -> None:
    from rich.text import Text

    console = stdout_console()
    each = rung(name)
    console.print(Text(f"{each.name}:  {each.formula}", style="bold"))
    console.print(Text(wrapped(each.definition, 0)))
    facts = {
        "Translations": "contained" if each.translations else "not contained",
        "Inverses": "contained" if each.invertible else "not contained",
        "Relative to": each.relative_to,
        "Contains directly": ", ".join(lower_covers(name)) or "nothing",
        "Contained directly in": ", ".join(upper_covers(name)) or "nothing",
    }
    for label, value in facts.items():
        if value:
            console.print(Text(f"{label}: {value}"))
    for citation in each.citations:
        console.print(Text(wrapped(f"Source: {citation}", 0), style="dim"))
