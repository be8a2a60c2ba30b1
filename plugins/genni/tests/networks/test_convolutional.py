"""LeNet and KeskarC3 are the study's, and sizes that they cannot take are refused in words."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from identify_core import OptionsError, Shape
from identify_genni.networks.convolutional import build_keskar_c3, build_lenet, check_keskar_c3, check_lenet
from identify_genni.options.networks import KeskarC3Options, LeNetOptions


def shape(*inputs: int) -> Shape:
    return Shape(inputs=inputs, outputs=(1,))


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_counts_are_those_of_the_study():
    assert count(build_lenet(LeNetOptions(), shape(1, 28, 28), None)) == 43_661
    assert count(build_keskar_c3(KeskarC3Options(), shape(1, 12, 12), None)) == 3_718_977


def test_lenet_has_the_state_of_the_study():
    state = build_lenet(LeNetOptions(), shape(1, 28, 28), None).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        "conv1.weight": (6, 1, 5, 5),
        "conv1.bias": (6,),
        "conv2.weight": (16, 6, 5, 5),
        "conv2.bias": (16,),
        "fc1.weight": (120, 256),
        "fc1.bias": (120,),
        "fc2.weight": (84, 120),
        "fc2.bias": (84,),
        "fc3.weight": (1, 84),
        "fc3.bias": (1,),
    }
    assert list(state)[::2] == ["conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight", "fc3.weight"]


@pytest.mark.parametrize("size", [(16, 16), (20, 20), (28, 28), (16, 24)])
def test_lenet_takes_the_sizes_that_come_out_even(size):
    net = build_lenet(LeNetOptions(), shape(2, *size), None)
    assert net(torch.randn(3, 2, *size)).shape == (3, 1)


@pytest.mark.parametrize(
    ("inputs", "message", "hint"),
    [
        ((1, 12, 12), "images of height 12", "the nearest height that works is 16"),
        ((1, 18, 18), "images of height 18", "works is 20"),
        ((1, 28, 29), "images of width 29", "works is 28"),
        ((1, 28, 31), "images of width 31", "works is 32"),
        ((12,), r"takes images of shape \(channels, height, width\)", "input_shape"),
    ],
)
def test_lenet_refuses_other_sizes_before_anything_is_built(inputs, message, hint):
    for refuse in (check_lenet, lambda options, sizes: build_lenet(options, sizes, None)):
        with pytest.raises(OptionsError, match=message) as raised:
            refuse(LeNetOptions(), shape(*inputs))
        assert hint in raised.value.hint


def test_lenets_output_can_be_negative_unless_the_study_is_asked_for():
    torch.manual_seed(0)
    x = torch.randn(200, 1, 16, 16)
    outputs, floored = [], []
    for seed in range(20):
        torch.manual_seed(seed)
        outputs.append(build_lenet(LeNetOptions(), shape(1, 16, 16), None)(x))
        torch.manual_seed(seed)
        floored.append(build_lenet(LeNetOptions(head="relu"), shape(1, 16, 16), None)(x))
    torch.testing.assert_close(torch.stack(outputs).relu(), torch.stack(floored))
    # Defect S2 of the 2020 code: with the output ReLU a good part of all networks is exactly 0 everywhere.
    assert sum(bool((each == 0).all()) for each in floored) >= 3
    assert not any(bool((each == 0).all()) for each in outputs)


@pytest.mark.parametrize("size", [(12, 12), (13, 13), (5, 9), (8, 3)])
def test_keskar_c3_keeps_the_images_size_also_where_it_is_no_square(size):
    net = build_keskar_c3(KeskarC3Options(), shape(1, *size), None).eval()
    x = torch.randn(2, 1, *size)
    for name in ("conv1", "bn1", "activation1", "pad1", "pool1", "conv2", "bn2", "activation2", "pad2", "pool2"):
        x = net.get_submodule(name)(x)
        if name.startswith(("conv", "pool")):
            assert x.shape == (2, 64, *size)


def test_keskar_c3_is_deterministic_in_evaluation():
    net = build_keskar_c3(KeskarC3Options(), shape(1, 6, 6), None).eval()
    x = torch.randn(4, 1, 6, 6)
    assert torch.equal(net(x), net(x))


def test_keskar_c3_refuses_vectors():
    with pytest.raises(OptionsError, match="keskar-c3 takes images"):
        check_keskar_c3(KeskarC3Options(), shape(12))
