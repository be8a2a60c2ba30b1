"""The equivalence ladder: a table, a page with every citation, and the drawing."""

from __future__ import annotations

from generating.markdown import facts, fence, page, prose, table

from identify_core.rungs import RUNGS, Rung, draw_ladder

INTRODUCTION = """\
A rung is a class of maps between two representations. Objectives claim one (`identified_up_to`), evaluators declare
which ones change nothing (`invariant_to`), `identify compare --expect RUNG` insists on one. What they are for:
[the equivalence ladder](../explanation/ladder.md)."""


def ladder_drawing() -> str:
    """The ladder as a tree."""
    return draw_ladder().rstrip() + "\n"


def ladder_table() -> str:
    """The rungs as a table."""
    rows = [
        (f"[`{name}`](../reference/rungs.md#{name})", f"`{rung.formula}`", _definition(rung))
        for name, rung in RUNGS.items()
    ]
    return table(("rung", "map", "class"), rows) + "\n"


def rungs_page() -> str:
    """Every rung with all that is known of it."""
    return page(
        "# Rungs",
        INTRODUCTION,
        fence("text", draw_ladder()),
        *(_section(name, rung) for name, rung in RUNGS.items()),
    )


def _section(name: str, rung: Rung) -> str:
    below = ", ".join(f"[`{each}`](#{each})" for each in rung.contains)
    return page(
        f"## {name}",
        prose(rung.definition),
        facts(
            (
                ("map", f"`{rung.formula}`"),
                ("contains directly", below),
                ("contains every shift", "yes" if rung.translations else "no"),
                ("every map has an inverse in the class", "yes" if rung.invertible else "no"),
                ("relative to", prose(rung.relative_to)),
                ("sources", "; ".join(prose(each) for each in rung.citations)),
            )
        ),
    )


def _definition(rung: Rung) -> str:
    return prose(rung.definition) + (f" Relative to {rung.relative_to}." if rung.relative_to else "")
