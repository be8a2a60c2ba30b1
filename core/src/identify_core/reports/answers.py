"""The parts of the page that come from findings: the answers in words at the top, and the evidence for each below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from identify_core.findings import Finding, Table
from identify_core.reports.gallery import Picture, show_picture
from identify_core.reports.markup import Markup, element
from identify_core.reports.tables import html_table, typeset, words_of

if TYPE_CHECKING:
    from identify_core.store import StoredFinding
    from identify_core.store.findings import Outline

HEADLINE_SCALARS = 6
MANY = 4

Section = tuple[str, str, Markup]
Group = Mapping[str, "StoredFinding"]


def show_answers(findings: Group, document: Mapping[str, Any]) -> Section:
    """What every finding says, what failed, and what the run warned of."""
    groups = _groups(findings)
    shown = [_tabulated(name, group) for name, group in groups.items() if len(group) >= MANY]
    alone = [
        _answer(label, stored.finding)
        for group in groups.values()
        if len(group) < MANY
        for label, stored in group.items()
    ]
    failures = [_failure(label, str(reason)) for label, reason in document.get("failures", {}).items()]
    # The engine repeats the warnings of findings among the run's: each is shown once, where it belongs.
    repeated = {f"{label}: {warning}" for label, stored in findings.items() for warning in stored.finding.warnings}
    warnings = [str(each) for each in document.get("warnings", ()) if each not in repeated]
    callout = _callout(warnings, "The run warned") if warnings else None
    if not findings and not failures:
        empty = "This run holds no finding. Add an [[evaluators]] table to its spec, or use identify evaluate."
        return make_section("answers", "What was found", element("p", empty, class_="quiet"), callout)
    return make_section("answers", "What was found", alone, shown, failures, callout)


def show_evidence(findings: Group, pictures: Sequence[Picture]) -> Iterator[Section]:
    """A section for each finding, or for each group of many findings of one evaluator."""
    for name, group in _groups(findings).items():
        if len(group) < MANY:
            yield from (_evidence(label, stored, _of(label, pictures)) for label, stored in group.items())
        else:
            yield _common_evidence(name, group, pictures)
    for label in dict.fromkeys(each.label for each in pictures if each.label not in findings):
        yield make_section(_anchor(label), words_of(label) or "Pictures", _shown(_of(label, pictures)))


def make_section(anchor: str, title: str, *content: Any, note: str = "") -> Section:
    """A section of the page with its anchor and its title for the contents."""
    heading = element("h2", element("span", title), element("small", note) if note else None)
    return anchor, title, element("section", heading, *content, id=anchor)


def view_of(picture: Picture) -> str:
    """The id under which the page keeps a picture's interactive view."""
    return f"view-{_anchor(picture.label)}-{_anchor(picture.name)}"


def _groups(findings: Group) -> dict[str, dict[str, StoredFinding]]:
    """Findings by the first word of their label, which is the evaluator's own."""
    groups: dict[str, dict[str, StoredFinding]] = {}
    for label, stored in findings.items():
        groups.setdefault(label.partition(".")[0], {})[label] = stored
    return groups


def _answer(label: str, finding: Finding) -> Markup:
    sentence = finding.summary or f"{label} says nothing in words; its numbers are below."
    headline = dict(list(finding.scalars.items())[:HEADLINE_SCALARS])
    return element(
        "article",
        element("p", element("a", words_of(label), href=f"#{_anchor(label)}"), class_="label"),
        element("p", sentence, class_="sentence"),
        _callout(finding.warnings, "") if finding.warnings else None,
        _numbers(headline) if headline else None,
        class_="answer",
    )


def _tabulated(name: str, group: Group) -> Markup:
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
    warnings = dict.fromkeys(each for finding in findings.values() for each in finding.warnings)
    return element(
        "article",
        element("p", element("a", words_of(name), href=f"#{_anchor(name)}"), class_="label"),
        html_table(table),
        _callout(warnings, "") if warnings else None,
        class_="answer",
    )


def _failure(label: str, reason: str) -> Markup:
    return element(
        "article",
        element("p", words_of(label), class_="label"),
        element("p", f"This evaluator failed, and its answer is missing: {reason}", class_="reason"),
        class_="answer failed",
    )


def _numbers(scalars: Mapping[str, Any]) -> Markup:
    pairs = [
        element("div", element("dt", words_of(name)), element("dd", value, class_="long" if len(value) > 14 else None))
        for name, value in ((name, typeset(value)) for name, value in scalars.items())
    ]
    return element("dl", pairs, class_="numbers")


def _callout(sentences: Any, title: str) -> Markup:
    head = element("strong", title) if title else None
    return element("div", head, [element("p", str(each)) for each in sentences], class_="callout", role="note")


def _anchor(label: str) -> str:
    return "finding-" + "".join(c if c.isalnum() else f"_{ord(c):x}_" if c != "-" else c for c in label)


def _of(label: str, pictures: Sequence[Picture]) -> list[Picture]:
    return [each for each in pictures if each.label == label]


def _shown(pictures: Sequence[Picture]) -> list[Markup]:
    return [show_picture(each, view_of(each)) for each in pictures]


def _tables(finding: Finding) -> list[tuple[Markup, Markup]]:
    return [(element("h3", words_of(name)), html_table(table)) for name, table in finding.tables.items()]


def _evidence(label: str, stored: StoredFinding, pictures: Sequence[Picture]) -> Section:
    finding = stored.finding
    rest = dict(list(finding.scalars.items())[HEADLINE_SCALARS:])
    return make_section(
        _anchor(label),
        words_of(label),
        _shown(pictures),
        _numbers(rest) if rest else None,
        _tables(finding),
        _meanings(stored),
        note=stored.evaluator,
    )


def _common_evidence(name: str, group: Group, pictures: Sequence[Picture]) -> Section:
    """The pictures and tables of many findings, folded; what is common to them once."""
    first = next(iter(group.values()))
    folded = [
        element("details", element("summary", label), _shown(_of(label, pictures)), _tables(stored.finding))
        for label, stored in group.items()
        if stored.finding.tables or _of(label, pictures)
    ]
    return make_section(_anchor(name), words_of(name), folded, _meanings(first), note=first.evaluator)


def _meanings(stored: StoredFinding) -> Markup | None:
    """How the numbers are to be read, with which options, and what else is stored."""
    finding = stored.finding
    blocks: list[Markup] = []
    for title, pairs in (
        ("How to read the numbers", finding.conventions.items()),
        ("Options", ((name, typeset(_flat(value))) for name, value in stored.options.items())),
        ("Stored arrays", ((name, _array_words(array)) for name, array in stored.outlines.items())),
    ):
        rows = [(element("dt", name), element("dd", str(value))) for name, value in pairs]
        if rows:
            blocks += [element("h4", title), element("dl", rows, class_="pairs")]
    return element("details", element("summary", "Conventions, options and arrays"), blocks) if blocks else None


def _array_words(array: Outline) -> str:
    sizes = " × ".join(f"{name} {size}" for name, size in zip(array.dimensions, array.shape, strict=True))
    return f"{array.summary} ({sizes or 'one number'}, {array.dtype})".lstrip()


def _flat(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
