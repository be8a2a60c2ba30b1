"""The top of a page: the question, the answer in one sentence, the ladder, and what to distrust."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from identify_core.reports.numerals import typeset
from identify_core.reports.provenance import components_in
from identify_core.reports.relations import Relations, read_relations
from identify_core.reports.relations_text import answer_sentence

if TYPE_CHECKING:
    from identify_core.store import StoredFinding, StoredRun

Found = TypeVar("Found")
_FLOOR = 1e-4
"""A residual as small as this, or smaller, has a bar of length 0: the bars are logarithmic."""
_REPLICATE = re.compile(r"replicate (\d+)")
_GAP = "\0"
READING = (
    "Each bar is a residual: the part of the variance that the best map of the class, fitted on one half of the rows, "
    "leaves on the other half; the scale is logarithmic, from 10⁻⁴ to 1. A class passes where the whole interval is "
    "within the tolerance."
)


@attrs.frozen(kw_only=True)
class LadderRow:
    """One rung of the drawing.

    Args:
        rung: its name.
        state: `pass`, `fail`, `some` or `unknown`, for the style.
        mark: the same in words.
        length: of the bar, in per cent.
        residual: typeset.
        interval: typeset; for several pairs, from the least to the largest residual.
    """

    rung: str
    state: str
    mark: str
    length: int
    residual: str
    interval: str


def question_of(run: StoredRun, spec_text: str) -> str:
    """What a run or a comparison asks.

    Args:
        run: committed or staged.
        spec_text: its resolved spec as TOML.
    """
    if run.summary.kind == "comparison":
        labels = [each["label"] for each in run.document.get("representations", ())]
        named = " and ".join(labels) if len(labels) == 2 else f"{len(labels)} representations"
        return f"What is the smallest class of maps that relates {named}?"
    count = run.document.get("replicates")
    who = f"{count} replicates" if count else "the replicates"
    by = {kind: name for kind, name, _ in components_in(spec_text) if kind != "evaluator" and name}
    told = ", ".join(f"the {kind} {name}" for kind, name in by.items())
    determined = f", given {told}" if told else ""
    return f"How much of what {who} learned is determined{determined}, and how much is arbitrary?"


def headline_first(findings: Mapping[str, Found], document: Mapping[str, Any]) -> dict[str, Found]:
    """Findings by label, those of the run's headline before the others."""
    headline = document.get("headline")
    return dict(sorted(findings.items(), key=lambda each: each[0].partition(".")[0] != headline))


def answer_of(run: StoredRun, findings: Mapping[str, StoredFinding]) -> tuple[str, StoredFinding | None]:
    """The answer in one sentence, and the finding that says it; None where the ladder does.

    A comparison's, and a run's that measured the ladder, is what the ladder says; otherwise it is the sentence of the
    evaluator that the run calls its headline, and without one that of the first evaluator that says anything.
    """
    found = {label: stored.finding for label, stored in findings.items()}
    relations = read_relations(found.values())
    if run.summary.kind == "comparison" or relations is not None:
        labels = [each["label"] for each in run.document.get("representations", ())]
        sizes = dict.fromkeys(labels or (relations.labels if relations else ()), (0, 0))
        if said := answer_sentence(found, sizes):
            return f"{said}.", None
    worded = [stored for stored in headline_first(findings, run.document).values() if stored.summary]
    chosen = next((stored for stored in worded if stored.evaluator), next(iter(worded), None))
    if chosen is not None:
        return chosen.summary, chosen
    empty = "This run holds no finding. Add an [[evaluators]] table to its spec, or use identify evaluate."
    return (empty if not findings else "Nothing was found in words; the numbers are below."), None


def ladder_of(findings: Mapping[str, StoredFinding]) -> list[LadderRow]:
    """The ladder as rows, the largest class on top; empty where it was not measured."""
    relations = read_relations(stored.finding for stored in findings.values())
    if relations is None or not relations.pairs:
        return []
    return [_row(relations, rung) for rung in list(relations.steps)[::-1]]


def _row(relations: Relations, rung: str) -> LadderRow:
    steps = list(relations.steps[rung].values())
    known = [step.residual for step in steps if not math.isnan(step.residual)]
    residual = statistics.median(known) if known else math.nan
    passing, total = relations.count(rung), len(relations.pairs)
    state = "unknown" if not known else "pass" if passing == total else "some" if passing else "fail"
    mark = steps[0].mark if total == 1 else f"{passing} of {total}"
    ends = (steps[0].low, steps[0].high) if total == 1 else (min(known), max(known)) if known else (math.nan, math.nan)
    shown = max(_FLOOR, min(residual, 1.0)) if known else _FLOOR
    return LadderRow(
        rung=rung,
        state=state,
        mark=mark,
        length=round(100 * (1 - math.log10(shown) / math.log10(_FLOOR))),
        residual=typeset(residual) if known else "–",
        interval="" if math.isnan(ends[0]) else f"{typeset(ends[0])} to {typeset(ends[1])}",
    )


def doubts_of(run: StoredRun, findings: Mapping[str, StoredFinding]) -> list[str]:
    """What to distrust: what failed, what the run and its findings warned of, what is remarked of pairs; each once."""
    said = [f"{label} failed, and its answer is missing" for label in run.document.get("failures", {})]
    warned: dict[str, list[str]] = {}
    for label, stored in findings.items():
        for warning in stored.warnings:
            warned.setdefault(warning, []).append(label)
    told = {warning: f"{_labels(labels)}: {warning}" for warning, labels in warned.items()}
    said += together(told.values())
    repeated = {f"{label}: {each}" for label, stored in findings.items() for each in stored.warnings}
    said += [str(each) for each in run.document.get("warnings", ()) if each not in repeated]
    relations = read_relations(stored.finding for stored in findings.values())
    if relations is not None:
        remarks = [text for each in relations.remarks.values() for text in each]
        said += [
            text if remarks.count(text) == 1 else f"{text} ({remarks.count(text)} pairs)"
            for text in dict.fromkeys(remarks)
        ]
    return list(dict.fromkeys(said))


def together(sentences: Iterable[str]) -> list[str]:
    """Sentences that differ in the number of one replicate alone as one with all the numbers."""
    numbers: dict[str, list[str]] = {}
    for sentence in sentences:
        match = _REPLICATE.search(sentence)
        key = _REPLICATE.sub(_GAP, sentence, count=1) if match else sentence
        numbers.setdefault(key, []).extend([match[1]] if match else [])
    return [
        key.replace(_GAP, f"replicate{'s' if len(found) > 1 else ''} {', '.join(found)}")
        for key, found in numbers.items()
    ]


def _labels(labels: list[str]) -> str:
    return ", ".join(labels) if len(labels) < 4 else f"{labels[0]} and {len(labels) - 1} others"
