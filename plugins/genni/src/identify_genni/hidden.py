"""The hidden representations of a network: which submodules give them, and the rung up to which they are identified."""

from __future__ import annotations

import attrs
import torch
from torch import nn

from identify_genni.layers import HiddenLayer, describe
from identify_genni.networks.activations import activation_name


@attrs.frozen(kw_only=True)
class Hidden:
    """One hidden representation.

    Args:
        name: the submodule whose outputs it is.
        rung: the class of maps that the network's own symmetries can carry it through; empty where the structure of the
            network is not understood.
        summary: in a few words.
    """

    name: str
    rung: str
    summary: str


def hidden_representations(module: nn.Module) -> tuple[Hidden, ...]:
    """The outputs of the activations, from the input to the output.

    For a module whose forward pass is not a chain of known layers these are its activation modules in their order of
    registration, without a claim.
    """
    structure = describe(module)
    if structure.known:
        return tuple(hidden_of_layer(layer) for layer in structure.layers)
    return tuple(
        Hidden(name=name, rung="", summary=f"outputs of {name}")
        for name, part in module.named_modules()
        if activation_name(part) is not None
    )


def hidden_of_layer(layer: HiddenLayer) -> Hidden:
    """The hidden representation that belongs to one layer."""
    what = f"{layer.width} {layer.activation} units of {layer.name}"
    if layer.activation_name is None:  # the activation is not a submodule whose outputs could be taken
        return Hidden(name=layer.name, rung=claimed_rung(layer), summary=f"{what}, before the activation")
    return Hidden(name=layer.activation_name, rung=claimed_rung(layer), summary=what)


def claimed_rung(layer: HiddenLayer) -> str:
    """The smallest rung that holds the exact symmetries of a layer's activation, for networks in general position.

    Linear units can be mixed by any invertible matrix (with biases also shifted), homogeneous units scaled (Phuong &
    Lampert, ICLR 2020), odd units negated (Sussmann 1992), sigmoid units reflected, φ(−z) = 1 − φ(z), where the layer
    behind has a bias that takes up the 1; all others are only reordered.
    """
    if layer.general:
        return "affine" if layer.bias is not None and layer.next_bias is not None else "linear"
    if layer.degree is not None:
        # Positive scaling alone: |z| and other even units give the same values when their weights are negated.
        return "permutation-scaling" if layer.parity == "odd" else "permutation-positive-scaling"
    if layer.parity == "odd":
        return "signed-permutation"
    if layer.parity == "complement" and layer.next_bias is not None:
        return "permutation-monotone"
    return "permutation"


def as_rows(values: torch.Tensor, channels: str) -> torch.Tensor:
    """Activations as one vector a sample.

    Args:
        values: (R, n, units), or (R, n, channels, *positions).
        channels: `mean` averages over positions, so that every number belongs to one channel; `flatten` keeps all.

    Returns:
        (R, n, d).
    """
    if values.dim() > 3 and channels == "mean":
        return values.flatten(3).mean(-1)
    return values.flatten(2)
