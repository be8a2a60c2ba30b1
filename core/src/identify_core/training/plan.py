"""Plan: the settings of one training, checked once before it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch

from identify_core.errors import OptionsError
from identify_core.replicates import Replicates
from identify_core.suggestions import did_you_mean
from identify_core.training.turns import Turn

Metric = Callable[[Replicates, int], "torch.Tensor | Mapping[str, torch.Tensor]"]


def _positive(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and value < 1:
        raise OptionsError(f"the training's {attribute.name} is {value!r}; it must be at least 1")


@attrs.frozen(kw_only=True)
class Plan:
    """The settings of `fit`, which explains them."""

    turns: Mapping[str, Turn]
    frozen: tuple[str, ...]
    steps: int = attrs.field()
    metric: Metric | None
    metric_every: int = attrs.field(validator=_positive)
    stop_below: float | None
    patience: int | None = attrs.field(validator=_positive)
    keep_best: bool
    watch: str | None
    log_every: int = attrs.field(validator=_positive)
    name: str

    @steps.validator
    def _steps_not_negative(self, _: object, steps: int) -> None:
        if steps < 0:
            raise OptionsError(f"the training's steps is {steps!r}; it must be at least 0")

    @property
    def watches(self) -> bool:
        """Whether something goes by a metric."""
        waits = any(group.schedule.shape == "plateau" for turn in self.turns.values() for group in turn.groups)
        return waits or self.keep_best or self.stop_below is not None or self.patience is not None

    def watched(self, named: Mapping[str, torch.Tensor]) -> str | None:
        """The name of the metric that stopping and plateaus go by; None where nothing goes by one of several.

        Raises:
            OptionsError: there is none of that name, or it has to be chosen.
        """
        if self.watch is not None and self.watch not in named:
            raise OptionsError(
                f"the training's watch is {self.watch!r}, which its metric does not give",
                hint=did_you_mean(self.watch, named),
            )
        if self.watch is not None or len(named) == 1:
            return self.watch or next(iter(named))
        if self.watches:
            raise OptionsError(
                f"the metric gives {', '.join(named)}, and the training does not say which of them decides",
                hint=f"watch={next(iter(named), '')!r}, for instance",
            )
        return None

    def measured_after(self, step: int) -> bool:
        """Whether the metric is due once `step` updates were made."""
        return self.metric is not None and step % self.metric_every == 0

    def logged(self, step: int) -> bool:
        """Whether the values of this step, counted from 1, go into the history."""
        return (step - 1) % self.log_every == 0 or step == self.steps

    def history_name(self, what: str) -> str:
        """The name of a series: as it stands for the training named `train`, with the name in front otherwise."""
        return what if self.name == "train" else f"{self.name}-{what}"
