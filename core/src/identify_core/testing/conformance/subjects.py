"""Subjects for evaluators: representations of known ground truth, and the scores that an evaluator gives to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import torch

from identify_core.components import Evaluator
from identify_core.data import Factor
from identify_core.errors import PluginError
from identify_core.evaluation import targets
from identify_core.evaluation.pairs import Preparations
from identify_core.evaluation.subjects import Holds, Representation, Subject
from identify_core.findings import Scored
from identify_core.plugins import Registered
from identify_core.scores import Score, Verdict
from identify_core.testing.conformance.bench import Bench, item_of
from identify_core.testing.conformance.disturbance import disturbed
from identify_core.testing.conformance.material import SEED, make_context, require_target
from identify_core.testing.conformance.record import NotApplicable
from identify_core.testing.representations import represent

Values: TypeAlias = npt.NDArray[Any]
Scores: TypeAlias = Mapping[str, Score]

ROWS = 320  # measures that take rows in batches of 256 need one
WIDTH = 4


@attrs.frozen(kw_only=True, eq=False)
class World:
    """Samples with ground truth, and representations of them.

    Args:
        ids: (n,).
        factors: name to ground truth of each sample.
        first: (n, d): the factors, mixed, bent and with noise.
        second: (n, d): the same factors otherwise mixed.
        truth: (n, d): the factors themselves, scaled, in the first columns.
        noise: (n, d): numbers that know of nothing.
    """

    ids: Values
    factors: Mapping[str, Factor]
    first: Values
    second: Values
    truth: Values
    noise: Values

    def reordered(self, order: Values) -> World:
        """The same samples in another order."""
        return World(
            ids=self.ids[order],
            factors={name: each.rows(order) for name, each in self.factors.items()},
            first=self.first[order],
            second=self.second[order],
            truth=self.truth[order],
            noise=self.noise[order],
        )


def make_world() -> World:
    """The same world at every call, float64."""
    generator = np.random.default_rng(SEED)
    grades, classes = generator.integers(0, 5, ROWS), generator.integers(0, 3, ROWS)
    levels = generator.integers(0, 4, ROWS)
    columns = [grades - 2.0, classes - 1.0, levels - 1.5, generator.normal(size=ROWS)]
    truth = np.stack([column / column.std() for column in columns], axis=1)

    def mixed() -> Values:
        matrix = np.eye(WIDTH) + 0.4 * generator.normal(size=(WIDTH, WIDTH))
        bent = np.sinh(0.6 * (truth @ matrix)) * generator.uniform(0.5, 2.0, WIDTH)
        values: Values = bent + 0.8 * generator.normal(size=(ROWS, WIDTH)) + generator.normal(size=WIDTH)
        # Some measures leave weak directions out: one column is so weak that a map can bring it in.
        weighed: Values = values * np.array([2.0, 1.0, 1.0, 0.25])
        return weighed

    return World(
        ids=np.arange(100, 100 + ROWS),
        factors={
            "grade": Factor(values=grades.astype(np.float64), kind="ordinal"),
            "class": Factor(values=classes, kind="categorical"),
            "level": Factor(values=levels.astype(np.float64), kind="ordinal"),
        },
        first=mixed(),
        second=mixed(),
        truth=truth + 0.01 * generator.normal(size=truth.shape),
        noise=generator.normal(size=(ROWS, WIDTH)),
    )


def of_world(values: Values, world: World, label: str, holds: Holds = "latents") -> Representation:
    """An array as a representation of a world's samples; whoever writes into what he reads writes into `values`."""
    return represent(values, label, ids=world.ids, run_id="conformance", factors=world.factors, holds=holds)


