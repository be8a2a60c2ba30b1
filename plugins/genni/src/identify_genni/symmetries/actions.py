"""Group elements that leave a network's function as it is, and their action on its parameters."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from identify_core import UsageError
from identify_genni.layers import HiddenLayer, Structure
from identify_genni.units import State, norm_scale, with_outgoing


@attrs.frozen(kw_only=True, eq=False)
class LayerElement:
    """What an element does to the n units of one layer.

    The new unit j takes the place of the old unit `permutation[j]`, with what goes into its activation multiplied by
    `multipliers[j]`; what leads out of it undoes that. Before a batch normalisation, z ↦ `inner` z + `shift`, which
    gain and offset undo. At a linear layer an invertible `matrix` takes the place of permutation and multipliers.

    Args:
        permutation: (n,), integers.
        multipliers: (n,): positive at positively homogeneous units, ±1 at odd, even and complementary ones.
        inner: (n,), not zero; ones without batch normalisation.
        shift: (n,); zeros without batch normalisation.
        matrix: (n, n) or None.
    """

    permutation: torch.Tensor
    multipliers: torch.Tensor
    inner: torch.Tensor
    shift: torch.Tensor
    matrix: torch.Tensor | None = None

    def as_matrix(self) -> torch.Tensor:
        """The action on what goes into the activations, (n, n), without batch normalisation."""
        if self.matrix is not None:
            return self.matrix
        return torch.diag(self.multipliers)[:, torch.argsort(self.permutation)]


Element = tuple[LayerElement, ...]


def layer_identity(layer: HiddenLayer) -> LayerElement:
    """The identity on one layer."""
    ones = torch.ones(layer.width, dtype=torch.float64)
    return LayerElement(permutation=torch.arange(layer.width), multipliers=ones, inner=ones, shift=0 * ones)


def identity(structure: Structure) -> Element:
    """The neutral element."""
    return tuple(layer_identity(layer) for layer in structure.layers)


def compose(second: Element, first: Element) -> Element:
    """The element that acts as `first` and then as `second`."""
    return tuple(_compose(after, before) for after, before in zip(second, first, strict=True))


def inverse(element: Element) -> Element:
    """The element that undoes `element`."""
    return tuple(_inverse(each) for each in element)


def _compose(second: LayerElement, first: LayerElement) -> LayerElement:
    if second.matrix is not None or first.matrix is not None:
        return attrs.evolve(first, matrix=second.as_matrix() @ first.as_matrix())
    order = second.permutation
    return LayerElement(
        permutation=first.permutation[order],
        multipliers=second.multipliers * first.multipliers[order],
        inner=second.inner * first.inner[order],
        shift=second.inner * first.shift[order] + second.shift,
    )


def _inverse(element: LayerElement) -> LayerElement:
    if element.matrix is not None:
        return attrs.evolve(element, matrix=torch.linalg.inv(element.matrix))
    order = torch.argsort(element.permutation)
    return LayerElement(
        permutation=order,
        multipliers=(1 / element.multipliers)[order],
        inner=(1 / element.inner)[order],
        shift=(-element.shift / element.inner)[order],
    )


def apply(structure: Structure, element: Element, state: Mapping[str, torch.Tensor]) -> State:
    """Act on the named tensors of one network; the function that they give in evaluation mode stays the same.

    Args:
        structure: of the network.
        element: one of its symmetries.
        state: parameters, and buffers where there is batch normalisation; not changed.

    Raises:
        UsageError: the element is not a symmetry of a layer.
    """
    result = dict(state)
    for layer, action in zip(structure.layers, element, strict=True):
        _check(layer, action)
        device = state[layer.weight].device
        moved = attrs.evolve(
            action,
            **{
                field.name: value.to(device if value.dtype == torch.long else state[layer.weight])
                for field in attrs.fields(LayerElement)
                if (value := getattr(action, field.name)) is not None
            },
        )
        if moved.matrix is not None:
            _act_linearly(layer, moved.matrix, result)
        else:
            _act_on_units(layer, moved, result)
    return result


def apply_to_vector(
    structure: Structure, element: Element, vector: torch.Tensor, buffers: Mapping[str, torch.Tensor] | None = None
) -> torch.Tensor:
    """Act on a parameter vector (P,) of a network with these buffers; a permuted buffer is not part of the result."""
    state = structure.parameters(vector) | dict(buffers or {})
    return structure.vector(apply(structure, element, state))


def _act_linearly(layer: HiddenLayer, matrix: torch.Tensor, state: State) -> None:
    weights = state[layer.weight]
    state[layer.weight] = (matrix @ weights.reshape(layer.width, -1)).reshape(weights.shape)
    if layer.bias is not None:
        state[layer.bias] = matrix @ state[layer.bias]
    blocks = _blocks(layer, state)
    with_outgoing(layer, state, torch.einsum("oik,ij->ojk", blocks, torch.linalg.inv(matrix)))


def _act_on_units(layer: HiddenLayer, action: LayerElement, state: State) -> None:
    order, outer, norm = action.permutation, action.multipliers, layer.norm
    names = [layer.weight, layer.bias]
    if norm is not None:
        names += [norm.gamma, norm.beta, norm.mean, norm.variance]
    for name in names:
        if name is not None:
            state[name] = state[name][order]
    if norm is not None and norm.gamma is not None and norm.beta is not None:
        mean, scale = norm_scale(norm, state)
        slope = state[norm.gamma] / scale
        moved = state[norm.beta] - slope * (mean * (1 - 1 / action.inner) + action.shift / action.inner)
        state[norm.beta] = outer * moved
        state[norm.gamma] = outer * state[norm.gamma] / action.inner
        _scale_rows(state, layer.weight, action.inner)
        if layer.bias is not None:
            state[layer.bias] = action.inner * state[layer.bias] + action.shift
    else:
        _scale_rows(state, layer.weight, outer)
        if layer.bias is not None:
            state[layer.bias] = outer * state[layer.bias]
    blocks = _blocks(layer, state)[:, order]
    flipped = outer < 0
    if layer.parity == "complement" and layer.next_bias is not None:
        state[layer.next_bias] = state[layer.next_bias] + blocks[:, flipped].sum(dim=(1, 2))
    with_outgoing(layer, state, blocks / _answer(layer, outer)[None, :, None])


def _answer(layer: HiddenLayer, multipliers: torch.Tensor) -> torch.Tensor:
    """By what the unit's output is multiplied when its input is."""
    size = multipliers.abs() ** layer.degree if layer.degree is not None else torch.ones_like(multipliers)
    return size if layer.parity == "even" else size * multipliers.sign()


