"""The answer of a comparison: one screen at every width, no number cut, groups and odd ones out as planted."""

from __future__ import annotations

import itertools
import math
import re

import pytest

from identify_core.findings import Finding, Table
from identify_core.reports.relations import read_measures, read_relations
from identify_core.reports.relations_text import answer_lines, format_number, short_names
from identify_core.rungs import RUNGS, includes

FITTED = tuple(rung for rung in RUNGS if rung not in ("isometry", "lipschitz", "homeomorphism"))
RUN = "20260101-120000-a-long-name-of-a-run-1a2b:hidden-1"


def ladder(lowest: dict[tuple[str, str], str], remarks: dict[tuple[str, str], str] | None = None) -> Finding:
    """A ladder finding in which each pair passes from one rung upwards; `none` for a pair that passes nowhere."""
    pairs, verdicts, directions = [], [], []
    for (first, other), rung in lowest.items():
        for each in FITTED:
            passes = rung != "none" and (each == rung or includes(each, rung))
            value = 3.456e-31 if passes else 0.71234
            pairs.append((first, other, each, value, value / 2, value * 2, 1.0123, 400, ""))
            directions.append((first, other, each, value, value, 0.0, 1.0123))
        verdicts.append((first, other, rung, None, None, 1e-6, (remarks or {}).get((first, other), "")))
    columns = ("representation", "other")
    return Finding(
        tables={
            "pairs": Table(
                columns=(*columns, "measure", "value", "low", "high", "chance", "rows", "remarks"), rows=pairs
            ),
            "ladder": Table(
                columns=(*columns, "lowest rung", "claimed", "found", "tolerance", "remarks"), rows=verdicts
            ),
            "directions": Table(
                columns=(*columns, "rung", "there", "back", "with itself", "rows shuffled"), rows=directions
            ),
        },
        conventions={"interval": "95 %, jackknife over 20 blocks"},
    )


def measure(name: str, values: dict[tuple[str, str], float]) -> Finding:
    columns = ("representation", "other", "measure", "value", "low", "high", "chance", "rows", "remarks")
    rows = [(*pair, name, value, value - 0.01, value + 0.01, 0.0196, 400, "") for pair, value in values.items()]
    return Finding(
        tables={"pairs": Table(columns=columns, rows=rows)},
        conventions={"invariant to": "similarity", "interval": "95 %, jackknife over 20 blocks"},
    )


FIVE = ("linear-cka", "cca", "procrustes-angular", "mutual-knn", "pearson-mcc")


def answer(
    lowest: dict[tuple[str, str], str], width: int = 80, remarks: dict[tuple[str, str], str] | None = None
) -> list[str]:
    findings = {"ladder": ladder(lowest, remarks)} | {
        name: measure(name, dict.fromkeys(lowest, 0.98765)) for name in FIVE
    }
    labels = list(dict.fromkeys(label for pair in lowest for label in pair))
    return answer_lines(findings, dict.fromkeys(labels, (400, 8)), width=width)


def test_the_first_sentence_says_what_relates_a_pair_and_the_second_how_sure_that_is() -> None:
    lines = answer({("a.npy", "b.npy"): "orthogonal"})
    assert lines[0] == "orthogonal: a rotation or reflection carries a onto b"
    said = " ".join(line.strip() for line in lines[1:3])
    assert said.startswith(
        "held-out residual 3.46e-31 of the variance (95 % interval 1.73e-31 to 6.91e-31; up to 1e-6 passes), with "
        "shuffled rows 1.01"
    )


@pytest.mark.parametrize("rung", FITTED)
def test_every_rung_makes_a_sentence(rung: str) -> None:
    head = answer({("a.npy", "b.npy"): rung}, width=100)[0]
    assert head == f"{rung}: {RUNGS[rung].in_words} carries a onto b"


Steps = dict[str, tuple[float, float, float]]


