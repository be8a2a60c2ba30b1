"""Weight matching: the group element that brings one network closest to another, and the distance that is left.

Permutations by the assignment problem, one layer after the other until nothing improves (Ainsworth, Hayase & Srinivasa
2023, git re-basin, algorithm 1), after scales, signs and normalisations were fixed; rotations of linear layers by the
orthogonal Procrustes problem (Schönemann 1966).
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch
from scipy.optimize import linear_sum_assignment

from identify_genni.layers import HiddenLayer, Structure
from identify_genni.symmetries.actions import (
    Element,
    LayerElement,
    apply,
    compose,
    identity,
    inverse,
    layer_identity,
)
from identify_genni.symmetries.canonical import Gauged, fix_gauge
from identify_genni.units import State, incoming, outgoing

_MOST_SWEEPS = 100


@attrs.frozen(kw_only=True, eq=False)
class Alignment:
    """How one network lies closest to another.

    Args:
        element: carries the second network onto its copy near the first, in the first one's own gauge. It acts on
            networks whose running statistics were moved (`standardise_norms`).
        distance: in the quotient: between the two gauge-fixed networks after the best permutation found.
        size: √(|a| |b|) of the gauge-fixed networks, with which `distance` is compared.
        exact: whether no other element is nearer; otherwise `distance` is an upper bound.
        discrete: whether the element permutes units or flips signs, so that no path of symmetries leads to it.
    """

    element: Element
    distance: float
    size: float
    exact: bool
    discrete: bool

    @property
    def relative(self) -> float:
        """The distance as a part of the networks' size."""
        return self.distance / self.size if self.size > 0 else self.distance


def align(
    structure: Structure,
    first: Mapping[str, torch.Tensor],
    second: Mapping[str, torch.Tensor],
    *,
    restarts: int = 8,
    generator: torch.Generator | None = None,
) -> Alignment:
    """Bring the second network as close to the first as its symmetries allow.

    Args:
        structure: of both.
        first: parameters and buffers.
        second: parameters and buffers.
        restarts: random starting permutations next to the identity, for more than one hidden layer.
        generator: on the CPU, for the restarts; the default stream of seed 0 where it is None.
    """
    return align_gauged(
        structure,
        fix_gauge(structure, first, signs=False),
        fix_gauge(structure, second, signs=False),
        restarts=restarts,
        generator=generator,
    )


def align_gauged(
    structure: Structure, a: Gauged, b: Gauged, *, restarts: int = 8, generator: torch.Generator | None = None
) -> Alignment:
    """`align` for networks whose gauge is fixed (`fix_gauge(signs=False)`), so that many pairs share that work."""
    generator = generator or torch.Generator().manual_seed(0)
    layers = structure.layers
    starts = [identity(structure)]
    if len(layers) > 1:
        starts += [_shuffle(structure, a, generator) for _ in range(restarts)]
    candidates = [_match(structure, a, b, start, generator) for start in starts]
    distances = [_distance(structure, a.state, apply(structure, each, b.state)) for each in candidates]
    best = min(range(len(starts)), key=distances.__getitem__)
    fixed = not (a.unfixed or b.unfixed)
    element = compose(inverse(a.element), compose(candidates[best], b.element))
    return Alignment(
        element=element,
        distance=distances[best],
        size=float((structure.vector(a.state).norm() * structure.vector(b.state).norm()).sqrt()),
        exact=len(layers) <= 1 and fixed,
        discrete=any(_is_discrete(layer, each) for layer, each in zip(layers, element, strict=True)),
    )


def quotient_distance(
    structure: Structure, first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor], *, restarts: int = 8
) -> float:
    """The distance between two orbits, in the gauge of `fix_gauge`: exact for one hidden layer, else an upper bound."""
    return align(structure, first, second, restarts=restarts).distance


def _distance(structure: Structure, a: State, b: State) -> float:
    return float((structure.vector(a) - structure.vector(b)).norm())


