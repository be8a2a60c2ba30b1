"""The canonical form is constant on orbits, is its own canonical form, and keeps the function."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from identify_genni.layers import describe
from identify_genni.symmetries.actions import apply, random_element
from identify_genni.symmetries.canonical import canonical_form, fix_gauge
from identify_genni.units import incoming, standardise_norms

# Where units tie, or rotations are compared after two factorisations, a few more digits are lost.
ATOL = 1e-8


def vectors(case: Any, state: dict[str, torch.Tensor]) -> torch.Tensor:
    found: torch.Tensor = case.structure.vector(canonical_form(case.structure, state).state)
    return found


def test_constant_on_orbits(case: Any, generator: torch.Generator) -> None:
    structure, state = case.structure, case.state
    expected = vectors(case, state)
    for _ in range(4):
        moved = apply(structure, random_element(structure, generator), state)
        assert torch.allclose(vectors(case, moved), expected, atol=ATOL)


def test_idempotent(case: Any) -> None:
    once = canonical_form(case.structure, case.state).state
    twice = canonical_form(case.structure, once).state
    assert torch.allclose(case.structure.vector(once), case.structure.vector(twice), atol=ATOL)


def test_the_function_is_kept_and_the_element_leads_there(case: Any) -> None:
    form = canonical_form(case.structure, case.state)
    assert torch.allclose(case.outputs(form.state), case.outputs(case.state), atol=1e-9)
    there = apply(case.structure, form.element, standardise_norms(case.structure, case.state))
    assert torch.allclose(case.structure.vector(there), case.structure.vector(form.state), atol=ATOL)


def test_different_functions_have_different_forms(case: Any) -> None:
    other = dict(case.state)
    name = next(iter(case.structure.shapes))
    other[name] = (
        other[name] + 0.1 * torch.randn(other[name].shape, generator=torch.Generator().manual_seed(1)).double()
    )
    assert not torch.allclose(vectors(case, other), vectors(case, case.state), atol=1e-3)


def test_incoming_vectors_have_length_one_and_are_sorted(cases: Any) -> None:
    case = cases("relu")
    state = canonical_form(case.structure, case.state).state
    for layer in case.structure.layers:
        rows = incoming(layer, state)
        assert torch.allclose(rows.norm(dim=1), torch.ones(layer.width).double())
        assert (rows[:, 0].diff() >= 0).all()


def test_signs_are_positive_at_odd_units(cases: Any) -> None:
    case = cases("tanh")
    state = canonical_form(case.structure, case.state).state
    for layer in case.structure.layers:
        rows = incoming(layer, state)
        assert (rows.gather(1, rows.abs().argmax(dim=1, keepdim=True)) > 0).all()


def test_a_unit_that_nothing_leads_into_keeps_its_orbit(cases: Any, generator: torch.Generator) -> None:
    case = cases("fcn-sample")
    state = case.state | {"fc_input.weight": torch.tensor([[0.0], [0.7]]).double()}
    moved = apply(case.structure, random_element(case.structure, generator), state)
    assert torch.allclose(vectors(case, moved), vectors(case, state), atol=ATOL)


def test_a_wide_linear_layer_is_named_as_not_fixed() -> None:
    module = nn.Sequential(nn.Linear(2, 5, bias=False), nn.Linear(5, 1)).double()
    gauged = fix_gauge(describe(module), module.state_dict())
    assert gauged.unfixed == ("0",)