def told(steps: Steps, *, itself: float = 0.0, shuffled: float = 1.01) -> list[str]:
    """The answer for a pair of which each rung's residuals there and back and half of its interval are given."""
    finding = ladder({("x.npy", "y.npy"): "none"})
    pairs, directions = finding.tables["pairs"], finding.tables["directions"]
    worse = {rung: max(there, back) for rung, (there, back, _) in steps.items()}
    changed = {
        "pairs": Table(
            columns=pairs.columns,
            rows=[
                (*row[:3], worse[rung], worse[rung] - steps[rung][2], worse[rung] + steps[rung][2], *row[6:])
                for row in pairs.rows
                if (rung := str(row[2])) in steps
            ],
        ),
        "directions": Table(
            columns=directions.columns,
            rows=[
                (*row[:3], *steps[rung][:2], itself, shuffled)
                for row in directions.rows
                if (rung := str(row[2])) in steps
            ],
        ),
        "ladder": finding.tables["ladder"],
    }
    found = Finding(tables=changed, conventions=finding.conventions)
    return answer_lines({"ladder": found}, {"x.npy": (30, 8), "y.npy": (30, 4)}, width=100)


def test_a_pair_that_is_related_and_not_equal_is_told_the_smallest_of_the_nearest_classes() -> None:
    lines = told({"permutation": (0.6, 0.61, 0.02), "orthogonal": (0.264, 0.2, 0.02), "linear": (0.263, 0.2, 0.02)})
    assert " ".join(line.strip() for line in lines[:2]) == (
        "related, but in no class that was fitted: orthogonal comes nearest and explains 73.6 % of the variance of "
        "x and y"
    )
    assert lines[2].startswith(
        "held-out residual 0.264 of the variance (95 % interval 0.244 to 0.284; up to 1e-6 passes)"
    )


def test_a_pair_that_shuffled_rows_equal_has_nothing_in_common() -> None:
    lines = told({"orthogonal": (2.03, 2.0, 0.1), "linear": (1.0, 0.99, 0.02)})
    assert lines[0] == "nothing found: no class carries x onto y better than onto shuffled rows"
    assert lines[1].startswith("held-out residual 1 of the variance (95 % interval 0.98 to 1.02; up to 1e-6 passes)")


@pytest.mark.parametrize("forward", [True, False])
def test_a_map_that_goes_one_way_is_told_with_its_way(forward: bool) -> None:
    there, back = (1e-30, 0.5) if forward else (0.5, 1e-30)
    lines = told({"permutation": (0.9, 0.9, 0.01), "linear": (there, back, 0.01), "affine": (there, back, 0.01)})
    source, target = ("x", "y") if forward else ("y", "x")
    assert lines[0] == f"linear, one way only: an invertible linear map carries {source} onto {target}, but none back"
    assert lines[1] == "held-out residual 1e-30 of the variance there and 0.5 back; up to 1e-6 passes"


def test_a_class_that_rows_are_too_few_for_is_undecided() -> None:
    steps = {"orthogonal": (1.6, 1.6, 0.1), "linear": (0.8, 0.8, 0.1)}
    lines = told(steps, itself=1.5)
    assert lines[0] == "undecided: 30 rows are too few to tell whether a rotation or reflection carries x onto y"
    assert lines[1] == "the same fit of a representation to itself leaves 1.5 of the variance"
    assert sum("few rows" in line for line in lines) == 2
    assert not any("fail" in line for line in lines)


def test_of_several_pairs_that_nothing_relates_the_nearest_class_is_told() -> None:
    labels = ["p.npy", "q.npy", "r.npy"]
    finding = ladder(dict.fromkeys(itertools.combinations(labels, 2), "none"))
    rows = [(*row[:3], 0.2, 0.1, 0.3, *row[6:]) if row[2] == "affine" else row for row in finding.tables["pairs"].rows]
    pairs = Table(columns=finding.tables["pairs"].columns, rows=rows)
    found = Finding(tables={**finding.tables, "pairs": pairs}, conventions=finding.conventions)
    lines = answer_lines({"ladder": found}, dict.fromkeys(labels, (400, 8)), width=100)
    first = " ".join(line.strip() for line in lines)
    assert "relates any of the 3 pairs of 3 representations; affine leaves at most 0.2 of the variance" in first


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("count", [2, 10])
def test_it_is_one_screen_in_which_nothing_is_cut(width: int, count: int) -> None:
    labels = [f"{RUN}[{number}]" for number in range(count)]
    classes = itertools.cycle(["permutation-positive-scaling", "linear", "none"])
    lines = answer(dict(zip(itertools.combinations(labels, 2), classes, strict=False)), width=width)
    assert len(lines) + 1 <= (24 if count == 2 and width >= 80 else 40)  # one more says where the rest is
    assert all(len(line) <= min(width, 100) or RUN in line for line in lines)
    assert not any("…" in line for line in lines)
    numbers = re.findall(r"\d\.\d+e?-?\d*", "\n".join(lines))
    whole = {"3.46e-31", "1.73e-31", "6.91e-31", "1.01", "0.712", "0.356", "1.42", "0.988", "0.978", "0.998", "0.0196"}
    assert set(numbers) <= whole
    assert {"0.712", "0.988"} <= set(numbers)


