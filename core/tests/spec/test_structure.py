"""Structuring is exact about types and reports everything that does not fit."""

from __future__ import annotations

import datetime
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.errors import OptionsError, PluginError
from identify_core.kinds import option_fields
from identify_core.mismatches import Mismatches
from identify_core.options import at_least, option
from identify_core.saying import say, say_type
from identify_core.spec.structure import plain_options, structure, structure_option
from identify_core.spec.write import write_document


@attrs.frozen
class Inner:
    n: int = option(1, help="A number.", limit=at_least(0))


@attrs.frozen
class Ball:
    type_name: ClassVar[str] = "ball"
    radius: float = option(1.0, help="Its radius.")


@attrs.frozen
class Box:
    type_name: ClassVar[str] = "box"
    sides: tuple[float, float] = option((1.0, 1.0), help="Its sides.")


@attrs.frozen
class Options:
    whole: int = option(0, help="A whole number.", limit=at_least(0))
    number: float = option(0.0, help="A number.")
    endless: float = option(math.inf, help="A number.", infinite=True)
    flag: bool = option(False, help="A flag.")
    text: str = option("", help="A text.")
    path: Path = option(Path("x"), help="A path.")
    choice: Literal["one", "two"] = option("one", help="A choice.")
    maybe: int | None = option(3, help="A number or none.")
    missing: int | None = option(None, help="A number or none.")
    several: tuple[int, ...] = option((), help="Numbers.", limit=at_least(0))
    pair: tuple[int, str] = option((1, "a"), help="A pair.")
    inner: Inner = option(Inner(), help="More.")
    shape: Ball | Box = option(Ball(), help="A shape.")
    named: Mapping[str, float] = option(attrs.Factory(dict), help="Numbers by name.")
    anything: Mapping[str, Any] = option(attrs.Factory(dict), help="Anything.")


def _said(value: Any, kind: Any) -> list[str]:
    with pytest.raises(Mismatches) as caught:
        structure(value, kind)
    return [f"{'.'.join(map(str, each.path))}: {each.message}" for each in caught.value.found]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3, int, 3),
        (3, float, 3.0),
        (2.5, float, 2.5),
        (True, bool, True),
        ("a", str, "a"),
        ("a/b", Path, Path("a/b")),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, "a"], tuple[int, str], (1, "a")),
        ([1, 2], list[int], [1, 2]),
        ([1, 2], Sequence[int], (1, 2)),
        ([[1.0, 2]], tuple[tuple[float, float], ...], ((1.0, 2.0),)),
        ({"a": 1}, Mapping[str, float], {"a": 1.0}),
        ({"a": 1}, dict[str, int], {"a": 1}),
        ("two", Literal["one", "two"], "two"),
        (1, Literal[True, 1], 1),
        ("none", int | None, None),
        (3, int | None, 3),
        (3, float | int, 3),
        (True, int | bool, True),
        ("auto", int | Literal["auto"], "auto"),
        ("none", str | None, None),
        ("none", Path | None, None),
        ("none", Literal["none", "all"] | None, "none"),
        ({"a": [1, {"b": 2.5}]}, Any, {"a": [1, {"b": 2.5}]}),
        ({"type": "box", "sides": [1, 2]}, Ball | Box, Box(sides=(1.0, 2.0))),
        ({"n": 2}, Inner | None, Inner(n=2)),
        ("none", Inner | None, None),
    ],
)
def test_what_fits(value: Any, kind: Any, expected: Any) -> None:
    structured = structure(value, kind)
    assert structured == expected
    assert type(structured) is type(expected)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("false", bool, '"false" is not true or false: write false without quotes'),
        (1, bool, "1 is not true or false"),
        (2.9, int, "2.9 is not a whole number"),
        (2.0, int, "2.0 is not a whole number: write 2"),
        (True, int, "true is not a whole number"),
        ("2", int, '"2" is not a whole number'),
        (True, float, "true is not a number"),
        ("2.5", float, '"2.5" is not a number'),
        (3, str, "3 is not a string"),
        ("12", tuple[int, ...], '"12" is not a list of whole numbers'),
        (12, tuple[int, ...], "12 is not a list of whole numbers"),
        ([1], tuple[int, int], "[1] is not a list of 2: a whole number, a whole number: it has 1"),
        ([], Mapping[str, int], "[] is not a table of whole numbers"),
        ("", Path, '"" is not a path'),
        ("tow", Literal["one", "two"], '"tow" is not one of "one", "two"; did you mean \'two\'?'),
        (True, Literal[1, 2], "true is not one of 1, 2"),
        (1.5, int | None, "1.5 is not a whole number"),
        ("None", int | None, '"None" is not a whole number'),
        (1.5, int | Literal["auto"], '1.5 is not a whole number or "auto"'),
        (2**63, int, "9223372036854775808 is outside the range of a 64-bit whole number"),
        (-(2**63) - 1, float, "-9223372036854775809 is outside the range of a 64-bit whole number"),
        ("a", Inner, '"a" is not a table'),
        ({}, Ball | Box, None),
        ("ball", Ball | Box, '"ball" is not a table with type = "ball" or a table with type = "box"'),
        (datetime.date(2020, 1, 1), Any, "2020-01-01 is a date or a time, which no option takes: write it in quotes"),
    ],
)
def test_what_does_not_fit(value: Any, kind: Any, message: str | None) -> None:
    if message is None:
        assert _said(value, kind) == ["type: this option is required; there are: ball, box"]
    else:
        assert _said(value, kind) == [f": {message}"]


