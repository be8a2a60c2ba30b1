"""What an activation or a pooling does to a single unit: its homogeneity, its parity, whether it is linear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
from torch import nn

Parity = Literal["odd", "even", "complement"] | None


@attrs.frozen(kw_only=True)
class Link:
    """A map z ↦ φ(z) that treats every unit alike and none together with another.

    Args:
        name: what it is called in a table; empty for what only rearranges or pools.
        degree: p with φ(s z) = s^p φ(z) for s > 0, or None.
        parity: `odd`, `even`, `complement` for φ(−z) = 1 − φ(z), or None.
        linear: φ is linear.
        preserves_constants: it maps constants to themselves and is linear.
        shapes_units: it is a function of each number by itself, as activations are and pooling is not.
    """

    name: str = ""
    degree: float | None = None
    parity: Parity = None
    linear: bool = False
    preserves_constants: bool = False
    shapes_units: bool = True


IDENTITY = Link(degree=1, parity="odd", linear=True, preserves_constants=True)
MEAN_PRESERVING = Link(degree=1, parity="odd", linear=True, preserves_constants=True, shapes_units=False)
_DROPOUT = Link(degree=1, parity="odd", linear=True, preserves_constants=True, shapes_units=False)
_LINEAR = Link(degree=1, parity="odd", linear=True, shapes_units=False)
_MAXIMUM = Link(degree=1, shapes_units=False)

_ACTIVATIONS = {
    "relu": Link(name="relu", degree=1),
    "leaky-relu": Link(name="leaky-relu", degree=1),
    "abs": Link(name="abs", degree=1, parity="even"),
    "square": Link(name="square", degree=2, parity="even"),
    "tanh": Link(name="tanh", parity="odd"),
    "sin": Link(name="sin", parity="odd"),
    "erf": Link(name="erf", parity="odd"),
    "atan": Link(name="atan", parity="odd"),
    "softsign": Link(name="softsign", parity="odd"),
    "tanhshrink": Link(name="tanhshrink", parity="odd"),
    "cos": Link(name="cos", parity="even"),
    "sigmoid": Link(name="sigmoid", parity="complement"),
    "hardsigmoid": Link(name="hardsigmoid", parity="complement"),
    "gelu": Link(name="gelu"),
    "silu": Link(name="silu"),
    "softplus": Link(name="softplus"),
    "elu": Link(name="elu"),
    "selu": Link(name="selu"),
    "celu": Link(name="celu"),
    "mish": Link(name="mish"),
    "relu6": Link(name="relu6"),
    "exp": Link(name="exp"),
}

_MODULES: tuple[tuple[tuple[type[nn.Module], ...], str], ...] = (
    ((nn.LeakyReLU,), "leaky-relu"),
    ((nn.ReLU6,), "relu6"),
    ((nn.ReLU,), "relu"),
    ((nn.Tanh,), "tanh"),
    ((nn.Softsign,), "softsign"),
    ((nn.Tanhshrink,), "tanhshrink"),
    ((nn.Sigmoid,), "sigmoid"),
    ((nn.Hardsigmoid,), "hardsigmoid"),
    ((nn.GELU,), "gelu"),
    ((nn.SiLU,), "silu"),
    ((nn.Softplus,), "softplus"),
    ((nn.ELU,), "elu"),
    ((nn.SELU,), "selu"),
    ((nn.CELU,), "celu"),
    ((nn.Mish,), "mish"),
)
_FUNCTIONS = {"leaky_relu": "leaky-relu", "absolute": "abs", "arctan": "atan"}


def link_of_module(module: nn.Module) -> Link | None:
    """What a submodule does to single units; None where that is not known."""
    if isinstance(module, nn.Identity):
        return IDENTITY
    if isinstance(module, (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)):
        return _DROPOUT
    if isinstance(module, nn.Flatten):
        return MEAN_PRESERVING if module.start_dim == 1 and module.end_dim == -1 else None
    if isinstance(module, (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)):
        return _MAXIMUM
    if isinstance(module, (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)):
        return MEAN_PRESERVING
    if isinstance(module, (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)):
        padding: Any = module.padding
        padded = any(padding) if isinstance(padding, tuple) else bool(padding)
        return _LINEAR if padded else MEAN_PRESERVING
    if isinstance(module, (nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d)):
        return _LINEAR
    for kinds, name in _MODULES:
        if isinstance(module, kinds):
            return _ACTIVATIONS[name]
    return None


def link_of_function(name: str, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Link | None:
    """What a torch function or tensor method does to single units; None where that is not known."""
    name = name.rstrip("_")
    if name == "flatten":
        start = keywords.get("start_dim", arguments[0] if arguments else 0)
        return MEAN_PRESERVING if start == 1 else None
    if name.startswith("dropout"):
        return _DROPOUT
    if name.startswith(("max_pool", "adaptive_max_pool")):
        return _MAXIMUM
    if name.startswith("adaptive_avg_pool"):
        return MEAN_PRESERVING
    if name.startswith("avg_pool"):
        return _LINEAR
    if name == "pad":
        mode = keywords.get("mode", arguments[1] if len(arguments) > 1 else "constant")
        value = keywords.get("value", arguments[2] if len(arguments) > 2 else None)
        return _LINEAR if mode == "constant" and not value else None
    return _ACTIVATIONS.get(_FUNCTIONS.get(name, name))


def compose_links(links: Sequence[Link]) -> Link:
    """The map of several links, the first of which comes first."""
    whole = IDENTITY
    for link in links:
        whole = Link(
            name="+".join(name for name in (whole.name, link.name) if name),
            degree=None if whole.degree is None or link.degree is None else whole.degree * link.degree,
            parity=_parity(whole, link),
            linear=whole.linear and link.linear,
            preserves_constants=whole.preserves_constants and link.preserves_constants,
        )
    return whole


def _parity(first: Link, second: Link) -> Parity:
    if first.parity == "even":
        return "even"
    if first.parity == "odd":
        return second.parity
    if first.parity == "complement" and second.preserves_constants:
        return "complement"
    return None
