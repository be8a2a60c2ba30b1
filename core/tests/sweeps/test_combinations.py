"""The combinations of a sweep: their order, names and specs, and everything that is wrong with any of them at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.errors import SpecError, UsageError
from identify_core.spec.layers import read_lists, read_text_layer
from identify_core.sweeps import combinations
from identify_core.sweeps.combinations import Plan
from identify_core.testing.fixtures import Project

MakePlan = Callable[..., Plan]


def test_every_combination_once_the_last_list_fastest(plan: MakePlan) -> None:
    made = plan("objective.steps=5,10", "seed=0,1,2")
    assert [tuple(each.values.values()) for each in made.combinations] == list(itertools.product((5, 10), (0, 1, 2)))
    assert [each.index for each in made.combinations] == [1, 2, 3, 4, 5, 6]
    assert [each.spec.name for each in made.combinations] == [f"toy-{index:03d}" for index in range(1, 7)]
    for each in made.combinations:
        assert (each.spec.objective.options.steps, each.spec.seed) == tuple(each.values.values())
        assert each.spec.sweep == {}
        assert "[sweep]" not in each.spec.as_toml()
    assert len({each.spec.hash for each in made.combinations}) == 6


def test_over_adds_to_the_table_of_the_spec_and_replaces_its_lists(plan: MakePlan, toys: Project) -> None:
    text = '[sweep]\nseed = [7]\n"objective.steps" = [1, 2]\n'
    made = plan("seed=0,1", "model.width=[3]", file=toys.write_spec(text), preset="smoke")
    assert dict(made.base.sweep) == {"seed": (0, 1), "objective.steps": (1, 2), "model.width": (3,)}


def test_values_may_be_of_evaluators_by_label_and_of_types(plan: MakePlan) -> None:
    made = plan("evaluators.whole.fail=false,true", "dataset.type=lines", "dataset.samples=8,16")
    found = [(each.spec.evaluators[0].options.fail, each.spec.dataset.options.samples) for each in made.combinations]
    assert found == [(False, 8), (False, 16), (True, 8), (True, 16)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=0,1,2", [0, 1, 2]),
        ("seed=[0, 1]", [0, 1]),
        ("seed=3", [3]),
        ("x.y=1e-3,0.01", [1e-3, 0.01]),
        ("x.y=random,identity", ["random", "identity"]),
        ('x.y="a,b","c"', ["a,b", "c"]),
        ("x.y=[2],[4, 4]", [[2], [4, 4]]),
        ("x.y=[[2], [4]]", [[2], [4]]),
        ("x.y=true,off", [True, "off"]),
        ("x.y=", []),
    ],
)
def test_values_are_a_list_or_stand_between_commas(text: str, values: list[Any]) -> None:
    key = text.partition("=")[0]
    assert read_lists([text]).values == {"sweep": {key: values}}


@given(st.lists(st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False)), min_size=1))
def test_plain_values_between_commas_are_the_list(values: list[Any]) -> None:
    words = [str(each).lower() if isinstance(each, bool) else repr(each) for each in values]
    assert read_lists([f"x={','.join(words)}"]).values == {"sweep": {"x": values}}


def test_texts_that_cannot_be_read_are_said_together() -> None:
    with pytest.raises(SpecError, match="a list of values cannot be read") as caught:
        read_lists(["seed", "a b=1"])
    assert caught.value.problems == (
        "--over seed: 'seed' has no value: write KEY=VALUE",
        "--over a b=1: 'a b' is not a dotted key such as objective.steps",
    )


def test_values_that_cannot_stand_there_are_refused_with_their_place(plan: MakePlan) -> None:
    with pytest.raises(SpecError) as caught:
        plan("objective.steps=5,0", "model.widht=4", "seed=")
    assert sorted(problem.partition(":")[0] for problem in caught.value.problems) == [
        'sweep."model.widht"',
        'sweep."objective.steps"',
        "sweep.seed",
    ]
    assert "(--over objective.steps=5,0)" in " ".join(caught.value.problems)


def test_every_problem_of_every_combination_is_said_once_with_where_it_is(plan: MakePlan) -> None:
    with pytest.raises(SpecError) as caught:
        plan("autocast=off,bfloat16", "dtype=float32,float64", "seed=0,1")
    assert caught.value.message == "4 of the 8 combinations cannot be run, so that none was"
    first, second = caught.value.problems
    assert first.startswith('autocast: "bfloat16" is nothing that toy:regression can train in')
    assert first.endswith(
        '(the sweep): in 4 combinations, the first is 5 (autocast = "bfloat16", dtype = "float32", seed = 0)'
    )
    assert 'does not go together with dtype = "float64"' in second
    assert ": in 2 combinations, the first is 7 (" in second
    with pytest.raises(SpecError) as caught:
        plan("autocast=bfloat16", "seed=0,1")
    assert caught.value.problems[0].endswith(": in every combination")
    with pytest.raises(SpecError) as caught:
        plan("autocast=off,bfloat16")
    assert caught.value.problems[0].endswith(': in combination 2 (autocast = "bfloat16")')


def test_equal_combinations_are_refused(plan: MakePlan) -> None:
    with pytest.raises(SpecError, match="some combinations are the same run") as caught:
        plan("seed=0,1,0")
    assert caught.value.problems == ("combination 3 (seed = 0) is the same run as combination 1 (seed = 0)",)


def test_a_spec_with_nothing_to_vary_is_refused(plan: MakePlan) -> None:
    with pytest.raises(UsageError, match="the spec has nothing to vary"):
        plan()


def test_too_many_combinations_are_refused_before_any_is_made(plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(combinations, "MOST", 5)
    with pytest.raises(UsageError, match="6 combinations are more than a sweep may have; at most 5"):
        plan("seed=0,1", "objective.steps=1,2,3")


def test_a_long_name_leaves_room_for_the_number(plan: MakePlan) -> None:
    (made,) = plan("seed=0", overrides=(f"name={'n' * 100}",)).combinations
    assert made.spec.name == "n" * 90 + "-001"


def test_the_spec_is_read_once_and_what_does_not_vary_is_structured_once(
    plan: MakePlan, toys: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(text: str, **facts: Any) -> Any:
        read.append(facts["place"])
        return read_text_layer(text, **facts)

    monkeypatch.setattr("identify_core.spec.load.read_text_layer", counted)
    monkeypatch.setattr("identify_core.spec.layers.read_text_layer", counted)
    file = toys.write_spec("seed = 3\n")
    made = plan("objective.steps=5,10", "model.width=2,3,4", file=file, preset="smoke")
    assert len(read) == 2  # the preset and the file
    first, *others = (each.spec for each in made.combinations)
    assert all(each.dataset is first.dataset for each in others)
    assert len({each.objective.options.steps for each in others}) == 2
    assert len({each.model.options.width for each in others if each.model}) == 3
