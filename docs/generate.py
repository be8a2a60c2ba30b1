"""Write the pages that are made from records: `python docs/generate.py`; a test fails where they are out of date."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from identify_core.rungs import RUNGS, draw_ladder
from identify_measures.catalogue import CATALOGUE, Measure

DOCS = Path(__file__).parent

FAMILIES = {
    "linear": (
        "From cross-products",
        "One pass over the rows accumulates the cross-products of all representations together; every measure of this "
        "page follows from them without another look at the data, and block statistics give its interval.",
    ),
    "samples": (
        "From kernels, neighbours and ranks",
        "These measures look at pairs of samples. They are computed tile by tile, ranks and neighbours once for each "
        "representation, and memory does not grow with the square of the number of samples.",
    ),
    "factors": (
        "Against ground-truth factors",
        "These measures judge one representation by known factors of variation: continuous, circular, ordinal or "
        "categorical, given as arrays or stored with a run.",
    ),
    "ladder": (
        "The ladder",
        "For every class of transformations the best map is fitted on one part of the rows and judged on the other.",
    ),
}


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated file and its text."""
    yield DOCS / "explanation" / "ladder-drawing.txt", draw_ladder().rstrip() + "\n"
    yield DOCS / "explanation" / "ladder-table.md", ladder_table()
    for family in FAMILIES:
        yield DOCS / "measures" / f"{family}.md", family_page(family)


def ladder_table() -> str:
    """The rungs as a table."""
    rows = ["| rung | map | class | contains directly | source |", "| --- | --- | --- | --- | --- |"]
    for name, rung in RUNGS.items():
        below = ", ".join(f"`{each}`" for each in rung.contains) or "–"
        relative = f" Relative to {rung.relative_to}." if rung.relative_to else ""
        cells = (f"`{name}`", _cell(rung.formula), _cell(rung.definition + relative), below, rung.citations[0])
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def family_page(family: str) -> str:
    """One family of measures: definitions, conventions, invariances and options."""
    title, text = FAMILIES[family]
    parts = [
        f"# {title}",
        text,
        "`X` is (n, p), `Y` is (n, q); rows are paired and columns centred unless it says so.",
    ]
    parts += [_entry(each) for each in CATALOGUE.values() if each.family == family]
    return "\n\n".join(parts) + "\n"


def _entry(measure: Measure) -> str:
    low, high = measure.bounds
    facts: Mapping[str, str] = {
        "definition": _cell(measure.definition),
        "larger is": measure.larger_is,
        "range": f"{_bound(low)} to {_bound(high)}",
        "metric": "yes" if measure.is_metric else "no",
        "invariant to": ", ".join(f"`{each}`" for each in measure.invariant_to) or "nothing beyond the identity",
        "symmetric": "yes" if measure.symmetric else "no",
        "source": _cell(measure.source),
    }
    if measure.arity != "pair":
        facts = {key: value for key, value in facts.items() if key not in ("metric", "symmetric")}
    lines = [f"## {measure.name}", "", measure.summary, "", "| | |", "| --- | --- |"]
    lines += [f"| {key} | {value} |" for key, value in facts.items()]
    if measure.function:
        lines += ["", f"As a function: `from identify_measures import {measure.function.rpartition(':')[2]}`."]
    options = attrs.fields(measure.options)
    if options:
        lines += ["", "| option | default | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{each.name}` | {_default(each.default)} | {_cell(each.metadata['help'])} |" for each in options]
    return "\n".join(lines)


def _bound(value: float) -> str:
    return "−∞" if value == -math.inf else "∞" if value == math.inf else f"{value:g}"


def _default(value: object) -> str:
    return "required" if value is attrs.NOTHING else f"`{value!r}`"


def _cell(text: str) -> str:
    """Text inside a cell of a Markdown table."""
    return text.replace("|", r"\|")


if __name__ == "__main__":
    for path, text in pages():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
