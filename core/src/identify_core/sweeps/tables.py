"""Tables over seeds: mean, spread and intervals of the headline numbers of each setting, as a paper prints them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from identify_core.errors import UsageError
from identify_core.saying import say
from identify_core.spreads import Spread
from identify_core.suggestions import did_you_mean
from identify_core.sweeps.summary import Row, number_of, varying_scalars

Extreme = Literal["max", "min"]
_MOST_DECIMALS = 6


@attrs.frozen(kw_only=True)
class Line:
    """One setting.

    Args:
        values: dotted key path to value, of what the sweep varies besides the seed.
        runs: how many there are to be.
        spreads: name of a headline number to its spread; without those that no finished run has.
        best: whether its mean is the best.
    """

    values: Mapping[str, Any]
    runs: int
    spreads: Mapping[str, Spread]
    best: bool = False


def tabulate(
    rows: Sequence[Row], settings: Sequence[str], names: Sequence[str] = (), *, best: str = "", extreme: Extreme = "max"
) -> list[Line]:
    """One line for each combination of the settings but the seed, in their order.

    Args:
        rows: of a sweep; only finished runs count.
        settings: dotted key paths of what the sweep varies.
        names: of headline numbers; those that vary, without any.
        best: the headline number whose best mean marks a line; empty for none.
        extreme: whether the largest or the smallest mean is the best.

    Raises:
        UsageError: no finished run has a headline number of such a name.
    """
    finished = [row for row in rows if row.status == "finished"]
    there = list(dict.fromkeys(name for row in finished for name in row.scalars if number_of(row, name) is not None))
    for name in (*names, *([best] if best else [])):
        if name not in there:
            raise UsageError(
                f"no finished run has the headline number {name!r}", hint=did_you_mean(name, there) or "see runs show"
            )
    wanted = list(names) or [name for name in varying_scalars(finished) if name in there]
    wanted += [best] if best and best not in wanted else []
    kept = [each for each in settings if each != "seed"]
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(repr([row.values[each] for each in kept]), []).append(row)
    lines = [_line(group, kept, wanted) for group in groups.values()]
    means = [line.spreads[best].mean for line in lines if best in line.spreads]
    if not means:
        return lines
    winner = max(means) if extreme == "max" else min(means)
    return [attrs.evolve(line, best=best in line.spreads and line.spreads[best].mean == winner) for line in lines]


def format_spread(spread: Spread | None) -> str:
    """`0.934 ± 0.012`: two digits of the deviation, and as many decimals of the mean."""
    if spread is None:
        return "-"
    if spread.count == 1 or not spread.deviation > 0:
        return f"{spread.mean:.4g}"
    decimals = 1 - math.floor(math.log10(spread.deviation))
    if decimals > _MOST_DECIMALS or abs(spread.mean) >= 1e6:
        return f"{spread.mean:.3e} ± {spread.deviation:.1e}"
    decimals = max(decimals, 0)
    return f"{spread.mean:.{decimals}f} ± {spread.deviation:.{decimals}f}"


def format_interval(spread: Spread | None, which: Literal["student", "bootstrap"]) -> str:
    """`[0.92, 0.95]` with a digit more than the mean has."""
    if spread is None or spread.count == 1:
        return "-"
    low, high = getattr(spread, which)
    decimals = 2 - math.floor(math.log10(spread.deviation)) if spread.deviation > 0 else 4
    if decimals > _MOST_DECIMALS + 1 or abs(spread.mean) >= 1e6:
        return f"[{low:.3e}, {high:.3e}]"
    return f"[{low:.{max(decimals, 0)}f}, {high:.{max(decimals, 0)}f}]"


def as_csv(lines: Sequence[Line], settings: Sequence[str]) -> str:
    """One row a setting and headline number, with every figure in full."""
    kept = [each for each in settings if each != "seed"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    intervals = ("t_low", "t_high", "bootstrap_low", "bootstrap_high")
    writer.writerow([*kept, "number", "runs", "count", "mean", "deviation", *intervals, "best"])
    for line in lines:
        for name, each in line.spreads.items():
            figures = [each.mean, each.deviation, *each.student, *each.bootstrap]
            shown = ["" if math.isnan(figure) else repr(figure) for figure in figures]
            values = [_plain(line.values[key]) for key in kept]
            writer.writerow([*values, name, line.runs, each.count, *shown, int(line.best)])
    return text.getvalue()


def as_latex(lines: Sequence[Line], settings: Sequence[str]) -> str:
    """A `tabular` with the rules of booktabs: mean ± deviation, the best line in bold."""
    kept = [each for each in settings if each != "seed"]
    names = _names(lines)
    head = " & ".join(_escape(each) for each in (*kept, *names))
    body = []
    for line in lines:
        cells = [_escape(_plain(line.values[key])) for key in kept]
        for name in names:
            text = format_spread(line.spreads.get(name)).replace("±", r"\pm")
            cells.append(rf"$\mathbf{{{text}}}$" if line.best else f"${text}$")
        body.append(" & ".join(cells) + r" \\")
    columns = "l" * len(kept) + "r" * len(names)
    return (
        "\n".join([rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head + r" \\", r"\midrule", *body, r"\bottomrule"])
        + "\n\\end{tabular}\n"
    )


def _line(rows: Sequence[Row], kept: Sequence[str], names: Sequence[str]) -> Line:
    spreads = {}
    for name in names:
        found = [number_of(row, name) for row in rows if row.status == "finished"]
        numbers = [number for number in found if number is not None]
        if numbers:
            spreads[name] = Spread.of(numbers)
    return Line(values={key: rows[0].values[key] for key in kept}, runs=len(rows), spreads=spreads)


def _names(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in line.spreads))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else say(value)


def _escape(text: str) -> str:
    return "".join(rf"\{each}" if each in "&%$#_{}" else each for each in text)
