"""Pairs that are scored together get what they get one by one; results that do not fit the pairs are refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import numpy as np
import pytest

from identify_core.components import Evaluator
from identify_core.contexts.display import SilentDisplay
from identify_core.errors import Interrupted, OptionsError, PluginError, RunError, SpecError
from identify_core.evaluation.consultation import Consultation
from identify_core.evaluation.grids import grid_finding
from identify_core.evaluation.journal import Journal
from identify_core.evaluation.pairs import Grid, Preparations, missing_pairs, pairs_of, score_pairs
from identify_core.evaluation.subjects import Representation, Subject
from identify_core.evaluation.targets import apart, raise_failure
from identify_core.plugins import Registered
from identify_core.scores import Score
from identify_core.spec import Chosen
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent

Target = Callable[..., Any]


@pytest.fixture
def targets(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module for targets that a test writes."""
    module = ModuleType("pair_targets")
    monkeypatch.setitem(sys.modules, "pair_targets", module)
    return module


def representations(count: int = 4) -> list[Representation]:
    generator = np.random.default_rng(0)

    def one(number: int) -> Representation:
        values = generator.normal(size=(30, 2 + number % 2))
        return represent(values, f"r{number}", replicate=number)

    return [one(number) for number in range(count)]


def chosen(target: str, **declared: Any) -> Chosen:
    component = Evaluator(name="fit", summary="", target=f"pair_targets:{target}", arity="pair", **declared)
    registered = Registered(owner="p", component=component, distribution="d", version="1")
    return Chosen(registered=registered, options=component.options(), label="fit")


def residual(options: Any, subject: Subject, context: Any) -> Score:
    """What the best affine map from the first to the second leaves; the source has noise drawn for the pair."""
    source, target = (each.values() for each in subject.representations)
    noise = context.streams.numpy(f"noise-{subject.indices}").normal(size=source.shape)
    design = np.column_stack([source + 0.1 * noise, np.ones(len(source))])
    left = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    return Score(
        measure="fit", value=float(np.square(left).sum()), larger_is="more distant", bounds=(0.0, np.inf),
        is_metric=False, invariant_to=(), n=30, widths=(2, 2), estimator="e", dtype="float64",
    )  # fmt: skip


def values(grid: Grid) -> dict[tuple[int, int], float]:
    return {pair: score.value for pair, score in grid.scores["fit"].items()}


def score_all(tmp_path: Path, evaluator: Chosen, count: int = 4, **more: Any) -> Grid:
    return score_pairs(evaluator, Preparations(representations(count)), make_context(tmp_path, **more))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("size", [2, 4, 8])