def test_everything_that_does_not_fit_is_said_at_once() -> None:
    value = {
        "whole": -1,
        "number": math.nan,
        "endless": math.nan,
        "flag": "no",
        "sevral": [1],
        "several": [1, 2.5, -1, True],
        "pair": [1, 2],
        "inner": {"n": -2, "m": 1},
        "shape": {"type": "bal"},
        "named": {"a": "b", "c": math.inf},
        "anything": {"deep": [math.inf]},
    }
    assert _said(value, Options) == [
        "sevral: there is no such option; did you mean 'several'?",
        "number: nan is not a finite number",
        "endless: nan is not a finite number",
        'flag: "no" is not true or false',
        "several.1: 2.5 is not a whole number",
        "several.3: true is not a whole number",
        "pair.1: 2 is not a string",
        "inner.m: there is no such option; there are: n",
        "inner.n: -2 is too small: n must be at least 0",
        "shape.type: \"bal\" is not a type that is known here; did you mean 'ball'?",
        'named.a: "b" is not a number',
        "named.c: inf is not a finite number",
        "anything.deep.0: inf is not a finite number",
        "whole: -1 is too small: whole must be at least 0",
    ]


def test_infinity_is_accepted_where_it_means_something() -> None:
    assert structure({"endless": -math.inf}, Options).endless == -math.inf


def test_a_required_option() -> None:
    @attrs.frozen
    class Required:
        n: int = option(help="A number.")

    assert _said({}, Required) == ["n: this option is required: a whole number"]


def test_options_that_do_not_go_together_are_one_problem_of_their_table() -> None:
    @attrs.frozen
    class Range:
        low: int = option(0, help="Lowest.")
        high: int = option(1, help="Highest.")

        def __attrs_post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError(f"low {self.low} is above high {self.high}")

    assert _said({"low": 2}, Range) == [": low 2 is above high 1"]
    assert _said([{"low": 2}], tuple[Range, ...]) == ["0: low 2 is above high 1"]


def test_an_options_error_is_a_problem_too() -> None:
    @attrs.frozen
    class Refusing:
        def __attrs_post_init__(self) -> None:
            raise OptionsError("never", problems=["not this", "nor that"])

    assert _said({}, Refusing) == [": not this", ": nor that"]


def test_validators_see_the_other_fields_that_could_be_read() -> None:
    @attrs.frozen
    class Follows:
        first: int = attrs.field(default=1)
        second: int = attrs.field(default=1)

        @second.validator
        def _after(self, _: object, value: int) -> None:
            if value < self.first:
                raise ValueError(f"{value} is before {self.first}")

    assert _said({"first": 5, "second": 3}, Follows) == ["second: 3 is before 5"]


@pytest.mark.parametrize("kind", [bytes, set[int], complex, datetime.date, "Unknown", object])
def test_an_annotation_that_no_spec_can_fill_is_the_plugins_fault(kind: Any) -> None:
    options = attrs.make_class("Strange", {"x": attrs.field(type=kind)})
    with pytest.raises(PluginError, match="annotation"):
        structure({"x": 1}, options)


def test_records_that_cannot_be_told_apart_are_the_plugins_fault() -> None:
    with pytest.raises(PluginError, match="the options classes Inner, Ball cannot be told apart"):
        structure({}, Inner | Ball)


def test_an_unresolved_annotation_is_named() -> None:
    options = attrs.make_class("Strange", {"x": attrs.field(type="Nowhere")})
    with pytest.raises(PluginError, match="annotation that cannot be resolved: name 'Nowhere' is not defined"):
        option_fields(options)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (int, "a whole number"),
        (tuple[int, ...], "a list of whole numbers"),
        (tuple[int, str], "a list of 2: a whole number, a string"),
        (tuple[Literal["a", "b"], ...], 'a list of values, each one of "a", "b"'),
        (Mapping[str, float], "a table of numbers"),
        (int | Literal["auto"] | None, 'a whole number or "auto" or "none"'),
        (Inner, "a table"),
    ],
)
def test_types_in_words(kind: Any, words: str) -> None:
    assert say_type(kind) == words


def test_values_in_words_are_cut_short() -> None:
    assert say([True, 'a"b', {"c": 1.5}]) == '[true, "a\\"b", {c = 1.5}]'
    assert say("x" * 500) == '"' + "x" * 75 + " ..."


def test_one_option_by_itself() -> None:
    assert structure_option(Options, "maybe", "none") is None
    for name, value, message in [
        ("whole", -1, "-1 is too small: whole must be at least 0"),
        ("number", math.inf, "inf is not a finite number"),
        ("flag", 1, "1 is not true or false"),
        ("hole", 1, "there is no such option; did you mean 'whole'?"),
    ]:
        with pytest.raises(Mismatches) as caught:
            structure_option(Options, name, value)
        assert [each.message for each in caught.value.found] == [message]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=5)
INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
OPTIONS = st.builds(
    Options,
    whole=st.integers(0, 2**63 - 1),
    number=FINITE,
    endless=st.floats(allow_nan=False),
    flag=st.booleans(),
    text=WORDS,
    path=st.sampled_from([Path("a"), Path("/b/c d")]),
    choice=st.sampled_from(["one", "two"]),
    maybe=st.none() | INTEGERS,
    missing=st.none() | INTEGERS,
    several=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    pair=st.tuples(INTEGERS, WORDS),
    inner=st.builds(Inner, n=st.integers(0, 9)),
    shape=st.builds(Ball, radius=FINITE) | st.builds(Box, sides=st.tuples(FINITE, FINITE)),
    named=st.dictionaries(WORDS, FINITE, max_size=2),
    anything=st.dictionaries(WORDS, st.recursive(FINITE | WORDS | INTEGERS, lambda each: st.lists(each, max_size=2))),
)


@given(OPTIONS)
def test_written_options_are_read_back_the_same(options: Options) -> None:
    for complete in (False, True):
        plain = plain_options(options, complete=complete)
        assert structure(tomllib.loads(write_document(plain)), Options) == options
