"""Plan: the settings of one training, checked once before it begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch

from identify_core.errors import OptionsError
from identify_core.optimisers import Optimiser, Schedule
from identify_core.replicates import Loss, Replicates

Metric = Callable[[Replicates], torch.Tensor]


def _positive(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and value < 1:
        raise OptionsError(f"the training's {attribute.name} is {value!r}; it must be at least 1")


@attrs.frozen(kw_only=True)
class Plan:
    """The settings of `fit`, which explains them."""

    loss: Loss
    optimiser: Optimiser
    schedule: Schedule
    steps: int = attrs.field()
    metric: Metric | None
    metric_every: int = attrs.field(validator=_positive)
    stop_below: float | None
    patience: int | None = attrs.field(validator=_positive)
    keep_best: bool
    log_every: int = attrs.field(validator=_positive)
    name: str

    @steps.validator
    def _steps_not_negative(self, _: object, steps: int) -> None:
        if steps < 0:
            raise OptionsError(f"the training's steps is {steps!r}; it must be at least 0")

    def measured_after(self, step: int) -> bool:
        """Whether the metric is due once `step` updates were made."""
        return self.metric is not None and step % self.metric_every == 0

    def logged(self, step: int) -> bool:
        """Whether the values of this step, counted from 1, go into the history."""
        return (step - 1) % self.log_every == 0 or step == self.steps

    def history_name(self, what: str) -> str:
        """The name of a series: as it stands for the training named `train`, with the name in front otherwise."""
        return what if self.name == "train" else f"{self.name}-{what}"
