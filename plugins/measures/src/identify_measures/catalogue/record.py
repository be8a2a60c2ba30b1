"""Measure: what is always true of a measure, written once for scores, evaluators and the reference pages."""

from __future__ import annotations

import math
from typing import Literal

import attrs

from identify_core import RUNGS, Arity, ByRole, Direction, Evaluator, NoOptions, Requirement, Takes

Family = Literal["linear", "samples", "factors", "ladder"]
Touch = Literal["repeated rows", "constant latents", "few rows"]


@attrs.frozen(kw_only=True)
class Measure:
    """The static facts of a measure.

    Args:
        name: what scores, specs and the command line call it.
        family: which statistics it is computed from.
        summary: one line for listings.
        definition: the formula with its conventions, in the notation of the reference pages: X (n, p) and Y (n, q) are
            centred representations with paired rows unless it says otherwise.
        source: the paper's section or equation.
        larger_is: what a larger value means.
        bounds: smallest and largest possible value; infinite where there is none.
        is_metric: whether it satisfies the triangle inequality on the classes that it compares.
        invariant_to: names of the largest rungs under which it does not change, whichever of the two is transformed or
            by role, with the default options.
        symmetric: whether swapping the two gives the same value.
        standard: whether `identify compare` runs it where no evaluator is named.
        arity: whether it compares a pair or judges one representation.
        requires: what it needs next to latents.
        takes: whether latents may be numbers, symbols, or either.
        options: the evaluator's options class, in a light module.
        target: the evaluator; empty for a number that another measure's evaluator reports.
        prepare: what the evaluators of a family share.
        estimate: says what the evaluator costs.
        draw: draws the evaluator's own figures.
        function: the library's function, as `module:name`.
        touched_by: what of the rows themselves could mislead it; `few rows` are at most as many as columns.
    """

    name: str
    family: Family
    summary: str
    definition: str
    source: str
    larger_is: Direction
    bounds: tuple[float, float] = (-math.inf, math.inf)
    is_metric: bool = False
    invariant_to: tuple[str, ...] | ByRole = attrs.field(default=())
    symmetric: bool = True
    standard: bool = False
    arity: Arity = "pair"
    requires: tuple[Requirement, ...] = ()
    takes: tuple[Takes, ...] = ("numbers",)
    options: type = NoOptions
    target: str = ""
    prepare: str = ""
    estimate: str = ""
    draw: str = ""
    function: str = ""
    touched_by: tuple[Touch, ...] = ("repeated rows",)

    @invariant_to.validator
    def _known_rungs(self, _: object, names: tuple[str, ...] | ByRole) -> None:
        names = (*names.source, *names.target) if isinstance(names, ByRole) else names
        unknown = [name for name in names if name not in RUNGS]
        if unknown:
            raise ValueError(f"{self.name} names rungs that do not exist: {', '.join(unknown)}")

    def evaluator(self) -> Evaluator:
        """The record that the plugin offers for it."""
        low, high = self.bounds
        return Evaluator(
            name=self.name,
            summary=self.summary,
            target=self.target,
            options=self.options,
            source=self.source,
            prepare=self.prepare,
            estimate=self.estimate,
            symmetric=self.symmetric,
            standard=self.standard,
            arity=self.arity,
            invariant_to=self.invariant_to,
            requires=frozenset(self.requires),
            takes=frozenset(self.takes),
            bounds=(None if math.isinf(low) else low, None if math.isinf(high) else high),
            larger_is=self.larger_is,
            is_metric=self.is_metric,
            draw=self.draw,
        )
