"""Alignment finds the group element that was hidden, and its distance is a pseudo-metric of orbits."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from identify_core import Shape
from identify_genni.layers import describe
from identify_genni.networks.fully_connected import build_fcn
from identify_genni.options.networks import FcnOptions
from identify_genni.symmetries.actions import apply, random_element
from identify_genni.symmetries.alignment import align, quotient_distance
from identify_genni.symmetries.canonical import fix_gauge
from identify_genni.units import standardise_norms


def network(seed: int, activation: str = "relu", widths: tuple[int, ...] = (4,)) -> tuple[Any, dict[str, torch.Tensor]]:
    torch.manual_seed(seed)
    options = FcnOptions(widths=widths, activation=activation)  # type: ignore[arg-type]
    module = build_fcn(options, Shape(inputs=(3,), outputs=(2,)), None).double()
    return describe(module), dict(module.state_dict())


def test_a_hidden_element_is_found_again(case: Any, generator: torch.Generator) -> None:
    structure, state = case.structure, case.state
    moved = apply(structure, random_element(structure, generator), state)
    found = align(structure, state, moved)
    assert found.relative < 1e-7
    there = apply(structure, found.element, standardise_norms(structure, moved))
    # Back in the gauge of the first network itself, not only in the common one.
    assert torch.allclose(structure.vector(there), structure.vector(standardise_norms(structure, state)), atol=1e-7)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "abs", "identity"])
def test_distance_is_constant_on_orbits(activation: str, generator: torch.Generator) -> None:
    structure, first = network(0, activation, widths=(3,))
    _, second = network(1, activation, widths=(3,))
    expected = quotient_distance(structure, first, second)
    assert expected > 0.1
    for _ in range(3):
        moved = apply(structure, random_element(structure, generator), second)
        assert quotient_distance(structure, first, moved) == pytest.approx(expected, rel=1e-8)
        assert quotient_distance(structure, moved, first) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("activation", ["relu", "tanh", "identity"])
def test_triangle_inequality(activation: str) -> None:
    structure, _ = network(0, activation, widths=(3,))
    states = [network(seed, activation, widths=(3,))[1] for seed in range(6)]
    distances = [[quotient_distance(structure, a, b) for b in states] for a in states]
    for i, j, k in itertools.permutations(range(6), 3):
        assert distances[i][k] <= distances[i][j] + distances[j][k] + 1e-9
    assert all(distances[i][i] < 1e-7 for i in range(6))


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_one_hidden_layer_against_every_permutation(activation: str) -> None:
    structure, first = network(3, activation)
    _, second = network(4, activation)
    found = align(structure, first, second)
    assert found.exact
    a, b = (fix_gauge(structure, state, signs=False).state for state in (first, second))
    w, u = "fc_input.weight", "fc_final.weight"
    signs = [1.0] if activation == "relu" else [1.0, -1.0]
    best = float("inf")
    for order in itertools.permutations(range(4)):
        for flips in itertools.product(signs, repeat=4):
            flip = torch.tensor(flips).double()
            index = list(order)
            pieces = [
                a[w] - flip[:, None] * b[w][index],
                a["fc_input.bias"] - flip * b["fc_input.bias"][index],
                a[u] - b[u][:, index] * flip,
                a["fc_final.bias"] - b["fc_final.bias"],
            ]
            best = min(best, float(torch.cat([piece.reshape(-1) for piece in pieces]).norm()))
    assert found.distance == pytest.approx(best, rel=1e-9)


def test_deep_networks_give_an_upper_bound_and_say_so() -> None:
    structure, first = network(0, widths=(4, 3))
    _, second = network(1, widths=(4, 3))
    found = align(structure, first, second)
    a, b = (structure.vector(fix_gauge(structure, state).state) for state in (first, second))
    assert not found.exact
    assert found.distance <= float((a - b).norm()) + 1e-9


def test_discrete_says_whether_units_were_moved(generator: torch.Generator) -> None:
    import attrs

    from identify_genni.symmetries.actions import identity

    structure, state = network(2)
    scaled = (attrs.evolve(identity(structure)[0], multipliers=torch.tensor([2.0, 3.0, 0.5, 1.0]).double()),)
    assert not align(structure, state, apply(structure, scaled, state)).discrete
    swapped = (attrs.evolve(identity(structure)[0], permutation=torch.tensor([1, 0, 2, 3])),)
    assert align(structure, state, apply(structure, swapped, state)).discrete


def test_wide_linear_layers_are_not_called_exact() -> None:
    module = nn.Sequential(nn.Linear(2, 5), nn.Linear(5, 1)).double()
    state = dict(module.state_dict())
    assert not align(describe(module), state, state).exact
