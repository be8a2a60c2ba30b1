"""The evidence of a page: a section for each finding, or for each group of many findings of one evaluator."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from markupsafe import Markup

from identify_core.findings import Finding, Table
from identify_core.reports.gallery import Picture, show_picture
from identify_core.reports.numerals import typeset
from identify_core.reports.tables import html_table
from identify_core.reports.templating import render
from identify_core.saying import words_of

if TYPE_CHECKING:
    from identify_core.store import StoredFinding
    from identify_core.store.findings import Outline

MANY = 4
_SHORT = 3
FOLDED_ROWS = 12
"""A longer table stands behind a line that opens it, below the picture that shows it."""

Group = Mapping[str, "StoredFinding"]
Symbols = list[tuple[str, str]]


@attrs.frozen(kw_only=True)
class Section:
    """A part of the page that is closed until somebody opens it.

    Args:
        anchor: its id.
        title: for its heading and the contents.
        content: what it shows when it is open.
        sentence: its answer, which is seen while it is closed.
        note: where it is from.
        symbols: what the signs in its sentence mean.
        failed: whether it tells of a failure.
    """

    anchor: str
    title: str
    content: Markup
    sentence: str = ""
    note: str = ""
    symbols: Symbols = attrs.field(factory=list)
    failed: bool = False


def show_evidence(
    findings: Group, pictures: Sequence[Picture], failures: Mapping[str, Any], defined: set[str]
) -> Iterator[Section]:
    """The sections of what was found and of what failed.

    Args:
        findings: label to finding.
        pictures: those that stand in sections.
        failures: label of each evaluator that failed, with the reason.
        defined: signs that the page has explained already; those of a section are added.
    """
    signs = shared_signs(findings)
    for name, group in _groups(findings).items():
        sections = (
            [_evidence(label, stored, _of(label, pictures)) for label, stored in group.items()]
            if len(group) < MANY
            else [_common_evidence(name, group, pictures)]
        )
        first = next(iter(group.values())).finding
        for each in sections:
            found = symbols_in(each.sentence, {**signs, **first.conventions}, defined)
            yield attrs.evolve(each, symbols=found)
    for label in dict.fromkeys(each.label for each in pictures if each.label not in findings):
        shown = [show_picture(each, view_of(each)) for each in _of(label, pictures)]
        yield Section(anchor=anchor_of(label), title=words_of(label) or "Pictures", content=_content(pictures=shown))
    for label, reason in failures.items():
        said = f"This evaluator failed, and its answer is missing: {reason}"
        yield Section(
            anchor=anchor_of(f"{label} failed"), title=words_of(label), content=_content(reason=said), failed=True
        )


def symbols_in(sentence: str, conventions: Mapping[str, str], defined: set[str]) -> Symbols:
    """The signs of a sentence that its finding explains and the page has not explained yet.

    Args:
        sentence: what is said.
        conventions: name to meaning.
        defined: those explained; the new ones are added.
    """
    found = [
        (name, meaning)
        for name, meaning in conventions.items()
        if name not in defined and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", sentence)
    ]
    defined |= {name for name, _ in found}
    return found


def shared_signs(findings: Group) -> dict[str, str]:
    """What the findings of a page say of short signs such as J; the first that explains one counts."""
    signs: dict[str, str] = {}
    for stored in findings.values():
        for name, meaning in stored.finding.conventions.items():
            if len(name) <= _SHORT or "(" in name:
                signs.setdefault(name, meaning)
    return signs


def view_of(picture: Picture) -> str:
    """The id under which the page keeps a picture's interactive view."""
    return f"view-{anchor_of(picture.label)}-{anchor_of(picture.name)}"


def anchor_of(label: str) -> str:
    """The id of the section of a finding."""
    return "finding-" + "".join(c if c.isalnum() else f"_{ord(c):x}_" if c != "-" else c for c in label)


