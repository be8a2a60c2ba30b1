"""What `option()` records, and what each limit accepts and says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import pytest

from identify_core.components import Evaluator
from identify_core.data import Factor
from identify_core.errors import OptionsError
from identify_core.kinds import check_option
from identify_core.options import above, at_least, between, matching, not_empty, option
from identify_core.scores import Score
from identify_core.spec import plain_options, structure


@attrs.frozen
class Everything:
    value: Any = option(None, help="A value.", unit="m", source="section 1", limit=(at_least(1), between(0, 5)))


def test_metadata_say_help_unit_source_and_limits() -> None:
    metadata = attrs.fields(Everything).value.metadata
    assert (metadata["help"], metadata["unit"], metadata["source"]) == ("A value.", "m", "section 1")
    assert metadata["limits"] == ("at least 1", "between 0 and 5")
    assert metadata["checks"] == (at_least(1), between(0, 5))
    assert metadata["infinite"] is False


def test_none_has_no_limits() -> None:
    assert Everything().value is None


def test_every_broken_limit_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"^-1 is too small: value must be at least 1; -1 is out of range: value must"):
        Everything(value=-1)


@pytest.mark.parametrize(
    ("limit", "good", "bad", "message"),
    [
        (at_least(2), 2, 1, "1 is too small: value must be at least 2"),
        (at_least(2), (2, 3), (3, 1), "1 is too small: value must be at least 2"),
        (at_least(0), {"a": (0.0,)}, {"a": (0.0, -1.0)}, "-1.0 is too small: value must be at least 0"),
        (at_least(1), "auto", 0, "0 is too small: value must be at least 1"),
        (at_least(0), 0.0, math.nan, "value: nan is not a finite number"),
        (above(0.0), 0.1, 0.0, "0.0 is too small: value must be above 0"),
        (above(0.5), 0.6, 0.5, "0.5 is too small: value must be above 0.5"),
        (between(0, 2**63 - 1), 2**63 - 1, -1, "-1 is out of range: value must be between 0 and 9223372036854775807"),
        (not_empty(), (1,), (), "value must not be empty"),
        (not_empty(), "a", "", "value must not be empty"),
        (matching("[a-z]+", "a word"), "abc", "abc1", "'abc1' is not accepted: value must be a word"),
    ],
)
def test_limits(limit: Any, good: Any, bad: Any, message: str) -> None:
    kind = attrs.make_class("Kind", {"value": option(help="A value.", limit=limit)})
    assert kind(value=good).value == good
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        kind(value=bad)
    assert str(caught.value) == message


@attrs.frozen
class Part:
    size: int = option(1, help="A size.", limit=at_least(1))


@attrs.frozen
class Typed:
    count: int = option(3, help="A count.", limit=at_least(1))
    rate: float = option(0.1, help="A rate.")
    endless: float = option(math.inf, help="A bound.", infinite=True)
    flag: bool = option(False, help="A flag.")
    name: str = option("", help="A name.")
    file: Path | None = option(None, help="A file.")
    similarity: Literal["cosine", "inner-product", "euclidean"] = option("cosine", help="A similarity.")
    noise: float | Literal["learned", "per-task"] = option("learned", help="A noise.")
    widths: tuple[int, ...] = option((2,), help="Widths.")
    pair: tuple[float, float] = option((0.0, 1.0), help="A pair.")
    weights: Mapping[str, float] = option(attrs.Factory(dict), help="Weights.")
    part: Part = option(Part(), help="A part.")


@attrs.frozen
class Inherited(Typed):
    similarity: Literal["cosine", "manhattan"] = option("cosine", help="Another choice under the same name.")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"similarity": "Cosine"},
            'similarity: "Cosine" is not one of "cosine", "inner-product", "euclidean"; did you mean \'cosine\'?',
        ),
        ({"similarity": True}, 'similarity: true is not one of "cosine", "inner-product", "euclidean"'),
        ({"similarity": None}, 'similarity: None is not one of "cosine", "inner-product", "euclidean"'),
        (
            {"noise": "Learned"},
            'noise: "Learned" is not a number or one of "learned", "per-task"; did you mean \'learned\'?',
        ),
        ({"count": 2.0}, "count: 2.0 is not a whole number: write 2"),
        ({"count": True}, "count: true is not a whole number"),
        ({"count": 0}, "0 is too small: count must be at least 1"),
        ({"count": 2**63}, "count: 9223372036854775808 is outside the range of a 64-bit whole number"),
        ({"rate": "0.1"}, 'rate: "0.1" is not a number'),
        ({"rate": True}, "rate: true is not a number"),
        ({"rate": math.inf}, "rate: inf is not a finite number"),
        ({"endless": math.nan}, "endless: nan is not a finite number"),
        ({"flag": 1}, "flag: 1 is not true or false"),
        ({"name": b"a"}, "name: b'a' is not a string"),
        ({"widths": 3}, "widths: 3 is not a list of whole numbers"),
        ({"widths": [1, 2.5, "a"]}, 'widths.1: 2.5 is not a whole number; widths.2: "a" is not a whole number'),
        ({"pair": (1.0,)}, "pair: [1.0] is not a list of 2: a number, a number: it has 1"),
        ({"weights": {"a": "b"}}, 'weights.a: "b" is not a number'),
        ({"weights": {1: 2.0}}, "weights: {1 = 2.0} is not a table of numbers"),
        ({"part": {"size": 2}}, "part: {size = 2} is not an instance of Part"),
        ({"file": 3}, "file: 3 is not a path"),
    ],
)
def test_python_meets_the_checks_that_a_spec_meets(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError) as caught:
        Typed(**given)
    assert str(caught.value) == message
    assert isinstance(caught.value, ValueError)  # as any wrong argument of a function


def test_one_form_of_each_value_wherever_it_came_from() -> None:
    made = Typed(
        count=np.int64(4),
        rate=1,
        flag=np.bool_(True),
        name=np.str_("a"),
        file="a/b",
        noise=np.float32(0.5),
        widths=[1, np.int32(2)],
        pair=np.float64(1).repeat(2).tolist(),
        weights={"a": 1},
    )
    read = structure(
        {
            "count": 4,
            "rate": 1,
            "flag": True,
            "name": "a",
            "file": "a/b",
            "noise": 0.5,
            "widths": [1, 2],
            "pair": [1, 1],
            "weights": {"a": 1},
        },
        Typed,
    )
    assert made == read
    assert plain_options(made) == plain_options(read)
    for field in attrs.fields(Typed):
        assert type(getattr(made, field.name)) is type(getattr(read, field.name))


def test_a_changed_copy_is_checked_too() -> None:
    with pytest.raises(OptionsError, match="did you mean 'euclidean'"):
        attrs.evolve(Typed(), similarity="euclidian")


def test_a_subclass_has_its_own_choices() -> None:
    assert Inherited(similarity="manhattan").similarity == "manhattan"
    assert Typed().similarity == "cosine"
    with pytest.raises(OptionsError, match='one of "cosine", "manhattan"'):
        Inherited(similarity="euclidean")
    with pytest.raises(OptionsError, match='one of "cosine", "inner-product", "euclidean"'):
        Typed(similarity="manhattan")


def test_an_argument_of_a_function_is_checked_by_the_same_means() -> None:
    assert check_option("side", "x", Literal["x", "y"]) == "x"
    with pytest.raises(OptionsError, match=r'^side: "X" is not one of "x", "y"; did you mean \'x\'\?$'):
        check_option("side", "X", Literal["x", "y"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"arity": "pairs"},
            'arity: "pairs" is not one of "representation", "pair", "group", "run"; did you mean \'pair\'?',
        ),
        ({"larger_is": "more similiar"}, "did you mean 'more similar'?"),
        ({"requires": ("weight",)}, "did you mean 'weights'?"),
    ],
)
def test_a_record_that_a_plugin_misspells_is_refused(given: dict[str, Any], message: str) -> None:
    facts: dict[str, Any] = {"name": "cka", "summary": "", "target": "a:b", "arity": "pair"} | given
    with pytest.raises(OptionsError) as caught:
        Evaluator(**facts)
    assert message in str(caught.value)


def test_the_kind_of_a_factor_and_the_direction_of_a_score_are_choices_too() -> None:
    with pytest.raises(OptionsError, match='kind: "cyclic" is not one of "continuous", "circular"'):
        Factor(values=np.zeros(3), kind="cyclic")  # type: ignore[arg-type]
    facts: dict[str, Any] = {"measure": "m", "value": 1.0, "bounds": (0, 1), "is_metric": False, "invariant_to": ()}
    with pytest.raises(OptionsError, match='larger_is: "similar" is not one of'):
        Score(**facts, larger_is="similar", n=3, widths=(1, 1), estimator="", dtype="")  # type: ignore[arg-type]
