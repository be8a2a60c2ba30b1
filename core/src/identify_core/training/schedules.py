"""Schedules: how the learning rate goes over the steps of a training, as a pure function of the step."""

from __future__ import annotations

import math
from typing import Literal

import attrs

from identify_core.errors import OptionsError
from identify_core.kinds import fits

Shape = Literal["constant", "linear", "cosine", "exponential", "step", "plateau"]
_NEEDED = {"exponential": ("decay", "every"), "step": ("decay", "every"), "plateau": ("decay", "patience")}


@attrs.frozen(kw_only=True)
class Schedule:
    """Factors on the optimiser's learning rate: a linear rise, then a fall.

    All but `plateau` know nothing but the step, and checkpoints hold what a plateau has seen: a resumed training has
    the same rates.

    Args:
        shape: how it falls: `linear` and `cosine` (half a period: Loshchilov & Hutter, SGDR, ICLR 2017, equation 5, one
            cycle) reach `final` at the last step; `exponential` is multiplied with `decay` in every `every` steps,
            smoothly, and `step` at once when they are over; `plateau` is multiplied with `decay` when the training's
            metric was not an improvement more than `patience` times in a row, each replicate's for itself.
        final: the factor at the last step, from 0 to 1; of `exponential`, `step` and `plateau` the lowest factor.
        warm_up: steps in which it rises to 1.
        decay: of `exponential`, `step` and `plateau`, above 0 and below 1.
        every: of `exponential` and `step`: the steps from the end of the warm-up on in which `decay` is taken once.
        patience: of `plateau`: metrics without improvement that are waited for.
        cycles: of `cosine`: how many equal falls there are, each of which begins at 1 (SGDR with warm restarts).
        threshold: of `plateau`: by which share of the best metric a metric has to lie below it to be an improvement.
    """

    shape: Shape = attrs.field(default="constant", validator=fits(Shape))
    final: float = 0.0
    warm_up: int = 0
    decay: float | None = None
    every: int | None = None
    patience: int | None = None
    threshold: float = 1e-4
    cycles: int = 1

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.final <= 1:
            raise OptionsError(f"the schedule's final is {self.final!r}; it must be between 0 and 1")
        if self.warm_up < 0:
            raise OptionsError(f"the schedule's warm_up is {self.warm_up!r}; it must be at least 0")
        if self.cycles < 1 or (self.cycles > 1 and self.shape != "cosine"):
            raise OptionsError(
                f"a schedule of the shape {self.shape!r} has {self.cycles} cycles; `cosine` has one or more, others one"
            )
        if self.every is not None and self.every < 1:
            raise OptionsError(f"the schedule's every is {self.every!r}; it must be at least 1")
        if self.decay is not None and not 0 < self.decay < 1:
            raise OptionsError(f"the schedule's decay is {self.decay!r}; it must be above 0 and below 1")
        if self.patience is not None and self.patience < 0:
            raise OptionsError(f"the schedule's patience is {self.patience!r}; it must be at least 0")
        needed = _NEEDED.get(self.shape, ())
        for name in ("decay", "every", "patience"):
            if (getattr(self, name) is None) == (name in needed):
                raise OptionsError(
                    f"a schedule of the shape {self.shape!r} {'needs' if name in needed else 'has no'} {name!r}",
                    hint=f"it is given {' and '.join(needed)}" if needed else "final and warm_up belong to every shape",
                )

    def factor(self, step: int, steps: int) -> float:
        """The factor on the learning rate of one update, as far as the step alone decides it.

        Args:
            step: from 0.
            steps: how many the training makes at most.
        """
        if step < self.warm_up:
            return (step + 1) / (self.warm_up + 1)
        since = step - self.warm_up
        if self.decay is not None and self.every is not None:
            times = since / self.every if self.shape == "exponential" else since // self.every
            return max(self.decay**times, self.final)
        if self.shape in ("constant", "plateau"):
            return 1.0
        length = max(-(-(steps - self.warm_up) // self.cycles), 1)
        done = since % length / max(length - 1, 1)
        fallen = done if self.shape == "linear" else (1 - math.cos(math.pi * done)) / 2
        return 1 - (1 - self.final) * fallen
