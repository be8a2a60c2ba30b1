"""Gauge fixing: one representative of each orbit, with incoming vectors of length 1, fixed signs and sorted units."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch

from identify_genni.layers import HiddenLayer, Structure
from identify_genni.symmetries.actions import Element, LayerElement, apply, compose, identity, layer_identity
from identify_genni.units import State, incoming, outgoing, standardise_norms

# When units are sorted, numbers closer than this part of the largest count as equal: they may differ by rounding alone.
_TIE = 1e-7


@attrs.frozen(kw_only=True, eq=False)
class Gauged:
    """A network in a fixed gauge.

    Args:
        state: its tensors, in float64; running statistics are moved into gain and offset first.
        element: carries the network with moved statistics onto `state`.
        unfixed: linear layers whose incoming weights have too low a rank for GL(n); their units were only scaled.
    """

    state: State
    element: Element
    unfixed: tuple[str, ...] = ()


def fix_gauge(structure: Structure, state: Mapping[str, torch.Tensor], *, signs: bool = True) -> Gauged:
    """Use up the continuous symmetries, layer by layer from the input on; permutations are left.

    Incoming vectors (with the bias) of positively homogeneous units get length 1; those of a linear layer become
    orthonormal; before a batch normalisation weights get length 1 and biases 0, gains become non-negative. The gauge
    that is left, permutations and signs (rotations at linear layers), acts by isometries: distances in it make sense.

    Args:
        structure: of the network.
        state: parameters and buffers.
        signs: also make the largest entry of each incoming vector positive where units are odd or even. Signs of
            complementary units (sigmoid) are always fixed, because flipping them is not an isometry.
    """
    current = standardise_norms(structure, {name: _double(each) for name, each in state.items()})
    whole, unfixed = identity(structure), []
    for index, layer in enumerate(structure.layers):
        step = list(identity(structure))
        if layer.general and _has_full_rank(layer, current):
            step[index] = _orthonormal(layer, current)
        else:
            unfixed += [layer.name] if layer.general else []
            step[index] = _unit_length(layer, current)
            current = apply(structure, tuple(step), current)
            whole = compose(tuple(step), whole)
            if not signs and layer.parity != "complement":
                continue
            step[index] = _positive(layer, current)
        current = apply(structure, tuple(step), current)
        whole = compose(tuple(step), whole)
    return Gauged(state=current, element=whole, unfixed=tuple(unfixed))


def canonical_form(structure: Structure, state: Mapping[str, torch.Tensor]) -> Gauged:
    """One representative of the orbit: `fix_gauge`, then units sorted and rotations of linear layers fixed.

    It is constant on orbits and its own canonical form, except where units tie in all that they are sorted by.
    """
    gauged = fix_gauge(structure, state)
    current, whole = gauged.state, gauged.element
    for index, layer in enumerate(structure.layers):
        step = list(identity(structure))
        if layer.general and layer.name not in gauged.unfixed:
            step[index] = _triangular(layer, current)
        else:
            step[index] = attrs.evolve(layer_identity(layer), permutation=_order(layer, current))
        current = apply(structure, tuple(step), current)
        whole = compose(tuple(step), whole)
    return Gauged(state=current, element=whole, unfixed=gauged.unfixed)


def _double(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to(torch.float64) if tensor.is_floating_point() else tensor.detach()


def _has_full_rank(layer: HiddenLayer, state: State) -> bool:
    rows = incoming(layer, state)
    values = torch.linalg.svdvals(rows)
    return len(values) == layer.width and bool(values[-1] > 1e-9 * values[0])


def _orthonormal(layer: HiddenLayer, state: State) -> LayerElement:
    left, values, _ = torch.linalg.svd(incoming(layer, state), full_matrices=False)
    return attrs.evolve(layer_identity(layer), matrix=(left / values) @ left.T)


def _triangular(layer: HiddenLayer, state: State) -> LayerElement:
    """The rotation that makes the first n independent columns upper triangular with a positive diagonal."""
    rows = incoming(layer, state)
    chosen: list[int] = []
    for column in range(rows.shape[1]):  # the first columns that are independent are the same all over the orbit
        candidate = rows[:, [*chosen, column]]
        if torch.linalg.svdvals(candidate)[-1] > 1e-6:
            chosen.append(column)
        if len(chosen) == layer.width:
            break
    rotation, triangle = torch.linalg.qr(rows[:, chosen])
    signs = torch.where(torch.diag(triangle) < 0, -1.0, 1.0).to(rows)
    return attrs.evolve(layer_identity(layer), matrix=(rotation * signs).T)


def _unit_length(layer: HiddenLayer, state: State) -> LayerElement:
    element, norm = layer_identity(layer), layer.norm
    if norm is not None and norm.gamma is not None and norm.beta is not None:
        weights, gain = state[layer.weight].reshape(layer.width, -1), state[norm.gamma]
        length = weights.norm(dim=1)
        inner = torch.where(gain < 0, -1.0, 1.0) / torch.where(length > 0, length, 1.0)
        shift = -inner * state[layer.bias] if layer.bias is not None else 0 * inner
        slope = gain / inner
        offset = state[norm.beta] - slope * shift
        element = attrs.evolve(element, inner=inner.cpu(), shift=shift.cpu())
        sizes = torch.stack((slope, offset), dim=1).norm(dim=1)
    else:
        sizes = incoming(layer, state).norm(dim=1)
    if layer.degree is None:
        return element
    # A unit that nothing leads into gives 0 whatever leads out of it: then the outgoing vector gets length 1.
    behind = outgoing(layer, state).norm(dim=1) ** (1 / layer.degree)
    multipliers = torch.where(sizes > 0, 1 / sizes, torch.where(behind > 0, behind, 1.0))
    return attrs.evolve(element, multipliers=multipliers.cpu())


def _positive(layer: HiddenLayer, state: State) -> LayerElement:
    element = layer_identity(layer)
    if layer.parity is None:
        return element
    rows = incoming(layer, state)
    largest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True)).squeeze(1)
    flips = torch.where(largest < 0, -1.0, 1.0).cpu().double()
    inner = flips if layer.norm is not None and layer.norm.gamma is not None else element.inner
    return attrs.evolve(element, multipliers=flips, inner=inner)


def _order(layer: HiddenLayer, state: State) -> torch.Tensor:
    """Units in lexicographic order of what leads into them, then of what leads out of them."""
    keys = [incoming(layer, state)]
    if layer.norm is not None and layer.norm.gamma is not None and layer.norm.beta is not None:
        keys += [state[layer.norm.gamma][:, None], state[layer.norm.beta][:, None]]
    behind = outgoing(layer, state)
    # What leads out is still in the next layer's own order, so first what does not depend on it.
    keys += [behind.norm(dim=1, keepdim=True), behind]
    table = torch.cat(keys, dim=1).cpu()
    order = torch.arange(layer.width)
    for column in reversed(_ranks(table).unbind(dim=1)):
        order = order[torch.argsort(column[order], stable=True)]
    return order


def _ranks(table: torch.Tensor) -> torch.Tensor:
    """Each column's values as ranks from 0, where values that differ by rounding alone share a rank."""
    values, order = table.sort(dim=0)
    gap = _TIE * table.abs().amax(dim=0, keepdim=True).clamp(min=1e-300)
    steps = torch.zeros_like(order)
    steps[1:] = (values[1:] - values[:-1] > gap).long()
    return torch.empty_like(order).scatter_(0, order, steps.cumsum(dim=0))
