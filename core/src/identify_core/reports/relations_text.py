"""The answer of a comparison for a terminal: one sentence, the ladder, a line a measure; numbers are never cut."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Literal

from identify_core.findings import Finding
from identify_core.reports.relations import Reading, Relations, Step, read_measures, read_relations
from identify_core.rungs import RUNGS

NARROWEST = 40
_WIDEST = 100
_UNWRAPPED = 100_000
_SHOWN_ODD = 6
_SCREEN = 24

Cell = str
Column = tuple[str, Literal["left", "right"], Sequence[Cell]]


def answer_lines(findings: Mapping[str, Finding], sizes: Mapping[str, tuple[int, int]], *, width: int) -> list[str]:
    """The answer, its evidence and what to distrust, as lines that fit a terminal.

    Args:
        findings: label to finding, as a comparison stores them.
        sizes: label of each representation to (n, d), in their order.
        width: columns of the terminal.

    Returns:
        The sentence with the answer first. Where a line does not fit, columns give way from the right; names wrap.
    """
    width = max(NARROWEST, min(width, _WIDEST))
    names = short_names(list(sizes))
    relations = read_relations(findings.values())
    readings = read_measures(findings)
    lines: list[str] = []
    if relations is not None and relations.pairs:
        lines += _ladder_answer(relations, names, sizes, width)
    elif readings:
        lines += _wrap(_measured(readings[0], names), width)
    lines += _legend(sizes, names, width)
    if relations is not None and relations.pairs:
        lines += ["", *_ladder(relations, width), *_groups(relations, names, width)]
    if readings:
        lines += ["", *_measures(readings, names, width)]
    return lines if len(lines) < _SCREEN else [line for line in lines if line]


def answer_sentence(findings: Mapping[str, Finding], sizes: Mapping[str, tuple[int, int]]) -> str:
    """The answer alone, in one sentence on one line; the arguments are those of `answer_lines`."""
    relations, readings = read_relations(findings.values()), read_measures(findings)
    if relations is not None and relations.pairs:
        told = _ladder_answer(relations, short_names(list(sizes)), sizes, _UNWRAPPED)
        return "; ".join(told[: 2 if len(relations.pairs) == 1 else 1])  # of one pair, evidence has a line of its own
    return _measured(readings[0], short_names(list(sizes))) if readings else ""


def short_names(labels: Sequence[str]) -> dict[str, str]:
    """Names that tell representations apart in few letters: `a`, `b`; `run[3]` for the replicates of one run.

    Args:
        labels: such as `20260101-000000-tanh-1a2b:hidden-1[3]` or `a.npy`.
    """
    parts = {label: _split(label) for label in labels}
    bases = list(dict.fromkeys(base for base, _ in parts.values()))
    if len(bases) == 1 and all(index for _, index in parts.values()):
        letters = {bases[0]: "run"}
    else:
        letters = dict(zip(bases, _distinct(bases), strict=True))
    return {label: f"{letters[base]}{index}" for label, (base, index) in parts.items()}


def format_number(value: float) -> str:
    """Three significant digits, an en dash for nothing."""
    if math.isnan(value):
        return "–"
    mantissa, mark, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else mantissa


def _ladder_answer(
    relations: Relations, names: Mapping[str, str], sizes: Mapping[str, tuple[int, int]], width: int
) -> list[str]:
    if len(relations.pairs) == 1:
        return _answer_of_one(relations, names, next(iter(sizes.values()))[0], width)
    many, pairs = len(relations.labels), len(relations.pairs)
    common = relations.common()
    if common:
        steps = [step for rung in common for step in relations.steps[rung].values()]
        classes = "class relates" if len(common) == 1 else "classes each relate"
        sentence = (
            f"{_or(common)}: the smallest {classes} all {pairs} pairs of {many} representations; held-out residual at "
            f"most {format_number(max(step.residual for step in steps))}, {_shuffled(steps)}"
        )
    elif best := relations.best():
        passing = [step for step in relations.steps[best].values() if step.passes]
        sentence = (
            f"no class relates all {pairs} pairs of {many} representations; {best} relates {len(passing)} of them, "
            f"held-out residual at most {format_number(max(step.residual for step in passing))}, {_shuffled(passing)}"
        )
    else:
        sentence = f"no class that was fitted relates any of the {pairs} pairs of {many} representations"
    if not common and (closest := _closest(relations)):
        worst = max(step.residual for step in relations.steps[closest].values())
        sentence += f"; {closest} leaves at most {format_number(worst)} of the variance of any"
    return _wrap(sentence, width)


def _closest(relations: Relations) -> str:
    """The rung whose largest residual is least, where it is better than shuffled rows for every pair; else empty."""
    known = {rung: list(steps.values()) for rung, steps in relations.steps.items()}
    known = {rung: steps for rung, steps in known.items() if all(step.measured and step.related for step in steps)}
    return min(known, key=lambda rung: max(step.residual for step in known[rung]), default="")


def _answer_of_one(relations: Relations, names: Mapping[str, str], rows: int, width: int) -> list[str]:
    (pair,) = relations.pairs
    first, other = (names[label] for label in pair)
    found = relations.passing(pair)
    one_way, forward = relations.one_way(pair)
    undecided = relations.undecided(pair)
    if found:
        step = relations.steps[found[0]][pair]
        head = f"{_or(found)}: {_maps(found)} {first} onto {other}"
        evidence = _evidence(step, relations)
    elif one_way:
        step = relations.steps[one_way[0]][pair]
        (source, target), there, back = (
            ((first, other), step.there, step.back) if forward else ((other, first), step.back, step.there)
        )
        head = f"{_or(one_way)}, one way only: {_maps(one_way)} {source} onto {target}, but none back"
        evidence = (
            f"held-out residual {format_number(there)} of the variance there and {format_number(back)} back; up to "
            f"{format_number(relations.tolerance)} passes"
        )
    elif undecided:
        step = relations.steps[undecided[0]][pair]
        smaller = "; no smaller class does" if relations.nearest(pair) else ""
        head = (
            f"undecided: {rows} rows are too few to tell whether {_maps(undecided, 'or')} {first} onto {other}{smaller}"
        )
        evidence = f"the same fit of a representation to itself leaves {format_number(step.itself)} of the variance"
    elif not (nearest := relations.nearest(pair)):
        return _wrap(f"nothing could be said of {first} and {other}", width) + _remarks(relations, names, width)
    else:
        step = relations.steps[nearest][pair]
        head = f"nothing found: no class carries {first} onto {other} better than onto shuffled rows"
        if step.related:
            head = (
                f"related, but in no class that was fitted: {nearest} comes nearest and explains "
                f"{format_number(100 * (1 - step.residual))} % of the variance of {first} and {other}"
            )
        evidence = _evidence(step, relations)
    return [*_wrap(head, width), *_wrap(evidence, width), *_remarks(relations, names, width)]


def _maps(rungs: Sequence[str], joined: str = "and") -> str:
    """What carries one onto the other, with its verb."""
    maps = [RUNGS[rung].in_words for rung in rungs if rung in RUNGS]
    return f" {joined} ".join(maps) + (" carries" if len(rungs) == 1 or joined == "or" else " each carry")


def _evidence(step: Step, relations: Relations) -> str:
    return (
        f"held-out residual {format_number(step.residual)} of the variance ({_heading(relations.level)} "
        f"{_interval(step.low, step.high)}; up to {format_number(relations.tolerance)} passes), {_shuffled([step])}"
    )


def _remarks(relations: Relations, names: Mapping[str, str], width: int) -> list[str]:
    """The first remark where it fits on a line, and how many more there are."""
    remarks = list(dict.fromkeys(text for each in relations.remarks.values() for text in each))
    for label, name in names.items():
        remarks = [text.replace(label, name) for text in remarks]
    if not remarks:
        return []
    more = f" (and {len(remarks) - 1} more: --full)" if len(remarks) > 1 else ""
    line = f"! {remarks[0]}{more}"
    return [line if len(line) <= width else f"! {_count(len(remarks), 'caution')} to read before trusting it: --full"]


def _legend(sizes: Mapping[str, tuple[int, int]], names: Mapping[str, str], width: int) -> list[str]:
    """What the short names stand for, each once, with the rows that all have in common."""
    bases: dict[str, list[str]] = {}
    for label in sizes:
        base, index = _split(label)
        bases.setdefault(base, []).append(index)
    parts = []
    for base, indices in bases.items():
        label = f"{base}{indices[0]}"
        name = names[label].removesuffix(indices[0])
        widths = sorted({sizes[f"{base}{index}"][1] for index in indices})
        columns = str(widths[0]) if len(widths) == 1 else f"{widths[0]} to {widths[-1]}"
        many = f"{len(indices)} representations of " if len(indices) > 1 else ""
        parts.append(f"{name} = {base} ({many}{columns} column{'s' if columns != '1' else ''})")
    rows = f"{next(iter(sizes.values()))[0]} rows"
    joined = f"{'; '.join(parts)}; {rows}"
    return [joined] if len(joined) <= width else [*parts, rows]


def _ladder(relations: Relations, width: int) -> list[str]:
    """One row a rung, the largest class on top."""
    rungs = list(relations.steps)[::-1]
    if len(relations.pairs) == 1:
        steps = [relations.steps[rung][relations.pairs[0]] for rung in rungs]
        columns: list[Column] = [
            ("class", "left", rungs),
            ("", "left", [step.mark for step in steps]),
            ("residual", "right", [format_number(step.residual) for step in steps]),
            (_heading(relations.level), "left", [_interval(step.low, step.high) for step in steps]),
            ("shuffled", "right", [format_number(step.shuffled) for step in steps]),
        ]
        return _table(columns, width)
    residuals = [[step.residual for step in relations.steps[rung].values()] for rung in rungs]
    total = len(relations.pairs)
    return _table(
        [
            ("class", "left", rungs),
            ("pairs that pass", "right", [f"{relations.count(rung)} of {total}" for rung in rungs]),
            ("residual", "right", [format_number(_median(each)) for each in residuals]),
            ("least to largest", "left", [_range(each) for each in residuals]),
        ],
        width,
    )


def _groups(relations: Relations, names: Mapping[str, str], width: int) -> list[str]:
    """The groups into which the representations fall, and the odd ones out with what is known of them."""
    rung = relations.best()
    if len(relations.pairs) == 1 or not rung:
        return []
    alone = [each[0] for each in relations.groups(rung) if len(each) == 1]
    smallest = next(each for each in relations.steps if relations.count(each))
    lines = []
    for each in dict.fromkeys((rung, smallest)):
        groups = [group for group in relations.groups(each) if len(group) > 1]
        said = "; ".join(" ".join(names[label] for label in group) for group in groups)
        lines += _wrap(f"groups by {each}: {said}", width)
    known = {label: reasons for label in alone if (reasons := relations.reasons(label))}
    unknown = [names[label] for label in alone if label not in known]
    if unknown:
        lines += _wrap(f"in no group: {' '.join(unknown)}", width)
    for label, reasons in list(known.items())[:_SHOWN_ODD]:
        lines += _wrap(f"in no group: {names[label]}: {reasons[0].replace(label, names[label])}", width)
    return lines


def _measures(readings: Sequence[Reading], names: Mapping[str, str], width: int) -> list[str]:
    single = all(len(each.values) == 1 for each in readings)
    spread = [_interval(each.low, each.high) if single else _range(each.values) for each in readings]
    return _table(
        [
            ("measure", "left", [f"{each.measure}{_way(each, names)}" for each in readings]),
            ("value" if single else "median", "right", [format_number(_median(each.values)) for each in readings]),
            (_heading(readings[0].level) if single else "least to largest", "left", spread),
            ("chance", "right", [format_number(each.chance) for each in readings]),
            ("does not change under", "left", [each.invariant_to for each in readings]),
        ],
        width,
    )


def _way(reading: Reading, names: Mapping[str, str]) -> str:
    """From which of two to which a directed measure was taken."""
    return f" {names[reading.way[0]]} to {names[reading.way[1]]}" if reading.way else ""


def _measured(reading: Reading, names: Mapping[str, str]) -> str:
    """The answer where no ladder was asked for."""
    if len(reading.values) == 1:
        interval = (
            "" if math.isnan(reading.low) else f" ({_heading(reading.level)} {_interval(reading.low, reading.high)})"
        )
        chance = "" if math.isnan(reading.chance) else f", {format_number(reading.chance)} by chance"
        return f"{reading.measure}{_way(reading, names)} {format_number(reading.values[0])}{interval}{chance}"
    return f"{reading.measure} {format_number(_median(reading.values))} in the median of {len(reading.values)} pairs"


def _table(columns: Sequence[Column], width: int) -> list[str]:
    """Aligned columns; where they do not fit, the last ones are left out, never a part of a cell."""
    sizes = [max(len(heading), *map(len, cells)) for heading, _, cells in columns]
    kept = len(columns)
    while kept > 2 and sum(sizes[:kept]) + 2 * (kept - 1) > width:
        kept -= 1
    lines = []
    for row in [[heading for heading, _, _ in columns], *zip(*(cells for _, _, cells in columns), strict=True)]:
        cells = [
            cell.rjust(size) if side == "right" else cell.ljust(size)
            for cell, size, (_, side, _) in zip(row[:kept], sizes, columns, strict=False)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _wrap(sentence: str, width: int) -> list[str]:
    """Lines broken between words only, so that no number or name is cut."""
    import textwrap

    return textwrap.wrap(sentence, width, break_long_words=False, break_on_hyphens=False, subsequent_indent="  ")


def _split(label: str) -> tuple[str, str]:
    base, bracket, index = label.rpartition("[")
    return (base, f"[{index}") if bracket and label.endswith("]") else (label, "")


def _distinct(bases: Sequence[str]) -> Iterator[str]:
    """A letter for each, its own where it is named by one, such as `b.npy`; so no letter means another's name."""
    stems = [base.rpartition("/")[2].partition(".")[0] for base in bases]
    free = (letter for number in count() if (letter := _letters(number)) not in stems)
    for stem in stems:
        known = len(stem) == 1 and stem in "abcdefghijklmnopqrstuvwxyz" and stems.count(stem) == 1
        yield stem if known else next(free)


def _letters(number: int) -> str:
    """a to z, then aa, ab and so on."""
    return chr(97 + number) if number < 26 else _letters(number // 26 - 1) + chr(97 + number % 26)


def _heading(level: str) -> str:
    return f"{level} interval".lstrip()


def _interval(low: float, high: float) -> str:
    return "–" if math.isnan(low) or math.isnan(high) else f"{format_number(low)} to {format_number(high)}"


def _range(values: Sequence[float]) -> str:
    known = [value for value in values if not math.isnan(value)]
    return f"{format_number(min(known))} to {format_number(max(known))}" if known else "–"


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.median(known) if known else math.nan


def _shuffled(steps: Sequence[Step]) -> str:
    known = [step.shuffled for step in steps if not math.isnan(step.shuffled)]
    if not known:
        return "no control with shuffled rows"
    return f"with shuffled rows {'at least ' if len(known) > 1 else ''}{format_number(min(known))}"


def _or(rungs: Sequence[str]) -> str:
    return " or ".join(rungs)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