def test_a_narrow_terminal_loses_columns_from_the_right_and_never_the_first_two() -> None:
    wide, narrow = answer({("a.npy", "b.npy"): "linear"}), answer({("a.npy", "b.npy"): "linear"}, width=50)
    assert any(line.startswith("class") and line.endswith("shuffled") for line in wide)
    assert any(line.startswith("class") and line.endswith("residual") for line in narrow)
    assert all(any(line.startswith(rung) for line in narrow) for rung in FITTED)


def test_many_pairs_are_counted_grouped_and_the_odd_ones_named() -> None:
    labels = [f"{RUN}[{number}]" for number in range(5)]
    lowest = {}
    for first, other in itertools.combinations(labels, 2):
        inside = {first, other} <= set(labels[:3])
        lowest[first, other] = "permutation" if inside else "none"
    dead = f"1 of 8 columns of {labels[4]} is constant"
    remarks = {pair: dead for pair in lowest if labels[4] in pair}
    lines = answer(lowest, width=100, remarks=remarks)
    assert lines[0].startswith("no class relates all 10 pairs of 5 representations; permutation relates 3 of them")
    assert "groups by permutation: run[0] run[1] run[2]" in lines
    assert "in no group: run[3]" in lines
    assert "in no group: run[4]: 1 of 8 columns of run[4] is constant" in lines
    assert any(line.startswith("identity") and "0 of 10" in line for line in lines)
    assert any(line.startswith("affine") and "3 of 10" in line for line in lines)


def test_what_holds_for_all_pairs_is_the_answer_and_finer_groups_follow() -> None:
    labels = ["a.npy", "b.npy", "c.npy"]
    lowest = {("a.npy", "b.npy"): "permutation", ("a.npy", "c.npy"): "linear", ("b.npy", "c.npy"): "linear"}
    lines = answer(lowest, width=100)
    assert lines[0].startswith("linear: the smallest class relates all 3 pairs of 3 representations; held-out residual")
    assert "groups by permutation: a b" in lines
    relations = read_relations([ladder(lowest)])
    assert relations is not None
    assert relations.common() == ("linear",)
    assert relations.labels == tuple(labels)


def test_without_a_ladder_the_first_measure_answers() -> None:
    findings = {"linear-cka": measure("linear-cka", {("a", "b"): 0.98765})}
    lines = answer_lines(findings, {"a": (400, 8), "b": (400, 8)}, width=80)
    assert lines[0] == "linear-cka 0.988 (95 % interval 0.978 to 0.998), 0.0196 by chance"


def test_a_measure_without_a_value_is_a_dash() -> None:
    (reading,) = read_measures({"cca": measure("cca", {("a", "b"): math.nan})})
    lines = answer_lines({"cca": measure("cca", {("a", "b"): math.nan})}, {"a": (4, 1), "b": (4, 1)}, width=80)
    assert math.isnan(reading.values[0])
    assert any(line.split()[:2] == ["cca", "–"] for line in lines)


def test_short_names_tell_representations_apart() -> None:
    assert short_names(["one.npy", "two.npy"]) == {"one.npy": "a", "two.npy": "b"}
    assert short_names(["b.npy", "half.npy"]) == {"b.npy": "b", "half.npy": "a"}
    assert short_names(["a.npy", "x/a.npy"]) == {"a.npy": "b", "x/a.npy": "c"}
    assert short_names([f"{RUN}[0]", f"{RUN}[12]"]) == {f"{RUN}[0]": "run[0]", f"{RUN}[12]": "run[12]"}
    assert list(short_names([f"{RUN}[0]", "hidden.npy[layer=7]"]).values()) == ["a[0]", "b[layer=7]"]
    many = short_names([f"{number}.npy" for number in range(60)])
    assert len(set(many.values())) == 60


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (3.4561e-31, "3.46e-31"), (0.0, "0"), (math.nan, "–"), (1234567.0, "1.23e6")]
)
def test_numbers_keep_their_exponents(value: float, text: str) -> None:
    assert format_number(value) == text
