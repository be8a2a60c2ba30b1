"""Schedules: how the learning rate goes over the steps of a training, as a pure function of the step."""

from __future__ import annotations

import math
from typing import Literal

import attrs

from identify_core.errors import OptionsError
from identify_core.kinds import fits

Shape = Literal["constant", "linear", "cosine"]


@attrs.frozen(kw_only=True)
class Schedule:
    """Factors on the optimiser's learning rate: a linear rise, then a fall to a final factor at the last step.

    It knows nothing but the step, so that a resumed training goes on with the same rates.

    Args:
        shape: how it falls; `cosine` is half a period (Loshchilov & Hutter, SGDR, ICLR 2017, equation 5, one cycle).
        final: the factor at the last step, from 0 to 1; without meaning for `constant`.
        warm_up: steps in which it rises to 1.
    """

    shape: Shape = attrs.field(default="constant", validator=fits(Shape))
    final: float = 0.0
    warm_up: int = 0

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.final <= 1:
            raise OptionsError(f"the schedule's final is {self.final!r}; it must be between 0 and 1")
        if self.warm_up < 0:
            raise OptionsError(f"the schedule's warm_up is {self.warm_up!r}; it must be at least 0")

    def factor(self, step: int, steps: int) -> float:
        """The factor on the learning rate of one update.

        Args:
            step: from 0.
            steps: how many the training makes at most.
        """
        if step < self.warm_up:
            return (step + 1) / (self.warm_up + 1)
        if self.shape == "constant":
            return 1.0
        done = (step - self.warm_up) / max(steps - 1 - self.warm_up, 1)
        fallen = done if self.shape == "linear" else (1 - math.cos(math.pi * done)) / 2
        return 1 - (1 - self.final) * fallen