def _groups(findings: Group) -> dict[str, dict[str, StoredFinding]]:
    """Findings by the first word of their label, which is the evaluator's own."""
    groups: dict[str, dict[str, StoredFinding]] = {}
    for label, stored in findings.items():
        groups.setdefault(label.partition(".")[0], {})[label] = stored
    return groups


def _of(label: str, pictures: Sequence[Picture]) -> list[Picture]:
    return [each for each in pictures if each.label == label]


def _content(
    *,
    pictures: Sequence[Markup] = (),
    scalars: Mapping[str, Any] | None = None,
    tables: Sequence[tuple[str, Markup]] = (),
    reason: str = "",
    overview: Markup | str = "",
    folded: Sequence[tuple[str, Markup]] = (),
    meanings: Sequence[tuple[str, list[tuple[str, str]]]] = (),
) -> Markup:
    return render(
        "evidence.html",
        pictures=pictures,
        scalars=scalars,
        tables=tables,
        reason=reason,
        overview=overview,
        folded=folded,
        meanings=meanings,
    )


def _tables(finding: Finding) -> list[tuple[str, Markup]]:
    return [(name, html_table(table, folded=len(table.rows) > FOLDED_ROWS)) for name, table in finding.tables.items()]


def _evidence(label: str, stored: StoredFinding, pictures: Sequence[Picture]) -> Section:
    finding = stored.finding
    content = _content(
        pictures=[show_picture(each, view_of(each)) for each in pictures],
        scalars=finding.scalars,
        tables=_tables(finding),
        meanings=_meanings(stored),
    )
    return Section(
        anchor=anchor_of(label),
        title=words_of(label),
        content=content,
        sentence=finding.summary or "Says nothing in words; its numbers are inside.",
        note=stored.evaluator,
    )


def _common_evidence(name: str, group: Group, pictures: Sequence[Picture]) -> Section:
    """Many findings of one evaluator: one table with a row each, their pictures and tables folded."""
    first = next(iter(group.values()))
    folded = [
        (
            label,
            _content(pictures=[show_picture(each, view_of(each)) for each in shown], tables=_tables(stored.finding)),
        )
        for label, stored in group.items()
        if (shown := _of(label, pictures)) or stored.finding.tables
    ]
    content = _content(overview=_tabulated(group), folded=folded, meanings=_meanings(first))
    return Section(
        anchor=anchor_of(name),
        title=words_of(name),
        content=content,
        sentence=f"{len(group)} findings; the first: {first.finding.summary or words_of(next(iter(group)))}",
        note=first.evaluator,
    )


def _tabulated(group: Group) -> Markup:
    """Many findings of one evaluator as one table: a row a finding."""
    findings = {label.partition(".")[2] or label: stored.finding for label, stored in group.items()}
    scalars = list(dict.fromkeys(key for finding in findings.values() for key in finding.scalars))
    worded = any(finding.summary for finding in findings.values())
    table = Table(
        columns=("of", *map(words_of, scalars), *(("in words",) if worded else ())),
        rows=tuple(
            (about, *map(finding.scalars.get, scalars), *((finding.summary,) if worded else ()))
            for about, finding in findings.items()
        ),
        caption=f"{len(findings)} findings of one evaluator.",
    )
    return html_table(table)


def _meanings(stored: StoredFinding) -> list[tuple[str, list[tuple[str, str]]]]:
    """How the numbers are to be read, with which options, and what else is stored."""
    finding = stored.finding
    blocks = (
        ("How to read the numbers", finding.conventions.items()),
        ("Options", ((name, typeset(_flat(value))) for name, value in stored.options.items())),
        ("Stored arrays", ((name, _array_words(array)) for name, array in stored.outlines.items())),
    )
    told = [(title, [(name, str(value)) for name, value in pairs]) for title, pairs in blocks]
    return [(title, rows) for title, rows in told if rows]


def _array_words(array: Outline) -> str:
    sizes = " × ".join(f"{name} {size}" for name, size in zip(array.dimensions, array.shape, strict=True))
    return f"{array.summary} ({sizes or 'one number'}, {array.dtype})".lstrip()


def _flat(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
