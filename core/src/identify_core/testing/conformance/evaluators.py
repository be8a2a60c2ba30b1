"""Checks of evaluators: what a record says of a measure's values holds for the values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import get_args

import numpy as np

from identify_core.components import Evaluator
from identify_core.plugins import Registered
from identify_core.rungs import includes
from identify_core.scores import ByRole, Invariance, Role, invariance_of, say_invariance
from identify_core.testing.conformance.bench import Bench, item_of
from identify_core.testing.conformance.material import SEED, not_made
from identify_core.testing.conformance.questions import told
from identify_core.testing.conformance.record import NotApplicable
from identify_core.testing.conformance.subjects import WIDTH, Examined, Scores, Values, compute, shift
from identify_core.testing.transformations import draw_map, drawable_rungs, outside

_ROLES: tuple[Role, ...] = get_args(Role)
_DRAWS = 2
_BOUND = 1e-9

Map = Callable[[Values], Values]


def answers(bench: Bench, registered: Registered) -> Iterator[str]:
    """Two representations of 320 samples, of width 4, with factors: nothing special."""
    examined = _examined(bench, registered)
    what = "two representations" if examined.is_pair else "a representation"
    try:
        scores = examined.usual()
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is what is told
        yield f"given {what} of {len(examined.world.ids)} samples and width {WIDTH}, it fails: {told(error)}"
        return
    for name, score in scores.items():
        if math.isnan(score.value):
            yield f"given {what} with nothing special about them, {name} has no value: {score.reason}"


def agrees_with_record(bench: Bench, registered: Registered) -> Iterator[str]:
    """`identify describe` and a finding must not contradict each other."""
    examined, scores = _answered(bench, registered)
    record = examined.component
    for name, score in scores.items():
        if len(scores) == 1 and _sides(score.invariant_to) != _sides(record.invariant_to):
            yield (
                f"the score says that it is invariant to {say_invariance(score.invariant_to)}, the record to "
                f"{say_invariance(record.invariant_to)}: write the same in both"
            )
        if len(scores) == 1 and score.larger_is != record.larger_is:
            yield (
                f"the score says that larger is {score.larger_is}, the record that larger is {record.larger_is}: write "
                "the same in both"
            )
        for role, declared in _declared(record.invariant_to):
            sides = [invariance_of(score.invariant_to, each) for each in _ROLES if role in (None, each)]
            if len(scores) > 1 and not all(any(includes(larger, declared) for larger in side) for side in sides):
                yield (
                    f"the record says that it is invariant to {declared}, the score {name!r} only to "
                    f"{say_invariance(score.invariant_to)}: declare in the record what all of its scores are invariant "
                    "to"
                )
        for side, (bound, own) in {
            "lower": (record.bounds[0], score.bounds[0]),
            "upper": (record.bounds[1], score.bounds[1]),
        }.items():
            if len(scores) == 1 and (own if math.isfinite(own) else None) != bound:
                yield f"the score's {side} bound is {own:g}, the record's {bound}: write the same in both"


def keeps_invariances(bench: Bench, registered: Registered) -> Iterator[str]:
    """Random maps of each declared rung, on the first, on the second and on both."""
    examined, before = _answered(bench, registered)
    declared = _declared(examined.component.invariant_to)
    if not declared:
        raise NotApplicable("it declares no invariance")
    for role, rung in declared:
        if rung not in drawable_rungs():
            continue
        for label, after in _transformed(examined, rung, role):
            worst = max(((shift(before[name], after[name]), name) for name in before), default=(0.0, ""))
            if worst[0] > examined.tolerance:
                name = worst[1]
                yield (
                    f"it declares that it is invariant to {rung}, but {name} goes from {before[name].value:.6g} to "
                    f"{after[name].value:.6g} when a random map of {rung} is applied to {label}: declare a smaller "
                    f"class in invariant_to, or mend the measure{_tolerance_hint(examined, item_of(registered))}"
                )
                break


def declares_all_invariances(bench: Bench, registered: Registered) -> Iterator[str]:
    """A map of the smallest rung that is not declared moves the value."""
    examined, before = _answered(bench, registered)
    beyond = _beyond(examined.component)
    if not beyond:
        raise NotApplicable("it is invariant to everything that can be drawn")
    for role, rung in beyond:
        transformed = _transformed(examined, rung, role)
        shifts = (shift(before[name], after[name]) for _, after in transformed for name in before)
        if not any(moved > examined.tolerance for moved in shifts):
            of, where = (f" of the {role}", f"ByRole({role}=...)") if role else ("", "invariant_to")
            yield (
                f"random maps of {rung}{of} do not change its value ({next(iter(before.values())).value:.6g}), and "
                f"invariant_to does not say so: add {rung!r} to {where}, or mend the measure"
            )


def keeps_bounds(bench: Bench, registered: Registered) -> Iterator[str]:
    """Related, unrelated, equal, opposite and degenerate representations."""
    examined, _ = _answered(bench, registered)
    low, high = examined.component.bounds
    for label, scores in _situations(examined):
        for name, score in scores.items():
            lower, upper = max(_or(low, -math.inf), score.bounds[0]), min(_or(high, math.inf), score.bounds[1])
            slack = _BOUND * max(1.0, abs(score.value))
            if score.value < lower - slack or score.value > upper + slack:
                yield (
                    f"{name} is {score.value:.6g} for {label}, outside of its bounds {lower:g} to {upper:g}: declare "
                    "wider bounds (None for no bound), or mend the measure"
                )
                return


def has_direction(bench: Bench, registered: Registered) -> Iterator[str]:
    """A representation and itself are more similar than it and noise; the ground truth is better than noise."""
    examined, _ = _answered(bench, registered)
    direction, world = examined.component.larger_is, examined.world
    if direction == "neither":
        raise NotApplicable("it says that larger is neither better nor worse")
    if examined.is_pair:
        good = examined.scores("itself", world.first, world.first)
        bad = examined.scores("noise", world.first, world.noise)
        told_good, told_bad = "a representation and itself", "a representation and noise"
    elif "factors" in examined.component.requires:
        good = examined.scores("truth", world.truth, world.truth)
        bad = examined.scores("noise alone", world.noise, world.noise)
        told_good, told_bad = "the ground truth itself", "noise"
    else:
        raise NotApplicable(f"nothing says which representation is {direction} where there are no factors")
    sign = 1.0 if direction in ("more similar", "better") else -1.0
    gains = {name: sign * (good[name].value - bad[name].value) for name in good if name in bad}
    name = min(gains, key=lambda each: gains[each])
    if gains[name] < -examined.tolerance or max(gains.values()) <= examined.tolerance:
        yield (
            f"it says that larger is {direction}, but {name} is {good[name].value:.6g} for {told_good} and "
            f"{bad[name].value:.6g} for {told_bad}: turn larger_is around, or mend the measure"
        )


def is_symmetric(bench: Bench, registered: Registered) -> Iterator[str]:
    """Equal both ways where the record says so; the core then computes one way only."""
    examined, there = _answered(bench, registered)
    if not examined.component.symmetric:
        raise NotApplicable("it is declared not to be symmetric")
    back = examined.scores("swapped", examined.world.second, examined.world.first)
    for name, score in there.items():
        if shift(score, back[name]) > examined.tolerance:
            yield (
                f"it is declared symmetric, but {name} is {score.value:.6g} one way and {back[name].value:.6g} the "
                "other: write symmetric=False in the record, or mend the measure"
            )


def leaves_inputs(bench: Bench, registered: Registered) -> Iterator[str]:
    """Other evaluators are given the same arrays, samples and networks."""
    if registered.component.arity in ("group", "run"):
        yield from _leaves_run(bench, registered)
        return
    examined, _ = _answered(bench, registered)
    world = examined.world
    given: dict[str, Values] = {"the first representation": world.first.copy(), "the second": world.second.copy()}
    before = {name: values.copy() for name, values in given.items()}
    ids = world.ids.copy()
    factors = {name: each.values.copy() for name, each in world.factors.items()}
    arrays = tuple(given.values()) if examined.is_pair else (given["the first representation"],)
    compute(bench, examined.chosen, examined.component, arrays, world)
    changed = [name for name, values in given.items() if not np.array_equal(values, before[name])]
    changed += [
        f"factor {name!r}" for name, each in world.factors.items() if not np.array_equal(each.values, factors[name])
    ]
    changed += ["the ids"] if not np.array_equal(world.ids, ids) else []
    for name in changed:
        yield (
            f"it changes {name} in place, which other evaluators are given too: work on a copy, "
            "values().copy(), and write x = x - x.mean(0) instead of x -= x.mean(0)"
        )


def _leaves_run(bench: Bench, registered: Registered) -> Iterator[str]:
    labels = [each.label for each in bench.runs.spec.evaluators if _names(each.registered, registered)]
    if not labels:
        raise NotApplicable("it studies whole runs, and the smoke preset does not use it")
    try:
        made = bench.runs.whole()
    except Exception as error:
        raise not_made("smoke-runs") from error
    for label in labels:
        for name in dict.fromkeys(made.record.changed.get(label, ())):
            yield (
                f"it changes {name}, which other evaluators are given too: work on a copy, "
                "replicates.select(range(count)) "
                "or tensor.clone()"
            )


def ignores_names_of_symbols(bench: Bench, registered: Registered) -> Iterator[str]:
    """Symbols of few values a latent, and the same symbols with other names, of each latent others."""
    examined = _examined(bench, registered)
    if "symbols" not in examined.component.takes:
        raise NotApplicable("it takes numbers alone")
    world = examined.world
    named = tuple(_symbols(each) for each in (world.first, world.second))
    renamed = tuple(_rename(each, np.random.default_rng([SEED, i])) for i, each in enumerate(named))
    before = examined.scores("symbols", named[0], named[1], holds="symbols")
    after = examined.scores("renamed symbols", renamed[0], renamed[1], holds="symbols")
    for name, score in before.items():
        if shift(score, after[name]) > examined.tolerance:
            yield (
                f"it takes symbols, but {name} goes from {score.value:.6g} to {after[name].value:.6g} when they get "
                "other names: leave 'symbols' out of takes, or look only at whether two are the same "
                "(subject.representations[0].holds is 'symbols' where they are)"
            )


def _symbols(values: Values) -> Values:
    """Each column cut into six symbols of as many rows each, as integers."""
    ranks: Values = values.argsort(axis=0).argsort(axis=0)
    cut: Values = ranks * 6 // len(values)
    return cut


def _rename(symbols: Values, generator: np.random.Generator) -> Values:
    names = [generator.permutation(6) * 7 + 3 for _ in range(symbols.shape[1])]
    renamed: Values = np.stack([each[column] for each, column in zip(names, symbols.T, strict=True)], axis=1)
    return renamed


def ignores_order(bench: Bench, registered: Registered) -> Iterator[str]:
    """Samples, with their ids and factors, in another order."""
    examined, before = _answered(bench, registered)
    order = np.random.default_rng(SEED + 1).permutation(len(examined.world.ids))
    world = examined.world.reordered(order)
    after = examined.scores("reordered", world.first, world.second, world)
    for name, score in before.items():
        if shift(score, after[name]) > examined.tolerance:
            yield (
                f"{name} goes from {score.value:.6g} to {after[name].value:.6g} when the samples are in another order: "
                "split and draw samples by their ids, never by their place"
                f"{_tolerance_hint(examined, item_of(registered))}"
            )


def _examined(bench: Bench, registered: Registered) -> Examined:
    key = ("examined", item_of(registered))
    if key not in bench.shared:
        bench.shared[key] = Examined(bench, registered)
    examined: Examined = bench.shared[key]
    return examined


def _answered(bench: Bench, registered: Registered) -> tuple[Examined, Scores]:
    """The evaluator and its usual scores.

    Raises:
        NotApplicable: it gives none; evaluator-answers says why.
    """
    examined = _examined(bench, registered)
    try:
        return examined, examined.usual()
    except Exception as error:
        raise not_made("evaluator-answers") from error


def _sides(invariance: Invariance) -> dict[Role, frozenset[str]]:
    return {role: frozenset(invariance_of(invariance, role)) for role in _ROLES}


def _declared(invariance: Invariance) -> list[tuple[Role | None, str]]:
    """Each declared rung with the role that it is declared for; None where both are meant."""
    if not isinstance(invariance, ByRole):
        return [(None, rung) for rung in invariance]
    return [(role, rung) for role in _ROLES for rung in invariance_of(invariance, role)]


def _beyond(record: Evaluator) -> list[tuple[Role | None, str]]:
    """The smallest rungs that are not declared, by role where the declaration is."""
    # Nothing is invariant to less than the identity.
    if not isinstance(record.invariant_to, ByRole):
        return [(None, rung) for rung in outside(*(record.invariant_to or ("identity",)))]
    sides = {role: invariance_of(record.invariant_to, role) or ("identity",) for role in _ROLES}
    return [(role, rung) for role, rungs in sides.items() for rung in outside(*rungs)]


def _transformed(examined: Examined, rung: str, role: Role | None) -> Iterator[tuple[str, Scores]]:
    """The scores after random maps of a rung, of both or of the one of a role alone."""
    for draw in range(_DRAWS):
        generator = np.random.default_rng([SEED, draw])
        first, second = draw_map(rung, WIDTH, generator), draw_map(rung, WIDTH, generator)
        if not examined.is_pair:
            yield "the representation", examined.moved(f"{rung} {draw}", first)
            continue
        if role != "target":
            yield f"the {role or 'first representation'}", examined.moved(f"{rung} {draw} first", first)
        if role != "source":
            yield f"the {role or 'second representation'}", examined.moved(f"{rung} {draw} second", None, second)


def _situations(examined: Examined) -> Iterator[tuple[str, Scores]]:
    """Scores of representations that lie at the ends of most measures, where the measure has a value for them."""
    world = examined.world
    flat = np.concatenate([world.first[:, :-1], np.ones((len(world.ids), 1))], axis=1)
    situations: dict[str, tuple[str, Values, Values]] = {
        "usual": ("two related representations", world.first, world.second),
        "itself": ("a representation and itself", world.first, world.first),
        "noise": ("a representation and noise", world.first, world.noise),
        "opposite": ("a representation and its negative", world.first, -world.first),
        "scaled": ("a representation and a hundred times another", world.first, 100.0 * world.second),
        "wide": ("representations of different widths", world.first, world.second[:, :2]),
        "flat": ("a representation with a constant column and another", flat, world.second),
    }
    if not examined.is_pair:
        situations = {
            "usual": ("a representation", world.first, world.first),
            "truth": ("the ground truth", world.truth, world.truth),
            "noise alone": ("noise", world.noise, world.noise),
            "scaled alone": ("a representation times a hundred", 100.0 * world.first, world.first),
            "flat alone": ("a representation with a constant column", flat, flat),
        }
    for name, (label, first, second) in situations.items():
        try:
            scores = examined.scores(name, first, second)
        except Exception:  # noqa: BLE001 - a measure may refuse widths that differ and columns that are constant
            continue
        yield label, {key: score for key, score in scores.items() if not math.isnan(score.value)}


def _names(one: Registered, other: Registered) -> bool:
    return one.qualified_name == other.qualified_name


def _or(bound: float | None, otherwise: float) -> float:
    return otherwise if bound is None else bound


def _tolerance_hint(examined: Examined, item: str) -> str:
    if examined.tolerance >= 1e-3:
        return ""
    return f'; a measure that searches or draws may say tolerance = {{"{item}": 1e-3}} in the class'