def test_pairs_of_two_groups_of_neighbours_follow_each_other(symmetric: bool, size: int) -> None:
    component = Evaluator(name="fit", summary="", target="a:b", arity="pair", symmetric=symmetric)
    pairs = pairs_of(component, 21)
    order = missing_pairs(component, pairs, Journal())
    assert sorted(order) == pairs
    groups = [(i // size, j // size) for i, j in order]
    changes = 1 + sum(before != after for before, after in pairwise(groups))
    assert changes == len(set(groups))


def test_warnings_come_in_the_order_of_the_grid(tmp_path: Path, targets: ModuleType) -> None:
    def warn(options: Any, subject: Subject, context: Any) -> Score:
        context.warn(f"odd: {subject.indices}")
        return residual(options, subject, context)

    targets.warn = warn
    context = make_context(tmp_path)
    context.warn("before")
    score_pairs(chosen("warn"), Preparations(representations(5)), context)
    assert context.warnings == [
        "before",
        *(f"odd: {pair}" for pair in sorted((i, j) for j in range(5) for i in range(j + 1))),
    ]


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("container", [list, iter])
def test_together_is_a_loop_of_single_calls(
    tmp_path: Path, targets: ModuleType, symmetric: bool, container: Target
) -> None:
    calls: list[list[tuple[int, ...]]] = []

    def together(options: Any, subjects: Sequence[Subject], context: Any) -> Any:
        calls.append([each.indices for each in subjects])
        found = {each.indices: residual(options, each, context) for each in reversed(subjects)}
        return container([found[each.indices] for each in subjects])

    vars(targets).update(single=residual, together=together)
    expected = values(score_all(tmp_path, chosen("single", symmetric=symmetric)))
    assert values(score_all(tmp_path, chosen("together", together=True, symmetric=symmetric))) == expected
    assert len(expected) == 16
    assert calls == [[(i, j) for i in range(4) for j in range(4) if i <= j or not symmetric]]


def test_prepared_parts_come_with_every_subject(tmp_path: Path, targets: ModuleType) -> None:
    seen: list[Any] = []

    def together(options: Any, subjects: Sequence[Subject], context: Any) -> Iterator[Score]:
        for each in subjects:
            seen.append(each.prepared)
            yield residual(options, each, context)

    vars(targets).update(together=together, prepare=lambda all_of_them, context: len(all_of_them))
    score_all(tmp_path, chosen("together", together=True, prepare="pair_targets:prepare"), count=2)
    assert seen == [2, 2, 2]


@pytest.mark.parametrize(
    ("give", "said"),
    [
        (lambda subjects: ["much"] * 2, "p:fit gave str for a pair"),
        (lambda subjects: [residual(None, subjects[0], CONTEXT)], "p:fit gave 1 results for 3 pairs"),
        (
            lambda subjects: [residual(None, each, CONTEXT) for each in (*subjects, subjects[0])],
            "p:fit gave more than 3 results for 3 pairs",
        ),
        (lambda subjects: residual(None, subjects[0], CONTEXT), "returned Score instead of one result for each pair"),
        (lambda subjects: {}, "returned dict instead of one result for each pair"),
    ],
)
def test_results_that_do_not_fit_the_pairs_are_refused(
    tmp_path: Path, targets: ModuleType, give: Target, said: str
) -> None:
    vars(targets).update(together=lambda options, subjects, context: give(subjects))
    with pytest.raises(PluginError, match=said):
        score_all(tmp_path, chosen("together", together=True), count=2)


class _Streams:
    """Streams of a context for a target that is called without one."""

    def numpy(self, name: str) -> np.random.Generator:
        return np.random.default_rng(0)


class CONTEXT:
    """As much of a context as `residual` asks for."""

    streams = _Streams()


def test_an_error_while_results_are_made_is_told_as_that_of_any_target(tmp_path: Path, targets: ModuleType) -> None:
    def together(options: Any, subjects: Sequence[Subject], context: Any) -> Iterator[Score]:
        yield residual(options, subjects[0], context)
        raise OptionsError("the step length is 0")

    vars(targets).update(together=together)
    with pytest.raises(SpecError, match=r"evaluators.fit \(p:fit\): the step length is 0"):
        score_all(tmp_path, chosen("together", together=True))


def test_a_stop_is_obeyed_between_results(tmp_path: Path, targets: ModuleType) -> None:
    made: list[int] = []

    def together(options: Any, subjects: Sequence[Subject], context: Any) -> Iterator[Score]:
        for each in subjects:
            made.append(1)
            yield residual(options, each, context)

    vars(targets).update(together=together)
    with pytest.raises(Interrupted):
        score_all(tmp_path, chosen("together", together=True), stop_requested=lambda: len(made) >= 2)
    assert len(made) == 2


def test_another_evaluator_can_ask_it_for_one_pair(tmp_path: Path, targets: ModuleType) -> None:
    vars(targets).update(
        together=lambda options, subjects, context: [residual(options, each, context) for each in subjects]
    )
    evaluator = chosen("together", together=True)
    first, second = (each.values() for each in representations(2))
    context = make_context(tmp_path)
    score = Consultation({"p:fit": evaluator.registered}).score("p:fit", first, second, {}, context)
    assert score.value == values(score_all(tmp_path, evaluator, count=2))[0, 1]


def test_only_pairs_come_together() -> None:
    with pytest.raises(ValueError, match="together is for evaluators of pairs, and 'fit' studies a run"):
        Evaluator(name="fit", summary="", target="a:b", arity="run", together=True)


def test_what_makes_several_evaluators_fail_is_said_once() -> None:
    said: list[str] = []

    class Said(SilentDisplay):
        def warning(self, message: str) -> None:
            said.append(message)

    display = Said()
    failures: dict[str, Exception] = {}
    for label, error in (("a", OptionsError("25 rows")), ("b", OptionsError("25 rows")), ("c", ValueError("other"))):
        with apart(label, failures, display):
            raise error
    assert said == ["a failed: 25 rows", "c failed: ValueError: other"]
    assert set(failures) == {"a", "b", "c"}
    with pytest.raises(RunError, match="every evaluator failed: a and b: 25 rows; c: ValueError: other"):
        raise_failure(failures)
    del failures["c"]
    with pytest.raises(OptionsError, match=r"^25 rows$"):
        raise_failure(failures)


def test_what_several_scores_of_one_pair_say_is_counted_once(tmp_path: Path, targets: ModuleType) -> None:
    def twice(options: Any, subject: Subject, context: Any) -> dict[str, Score]:
        score = attrs.evolve(residual(options, subject, context), warnings=("few rows",))
        return {"one": score, "two": score}

    targets.twice = twice
    assert grid_finding(score_all(tmp_path, chosen("twice"), 2)).warnings == ("few rows",)
    assert grid_finding(score_all(tmp_path, chosen("twice"), 3)).warnings == ("few rows (3 pairs)",)
