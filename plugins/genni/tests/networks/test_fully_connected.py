"""The dense networks are the study's: sizes, names, order of parameters and default initialisation."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from identify_core import ACTIVATIONS, OptionsError, Shape
from identify_genni.networks.activations import HEADS, activation_name
from identify_genni.networks.fully_connected import build_batchnorm, build_fcn, build_linear
from identify_genni.options.networks import BatchNormOptions, FcnOptions, LinearOptions


def shape(*inputs: int, outputs: tuple[int, ...] = (1,)) -> Shape:
    return Shape(inputs=inputs, outputs=outputs)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("inputs", "width", "num_layers", "bias", "expected"),
    [(1, 2, 1, False, 4), (12, 2, 1, False, 26), (12, 2, 3, True, 41)],
)
def test_simple_net_has_the_parameter_counts_of_the_study(inputs, width, num_layers, bias, expected):
    options = FcnOptions(width=width, num_layers=num_layers, bias=bias)
    assert count(build_fcn(options, shape(inputs), None)) == expected
    assert count(build_fcn(FcnOptions(widths=(width,) * num_layers, bias=bias), shape(inputs), None)) == expected


def test_linear_and_batchnorm_have_the_parameter_counts_of_the_study():
    assert count(build_linear(LinearOptions(), shape(12), None)) == 13
    assert count(build_batchnorm(BatchNormOptions(), shape(12), None)) == 136_705


def test_parameters_are_registered_in_the_order_of_the_study():
    names = list(build_fcn(FcnOptions(widths=(3, 4)), shape(2), None).state_dict())
    assert names == [
        "fc_input.weight",
        "fc_input.bias",
        "layers.0.weight",
        "layers.0.bias",
        "fc_final.weight",
        "fc_final.bias",
    ]
    batchnorm = [
        name for name, _ in build_batchnorm(BatchNormOptions(widths=(3, 4)), shape(2), None).named_parameters()
    ]
    assert [name.split(".")[0] for name in batchnorm[::2]] == ["fc1", "bn1", "fc2", "bn2", "fc_final"]


def test_the_output_is_the_formula():
    net = build_fcn(FcnOptions(widths=(3, 2), activation="tanh"), shape(4), None)
    x = torch.randn(5, 4)
    weights = net.state_dict()
    h = torch.tanh(x @ weights["fc_input.weight"].T + weights["fc_input.bias"])
    h = torch.tanh(h @ weights["layers.0.weight"].T + weights["layers.0.bias"])
    torch.testing.assert_close(net(x), h @ weights["fc_final.weight"].T + weights["fc_final.bias"])


def test_initialisation_is_pytorchs_own_in_the_order_of_the_layers():
    torch.manual_seed(3)
    net = build_fcn(FcnOptions(widths=(5, 6)), shape(4), None)
    torch.manual_seed(3)
    expected = [nn.Linear(4, 5), nn.Linear(5, 6), nn.Linear(6, 1)]
    own = net.parameters()
    for parameter, other in zip(own, (p for layer in expected for p in layer.parameters()), strict=True):
        assert torch.equal(parameter, other)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_every_activation_is_known_by_its_name(name):
    assert activation_name(ACTIVATIONS[name]()) == name


@pytest.mark.parametrize("head", list(HEADS))
def test_a_head_stands_behind_the_last_layer(head):
    torch.manual_seed(0)
    plain = build_fcn(FcnOptions(), shape(3, outputs=(4,)), None)
    torch.manual_seed(0)
    headed = build_fcn(FcnOptions(head=head), shape(3, outputs=(4,)), None)
    x = torch.randn(6, 3)
    torch.testing.assert_close(headed(x), HEADS[head]()(plain(x)))


def test_inputs_and_outputs_of_several_axes_are_flattened_and_shaped():
    assert build_fcn(FcnOptions(), shape(2, 3, outputs=(4, 5)), None)(torch.randn(7, 2, 3)).shape == (7, 4, 5)
    assert build_linear(LinearOptions(), shape(2, 3), None)(torch.randn(7, 2, 3)).shape == (7, 1)


def test_hidden_names_are_the_activations_in_order():
    net = build_fcn(FcnOptions(widths=(3, 4)), shape(2), None)
    assert net.hidden == ("activations.0", "activations.1")
    assert [name for name, _ in net.steps()] == [
        "fc_input",
        "activations.0",
        "layers.0",
        "activations.1",
        "fc_final",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 3}, "width is given without num_layers"),
        ({"num_layers": 3}, "num_layers is given without width"),
        ({"widths": (3, 0)}, "0 is too small: widths must be at least 1"),
        ({"widths": ()}, "widths must not be empty"),
    ],
)
def test_wrong_options_say_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        FcnOptions(**options)


@pytest.mark.parametrize(("inputs", "outputs"), [((), (1,)), ((3,), ()), ((0,), (1,))])
def test_a_dataset_without_numbers_is_refused(inputs, outputs):
    with pytest.raises(OptionsError, match="needs at least one number there"):
        build_fcn(FcnOptions(), Shape(inputs=inputs, outputs=outputs), None)
