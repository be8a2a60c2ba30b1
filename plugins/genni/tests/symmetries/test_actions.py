"""Group elements leave functions as they are and obey the laws of a group."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch

from identify_core import UsageError
from identify_genni.symmetries.actions import (
    apply,
    apply_to_vector,
    compose,
    identity,
    inverse,
    layer_identity,
    random_element,
)

EXACT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-11}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.allclose(first[name], second[name], **EXACT) for name in first)


def test_the_function_is_preserved(case: Any, generator: torch.Generator) -> None:
    structure, state = case.structure, case.state
    for _ in range(3):
        moved = apply(structure, random_element(structure, generator), state)
        assert torch.allclose(case.outputs(moved), case.outputs(state), **EXACT)
        if structure.layers:
            assert not same(state, moved)


def test_group_laws(case: Any, generator: torch.Generator) -> None:
    structure, state = case.structure, case.state
    first, second, third = (random_element(structure, generator) for _ in range(3))
    one_after_the_other = apply(structure, second, apply(structure, first, state))
    assert same(apply(structure, compose(second, first), state), one_after_the_other)
    assert same(apply(structure, compose(inverse(first), first), state), state)
    assert same(apply(structure, compose(first, inverse(first)), state), state)
    assert same(apply(structure, identity(structure), state), state)
    left, right = compose(compose(third, second), first), compose(third, compose(second, first))
    assert same(apply(structure, left, state), apply(structure, right, state))


def test_the_state_given_is_not_changed(cases: Any, generator: torch.Generator) -> None:
    case = cases("batchnorm")
    state = case.state
    before = {name: each.clone() for name, each in state.items()}
    apply(case.structure, random_element(case.structure, generator), state)
    assert all(torch.equal(before[name], state[name]) for name in state)


def test_scaling_by_hand(cases: Any) -> None:
    case = cases("fcn-sample")
    (layer,) = case.structure.layers
    element = attrs.evolve(
        layer_identity(layer),
        multipliers=torch.tensor([2.0, 0.5], dtype=torch.float64),
        permutation=torch.tensor([1, 0]),
    )
    moved = apply_to_vector(case.structure, (element,), torch.tensor([1.0, 3.0, 5.0, 7.0], dtype=torch.float64))
    assert moved.tolist() == [6.0, 0.5, 3.5, 10.0]


def test_monomial_and_matrix_act_alike_on_linear_layers(cases: Any, generator: torch.Generator) -> None:
    case = cases("deep-linear")
    signs = [
        attrs.evolve(
            layer_identity(layer),
            permutation=torch.randperm(layer.width, generator=generator),
            multipliers=torch.randn(layer.width, generator=generator, dtype=torch.float64),
        )
        for layer in case.structure.layers
    ]
    matrices = tuple(attrs.evolve(each, matrix=each.as_matrix()) for each in signs)
    assert same(apply(case.structure, tuple(signs), case.state), apply(case.structure, matrices, case.state))


def test_what_each_activation_allows(cases: Any) -> None:
    facts = {name: cases(name).structure.layers[0] for name in ("relu", "abs", "tanh", "sigmoid", "gelu", "square")}
    assert {name: (layer.degree, layer.parity) for name, layer in facts.items()} == {
        "relu": (1, None), "abs": (1, "even"), "tanh": (None, "odd"), "sigmoid": (None, "complement"),
        "gelu": (None, None), "square": (2, "even"),
    }  # fmt: skip
    assert cases("tanh-max-pool").structure.layers[0].parity is None  # the largest of −z is not minus the largest of z


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("relu", {"multipliers": -torch.ones(5)}, "flipping signs is not a symmetry"),
        ("tanh", {"multipliers": 2 * torch.ones(5)}, "scaling is not a symmetry"),
        ("relu", {"matrix": torch.eye(5)}, "is not linear"),
        ("relu", {"permutation": torch.tensor([0, 0, 1, 2, 3])}, "needs a permutation"),
        ("relu", {"inner": 2 * torch.ones(5)}, "has no batch normalisation"),
    ],
)
def test_what_is_no_symmetry_is_refused(cases: Any, name: str, change: dict[str, torch.Tensor], message: str) -> None:
    case = cases(name)
    element = list(identity(case.structure))
    element[0] = attrs.evolve(element[0], **change)
    with pytest.raises(UsageError, match=message):
        apply(case.structure, tuple(element), case.state)


def test_a_shift_needs_a_bias(generator: torch.Generator) -> None:
    from torch import nn

    from identify_genni.layers import describe

    module = nn.Sequential(nn.Linear(2, 3, bias=False), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1)).double().eval()
    structure = describe(module)
    element = (attrs.evolve(layer_identity(structure.layers[0]), shift=torch.ones(3)),)
    with pytest.raises(UsageError, match="no bias that could be shifted"):
        apply(structure, element, module.state_dict())
