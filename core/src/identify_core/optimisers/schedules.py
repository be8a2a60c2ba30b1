"""Schedules: how the learning rate goes over the steps of a training, as a pure function of the step."""

from __future__ import annotations

import math
from typing import Literal

import attrs

from identify_core.errors import OptionsError
from identify_core.kinds import fits

Shape = Literal["constant", "linear", "cosine", "exponential", "step"]
_FADING = ("exponential", "step")


@attrs.frozen(kw_only=True)
class Schedule:
    """Factors on the optimiser's learning rate: a linear rise, then a fall.

    It knows nothing but the step, so that a resumed training goes on with the same rates.

    Args:
        shape: how it falls: `linear` and `cosine` (half a period: Loshchilov & Hutter, SGDR, ICLR 2017, equation 5, one
            cycle) reach `final` at the last step; `exponential` is multiplied with `decay` in every `every` steps,
            smoothly, and `step` at once when they are over.
        final: the factor at the last step, from 0 to 1; of `exponential` and `step` the lowest factor.
        warm_up: steps in which it rises to 1.
        decay: of `exponential` and `step`, above 0 and below 1.
        every: of `exponential` and `step`: the steps from the end of the warm-up on in which `decay` is taken once.
    """

    shape: Shape = attrs.field(default="constant", validator=fits(Shape))
    final: float = 0.0
    warm_up: int = 0
    decay: float | None = None
    every: int | None = None

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.final <= 1:
            raise OptionsError(f"the schedule's final is {self.final!r}; it must be between 0 and 1")
        if self.warm_up < 0:
            raise OptionsError(f"the schedule's warm_up is {self.warm_up!r}; it must be at least 0")
        if self.every is not None and self.every < 1:
            raise OptionsError(f"the schedule's every is {self.every!r}; it must be at least 1")
        if self.decay is not None and not 0 < self.decay < 1:
            raise OptionsError(f"the schedule's decay is {self.decay!r}; it must be above 0 and below 1")
        for name in ("decay", "every"):
            if (getattr(self, name) is None) == (self.shape in _FADING):
                needs = "needs" if self.shape in _FADING else "has no"
                raise OptionsError(
                    f"a schedule of the shape {self.shape!r} {needs} {name!r}",
                    hint=f"decay and every belong to {' and '.join(_FADING)}, both of them",
                )

    def factor(self, step: int, steps: int) -> float:
        """The factor on the learning rate of one update.

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
        if self.shape == "constant":
            return 1.0
        done = since / max(steps - 1 - self.warm_up, 1)
        fallen = done if self.shape == "linear" else (1 - math.cos(math.pi * done)) / 2
        return 1 - (1 - self.final) * fallen