def _shuffle(structure: Structure, gauged: Gauged, generator: torch.Generator) -> Element:
    elements = []
    for layer in structure.layers:
        if layer.general and layer.name not in gauged.unfixed:
            drawn = torch.randn(layer.width, layer.width, generator=generator, dtype=torch.float64)
            elements.append(attrs.evolve(layer_identity(layer), matrix=torch.linalg.qr(drawn).Q))
        else:
            order = torch.randperm(layer.width, generator=generator)
            elements.append(attrs.evolve(layer_identity(layer), permutation=order))
    return tuple(elements)


def _match(structure: Structure, a: Gauged, b: Gauged, start: Element, generator: torch.Generator) -> Element:
    """Improve one layer after the other, in random order, until a whole sweep changes nothing."""
    whole, current = start, apply(structure, start, b.state)
    distance = _distance(structure, a.state, current)
    count = len(structure.layers)
    for _ in range(_MOST_SWEEPS):
        before = distance
        for index in torch.randperm(count, generator=generator).tolist():
            layer = structure.layers[index]
            step = list(identity(structure))
            rotates = layer.general and layer.name not in (*a.unfixed, *b.unfixed)
            step[index] = (_rotate if rotates else _assign)(layer, a.state, current)
            moved = apply(structure, tuple(step), current)
            nearer = _distance(structure, a.state, moved)
            if nearer < distance:
                whole, current, distance = compose(tuple(step), whole), moved, nearer
        if count == 1 or distance >= before * (1 - 1e-12):
            break
    return whole


def _features(layer: HiddenLayer, state: State) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What turns with a unit's sign, what does not, and what leads out of it: (n, ·) each."""
    rows = incoming(layer, state)
    norm = layer.norm
    if norm is None or norm.gamma is None or norm.beta is None:
        return rows, rows[:, :0], outgoing(layer, state)
    turning = torch.cat((rows, state[norm.beta][:, None]), dim=1)
    return turning, state[norm.gamma][:, None], outgoing(layer, state)


def _assign(layer: HiddenLayer, a: State, b: State) -> LayerElement:
    """The best permutation of one layer's units, with the best sign for each pair where signs are free."""
    (turn_a, still_a, out_a), (turn_b, still_b, out_b) = _features(layer, a), _features(layer, b)
    turning, still, behind = turn_a @ turn_b.T, still_a @ still_b.T, out_a @ out_b.T
    gain = turning + still + behind
    flips = torch.zeros_like(gain, dtype=torch.bool)
    if layer.parity in ("odd", "even"):
        flipped = still - turning + (behind if layer.parity == "even" else -behind)
        flips = flipped > gain
        gain = torch.maximum(gain, flipped)
    rows, columns = linear_sum_assignment(gain.cpu().numpy(), maximize=True)
    order = torch.as_tensor(columns)
    signs = torch.where(flips.cpu()[torch.as_tensor(rows), order], -1.0, 1.0).double()
    element = attrs.evolve(layer_identity(layer), permutation=order, multipliers=signs)
    if layer.norm is not None and layer.norm.gamma is not None:
        element = attrs.evolve(element, inner=signs)
    return element


def _rotate(layer: HiddenLayer, a: State, b: State) -> LayerElement:
    """The best rotation of one linear layer."""
    product = incoming(layer, a) @ incoming(layer, b).T + outgoing(layer, a) @ outgoing(layer, b).T
    left, _, right = torch.linalg.svd(product)
    return attrs.evolve(layer_identity(layer), matrix=(left @ right).cpu())


def _is_discrete(layer: HiddenLayer, element: LayerElement) -> bool:
    if element.matrix is not None:
        return bool(torch.linalg.det(element.matrix) < 0)
    moved = bool((element.permutation != torch.arange(layer.width)).any())
    return moved or bool((element.multipliers < 0).any()) or bool((element.inner < 0).any())
