"""Tangents of the symmetries lie in the Jacobian's null space, and their number is what the theory says."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from identify_core import Shape
from identify_genni.geometry.jacobian import jacobian
from identify_genni.geometry.null_space import row_space
from identify_genni.layers import describe
from identify_genni.networks.convolutional import build_lenet
from identify_genni.networks.fully_connected import build_batchnorm
from identify_genni.options.networks import BatchNormOptions, LeNetOptions
from identify_genni.symmetries.tangents import linear_fibre_dimension, symmetry_dimension, symmetry_tangents


def test_tangents_lie_in_the_null_space(case: Any) -> None:
    tangents = symmetry_tangents(case.structure, case.state)
    replicates = case.replicates
    rows = jacobian(replicates.function(0), replicates.vectors()[0], case.inputs)
    assert rows.abs().max() > 1e-3  # a dead network would pass whatever the tangents are
    moved = tangents.rows @ rows.numpy().T
    assert np.abs(moved).max(initial=0.0) < 1e-12 * float(rows.norm())
    assert tangents.rank() == symmetry_dimension(case.structure) == len(tangents.labels)


def test_tangents_are_derivatives_of_orbits(cases: Any) -> None:
    import attrs

    from identify_genni.symmetries.actions import apply, layer_identity

    for name in ("relu", "square", "batchnorm", "deep-linear"):
        case = cases(name)
        structure, state, h = case.structure, case.state, 1e-6
        layer = structure.layers[0]
        unit = torch.eye(layer.width, dtype=torch.float64)[1]
        if layer.general:
            plus, label = {"matrix": torch.eye(layer.width).double() + h * torch.outer(unit, unit)}, "linear {} 1 1"
        elif layer.norm is not None:
            plus, label = {"inner": 1 + h * unit}, "norm scale {} 1"
        else:
            plus, label = {"multipliers": 1 + h * unit}, "scaling {} 1"
        element = [layer_identity(each) for each in structure.layers]
        element[0] = attrs.evolve(element[0], **plus)
        difference = (structure.vector(apply(structure, tuple(element), state)) - structure.vector(state)) / h
        tangents = symmetry_tangents(structure, state)
        expected = tangents.dense([tangents.labels.index(label.format(layer.name))])[0]
        assert torch.allclose(difference, expected, atol=1e-4)


def test_lenet_of_the_study_has_226_scalings() -> None:
    structure = describe(build_lenet(LeNetOptions(head="relu"), Shape(inputs=(1, 28, 28), outputs=(1,)), None))
    assert structure.parameter_count == 43_661
    assert symmetry_dimension(structure) == 226
    assert [layer.block for layer in structure.layers] == [1, 16, 1, 1]


def test_batchnorm_simple_net_has_2304_directions() -> None:
    structure = describe(build_batchnorm(BatchNormOptions(), Shape(inputs=(12,), outputs=(1,)), None))
    assert structure.parameter_count == 136_705
    assert symmetry_dimension(structure) == 2304


def test_fcn_sample_has_2_and_a_dead_unit_less(cases: Any) -> None:
    case = cases("fcn-sample")
    assert symmetry_dimension(case.structure) == 2
    dead = case.state | {"fc_input.weight": torch.tensor([[0.0], [1.0]]), "fc_final.weight": torch.tensor([[0.0, 1.0]])}
    assert symmetry_tangents(case.structure, dead).rank() == 1


def test_batch_statistics_leave_scales_free_up_to_epsilon() -> None:
    torch.manual_seed(3)
    module = build_batchnorm(BatchNormOptions(widths=(4, 3)), Shape(inputs=(3,), outputs=(1,)), None).double().train()
    for each in module.modules():
        if isinstance(each, nn.BatchNorm1d):
            nn.init.normal_(each.weight)
            nn.init.normal_(each.bias)
            each.eps = 1e-12
            each.track_running_stats, each.running_mean, each.running_var = False, None, None
    inputs = torch.randn(50, 3, dtype=torch.float64)
    names = [name for name, _ in module.named_parameters()]

    def outputs(vector: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.func.functional_call(module, describe(module).parameters(vector), (inputs,))
        return result.reshape(-1)

    vector = torch.cat([each.detach().reshape(-1) for each in module.parameters()])
    rows = torch.func.jacrev(outputs)(vector)
    tangents = symmetry_tangents(
        describe(module), dict(zip(names, module.parameters(), strict=True)), statistics="batch"
    )
    assert tangents.rank() == 3 * 7
    assert np.abs(tangents.rows @ rows.detach().numpy().T).max() < 1e-9


@pytest.mark.parametrize(
    ("widths", "bias", "rank"),
    [((4, 3, 5), False, 3), ((4, 2, 5), True, 2), ((3, 6, 4, 2), False, 2), ((3, 6, 4, 2), True, 2)],
)
def test_fibres_of_linear_networks(widths: tuple[int, ...], bias: bool, rank: int) -> None:
    torch.manual_seed(1)
    layers = [nn.Linear(a, b, bias=bias) for a, b in pairwise(widths)]
    module = nn.Sequential(*layers).double()
    structure = describe(module)
    fibre = linear_fibre_dimension(structure, widths[0], widths[-1], rank)
    parameters = torch.cat([each.detach().reshape(-1) for each in module.parameters()])

    def function(vector: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.func.functional_call(module, structure.parameters(vector), (x,))
        return result

    rows = jacobian(function, parameters, torch.randn(30, widths[0], dtype=torch.float64))
    found, _ = row_space(rows, 1e-9)
    assert structure.parameter_count - found.shape[1] == fibre


def test_the_fibre_is_only_known_for_linear_networks(cases: Any) -> None:
    assert linear_fibre_dimension(cases("relu").structure, 3, 2, 2) is None