class Examined:
    """An evaluator of representations or pairs, its scores kept so that no check computes what another has.

    Args:
        bench: the plugin.
        registered: an evaluator.

    Raises:
        NotApplicable: it needs what no array has.
    """

    def __init__(self, bench: Bench, registered: Registered) -> None:
        component = registered.component
        assert isinstance(component, Evaluator)
        if needed := sorted(component.requires - {"factors"}):
            raise NotApplicable(f"it requires {', '.join(needed)}, which two arrays do not have")
        self.holds: Holds = "latents" if "numbers" in component.takes else "symbols"
        require_target(registered)
        self.component = component
        self.chosen = bench.trial(registered).chosen
        self.world = make_world()
        self.tolerance = bench.settings.tolerance.get(item_of(registered), 1e-6)
        self._bench = bench
        self._kept: dict[str, Scores | Exception] = {}

    @property
    def is_pair(self) -> bool:
        """Whether it compares two representations, rather than judging one."""
        return self.component.arity == "pair"

    def scores(
        self, name: str, first: Values, second: Values, world: World | None = None, holds: Holds | None = None
    ) -> Scores:
        """What it gives to one or two arrays of a world's samples.

        Args:
            name: of the situation; what it gave there is kept.
            first: (n, d).
            second: (n, d'); not used where it judges one.
            world: whose samples they are; its own world without.
            holds: what the arrays are; numbers, where the evaluator takes them.

        Raises:
            PluginError: it gives no scores.
            Exception: whatever it raises.
        """
        if name not in self._kept:
            try:
                self._kept[name] = self._compute(first, second, world or self.world, holds or self.holds)
            except Exception as error:  # noqa: BLE001 - raised again for whoever asks
                self._kept[name] = error
        kept = self._kept[name]
        if isinstance(kept, Exception):
            raise kept
        return kept

    def usual(self) -> Scores:
        """Of the two representations of the world."""
        return self.scores("usual", self.world.first, self.world.second)

    def moved(self, name: str, map_first: Callable[[Values], Values] | None, map_second: Any = None) -> Scores:
        """Of the two after one or both were mapped."""
        first, second = self.world.first, self.world.second
        return self.scores(
            name,
            first if map_first is None else map_first(first),
            second if map_second is None else map_second(second),
        )

    def _compute(self, first: Values, second: Values, world: World, holds: Holds) -> Scores:
        # Copies: whoever writes into what he is given spoils only his own.
        arrays = (first.copy(), second.copy()) if self.is_pair else (first.copy(),)
        return compute(self._bench, self.chosen, self.component, arrays, world, holds)


def compute(
    bench: Bench,
    chosen: Any,
    component: Evaluator,
    arrays: tuple[Values, ...],
    world: World,
    holds: Holds = "latents",
) -> Scores:
    """Call an evaluator as the core calls it, while global generators are in one state.

    Raises:
        PluginError: it gives no scores.
    """
    representations = tuple(of_world(values, world, f"representation-{i}", holds) for i, values in enumerate(arrays))
    with disturbed(0):
        context = make_context(bench, None, f"evaluator:{component.name}", dtype=torch.float64)
        if component.arity == "pair":
            prepared = Preparations(representations).of(chosen, context)
            subject = Subject(representations=representations, prepared=prepared, indices=(0, 1))
        else:
            subject = Subject(representations=representations)
        if component.together:
            (result,) = targets.evaluate_together(chosen, (subject,), context)
        else:
            result = targets.call_evaluator(chosen, subject, context)
    if isinstance(result, Verdict):
        return result.residuals
    if isinstance(result, Score):
        return {component.name: result}
    if isinstance(result, Scored):
        result = result.scores
    if isinstance(result, Mapping) and result and all(isinstance(each, Score) for each in result.values()):
        return result
    wanted = "a number, Measured, or a mapping of them" + (", or a Verdict" if component.arity == "pair" else "")
    raise PluginError(f"it gives {type(result).__name__} for a {component.arity}: give {wanted}")


def shift(one: Score, other: Score) -> float:
    """How far apart two values are, relative to max(1, |value|); two NaNs are the same."""
    if math.isnan(one.value) or math.isnan(other.value):
        return 0.0 if math.isnan(one.value) and math.isnan(other.value) else math.inf
    if one.value == other.value:  # infinities too
        return 0.0
    return abs(one.value - other.value) / max(1.0, abs(one.value))
