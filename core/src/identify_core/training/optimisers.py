"""The settings of an optimiser as frozen records, which import no torch, so that options modules may use them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from identify_core.errors import OptionsError
from identify_core.suggestions import did_you_mean


def _within(test: Callable[[float], bool], allowed: str) -> Any:
    def check(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        for number in value if isinstance(value, tuple) else (value,):
            if not test(number):
                raise OptionsError(f"the optimiser's {attribute.name} is {number!r}; it must be {allowed}")

    return check


_POSITIVE = _within(lambda value: value > 0, "above 0")
_NOT_NEGATIVE = _within(lambda value: value >= 0, "at least 0")
_DECAY = _within(lambda value: 0 <= value < 1, "at least 0 and below 1")


def _pair(values: Sequence[float]) -> tuple[float, float]:
    first, second = values
    return first, second


@attrs.frozen(kw_only=True)
class Sgd:
    """Stochastic gradient descent, with momentum and weight decay as in `torch.optim.SGD`.

    Args:
        learning_rate: the factor on the gradient.
        momentum: the share of the last update that is kept.
        weight_decay: the factor on the parameters that is added to the gradient.
        nesterov: whether the gradient is looked at after the momentum's step.
    """

    learning_rate: float = attrs.field(validator=_POSITIVE)
    momentum: float = attrs.field(default=0.0, validator=_DECAY)
    weight_decay: float = attrs.field(default=0.0, validator=_NOT_NEGATIVE)
    nesterov: bool = False

    def __attrs_post_init__(self) -> None:
        if self.nesterov and self.momentum == 0:
            raise OptionsError("the optimiser's nesterov is true, but its momentum is 0", hint="set momentum above 0")


@attrs.frozen(kw_only=True)
class Adam:
    """Adam as in `torch.optim.Adam` (Kingma & Ba 2015, algorithm 1) and `AdamW` (Loshchilov & Hutter, ICLR 2019).

    Args:
        learning_rate: the length of a step where the gradient is steady.
        betas: the shares of the running means of the gradient and of its square that are kept.
        epsilon: added to the denominator.
        weight_decay: the factor on the parameters that is added to the gradient, or, where it is decoupled, by which
            times the learning rate they shrink before the step.
        decoupled: whether the weight decay passes the gradient by, as in `torch.optim.AdamW`.
    """

    learning_rate: float = attrs.field(default=1e-3, validator=_POSITIVE)
    betas: tuple[float, float] = attrs.field(default=(0.9, 0.999), converter=_pair, validator=_DECAY)
    epsilon: float = attrs.field(default=1e-8, validator=_POSITIVE)
    weight_decay: float = attrs.field(default=0.0, validator=_NOT_NEGATIVE)
    decoupled: bool = False


@attrs.frozen(kw_only=True)
class Adamax:
    """Adam under the infinity norm, as in `torch.optim.Adamax` (Kingma & Ba 2015, algorithm 2).

    Args:
        learning_rate: the length of a step where the gradient is steady.
        betas: the share of the running mean of the gradient that is kept, and by how much its largest value fades.
        epsilon: added to the size of the gradient.
        weight_decay: the factor on the parameters that is added to the gradient.
    """

    learning_rate: float = attrs.field(default=2e-3, validator=_POSITIVE)
    betas: tuple[float, float] = attrs.field(default=(0.9, 0.999), converter=_pair, validator=_DECAY)
    epsilon: float = attrs.field(default=1e-8, validator=_POSITIVE)
    weight_decay: float = attrs.field(default=0.0, validator=_NOT_NEGATIVE)


Optimiser = Sgd | Adam | Adamax
"""The record of an optimiser; `optimiser` makes one from a name and settings of a spec."""

# A name in a spec: the record, and the settings that it stands for unless they are given.
_NAMED: dict[str, tuple[type[Sgd] | type[Adam] | type[Adamax], dict[str, Any]]] = {
    "sgd": (Sgd, {}),
    "momentum": (Sgd, {"momentum": 0.9}),
    "adam": (Adam, {}),
    "adamw": (Adam, {"weight_decay": 0.01, "decoupled": True}),
    "adamax": (Adamax, {}),
}


def optimiser(name: str, **settings: Any) -> Optimiser:
    """The record of an optimiser by its name in a spec.

    Args:
        name: `sgd`, `momentum` (SGD with momentum 0.9), `adam`, `adamw` (Adam with a decoupled weight decay of 0.01) or
            `adamax`; what a name stands for gives way to `settings`.
        settings: fields of the record; those that the record lacks are refused.

    Raises:
        OptionsError: there is no such optimiser or setting, or a value is out of range.
    """
    if name not in _NAMED:
        raise OptionsError(
            f"there is no optimiser {name!r}; there is {', '.join(_NAMED)}", hint=did_you_mean(name, _NAMED)
        )
    kind, meant = _NAMED[name]
    known = [each.name for each in attrs.fields(kind)]
    for setting in settings:
        if setting not in known:
            raise OptionsError(
                f"the optimiser {name!r} has no setting {setting!r}; it has {', '.join(known)}",
                hint=did_you_mean(setting, known),
            )
    return kind(**{**meant, **settings})