def _scale_rows(state: State, name: str, factors: torch.Tensor) -> None:
    weights = state[name]
    state[name] = (factors[:, None] * weights.reshape(len(factors), -1)).reshape(weights.shape)


def _blocks(layer: HiddenLayer, state: State) -> torch.Tensor:
    weights = state[layer.next_weight]
    return weights.reshape(weights.shape[0], layer.width, -1)


def _check(layer: HiddenLayer, action: LayerElement) -> None:
    if action.matrix is not None:
        if not layer.general:
            raise UsageError(
                f"the layer {layer.name!r} is not linear ({layer.activation}), so GL(n) is not a symmetry of it"
            )
        return
    if len(action.permutation) != layer.width or len(set(action.permutation.tolist())) != layer.width:
        raise UsageError(f"the layer {layer.name!r} needs a permutation of its {layer.width} units")
    if layer.parity is None and bool((action.multipliers < 0).any()):
        raise UsageError(
            f"flipping signs is not a symmetry of the layer {layer.name!r}: {layer.activation} is neither odd nor even"
        )
    if layer.degree is None and bool((action.multipliers.abs() != 1).any()):
        raise UsageError(
            f"scaling is not a symmetry of the layer {layer.name!r}: {layer.activation} is not positively homogeneous"
        )
    norm = layer.norm
    if (norm is None or norm.gamma is None) and bool(((action.inner != 1) | (action.shift != 0)).any()):
        raise UsageError(f"the layer {layer.name!r} has no batch normalisation with gain and offset to undo a shift")
    if layer.bias is None and bool((action.shift != 0).any()):
        raise UsageError(f"the layer {layer.name!r} has no bias that could be shifted before its normalisation")


def random_element(structure: Structure, generator: torch.Generator, *, spread: float = 0.5) -> Element:
    """An element drawn from all known symmetries.

    Args:
        structure: of the network.
        generator: on the CPU.
        spread: standard deviation of the logarithms of scales, and of how far a matrix is from a rotation.
    """
    return tuple(_random(layer, generator, spread) for layer in structure.layers)


def _random(layer: HiddenLayer, generator: torch.Generator, spread: float) -> LayerElement:
    width = layer.width

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def signs() -> torch.Tensor:
        return 1.0 - 2.0 * torch.randint(2, (width,), generator=generator).double()

    if layer.general:
        rotation = torch.linalg.qr(normal(width, width)).Q
        stretch = torch.exp(spread * normal(width))
        return attrs.evolve(layer_identity(layer), matrix=rotation * stretch @ torch.linalg.qr(normal(width, width)).Q)
    element = layer_identity(layer)
    multipliers = torch.exp(spread * normal(width)) if layer.degree is not None else element.multipliers
    if layer.parity is not None:
        multipliers = multipliers * signs()
    inner, shift = element.inner, element.shift
    if layer.norm is not None and layer.norm.gamma is not None:
        inner = torch.exp(spread * normal(width)) * signs()
        shift = spread * normal(width) if layer.bias is not None else shift
    order = torch.randperm(width, generator=generator)
    return LayerElement(permutation=order, multipliers=multipliers, inner=inner, shift=shift)
