"""Hidden layers are found from the module itself, and what is not understood is said in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from identify_core import Shape
from identify_genni.layers import describe, hidden_layers
from identify_genni.networks.convolutional import build_keskar_c3, build_lenet
from identify_genni.networks.fully_connected import build_fcn
from identify_genni.options.networks import FcnOptions, KeskarC3Options, LeNetOptions


class Functional(nn.Module):
    """A LeNet whose activations and pools are functions, and which flattens by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3)
        self.third, self.fourth = nn.Linear(6 * 4, 5), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu(self.first(x)), 2)
        x = functional.avg_pool2d(torch.tanh(self.second(x)), 2)
        x = x.view(x.size(0), -1)
        result: torch.Tensor = self.fourth(self.third(x).sigmoid())
        return result


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        result: torch.Tensor = self.third(x + torch.relu(self.second(x)))
        return result


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.second(torch.relu(self.first(torch.relu(self.first(x)))))
        return result


class Loose(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 1)
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.second(torch.relu(self.gain * self.first(x)))
        return result


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.first(x) if bool(x.sum() > 0) else self.first(-x)
        return result


def tied() -> nn.Module:
    module = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1))
    module[2].weight = module[0].weight
    return module


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Skip, "skip connection"),
        (Twice, "runs more than once"),
        (Loose, "combines"),
        (Branching, "cannot be traced"),
        (tied, "shared by several layers"),
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1)), "'1' does to single units"),
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4), nn.Linear(4, 1)), "does not follow"),
        (lambda: nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2)), "grouped convolution"),
        (lambda: nn.Sequential(nn.Conv1d(4, 4, 3), nn.ReLU(), nn.Linear(7, 1)), "are not blocks of the 4 units"),
        (lambda: nn.Sequential(nn.ReLU()), "no dense or convolutional layer"),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 1)), "combines 3 tensors"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_said(make: Callable[[], nn.Module], reason: str) -> None:
    structure = describe(make())
    assert not structure.known
    assert structure.layers == ()
    assert reason in structure.reason


def test_functions_are_understood_like_modules() -> None:
    first, second, third = hidden_layers(Functional())
    assert [first.activation, second.activation, third.activation] == ["relu", "tanh", "sigmoid"]
    assert [first.block, second.block, third.block] == [1, 4, 1]
    assert (first.degree, second.parity, third.parity) == (1, "odd", "complement")
    assert first.activation_name is None


def test_lenet_and_keskar_c3() -> None:
    lenet = hidden_layers(build_lenet(LeNetOptions(), Shape(inputs=(1, 28, 28), outputs=(1,)), None))
    assert [(layer.name, layer.width, layer.block) for layer in lenet] == [
        ("conv1", 6, 1), ("conv2", 16, 16), ("fc1", 120, 1), ("fc2", 84, 1),
    ]  # fmt: skip
    assert [layer.activation_name for layer in lenet] == [f"activations.{i}" for i in range(4)]
    keskar = hidden_layers(build_keskar_c3(KeskarC3Options(), Shape(inputs=(1, 12, 12), outputs=(1,)), None))
    assert [layer.block for layer in keskar] == [1, 144, 1, 1]
    assert [layer.norm.name if layer.norm else None for layer in keskar] == ["bn1", "bn2", "bn3", "bn4"]


def test_the_network_is_read_in_any_output_shape() -> None:
    module = build_fcn(FcnOptions(widths=(3,), head="softmax"), Shape(inputs=(2, 2), outputs=(3, 2)), None)
    (layer,) = hidden_layers(module)
    assert (layer.weight, layer.bias, layer.next_weight, layer.next_bias) == (
        "fc_input.weight", "fc_input.bias", "fc_final.weight", "fc_final.bias",
    )  # fmt: skip


def test_vectors_and_names_are_inverse() -> None:
    module = build_fcn(FcnOptions(widths=(3, 2)), Shape(inputs=(2,), outputs=(1,)), None)
    structure = describe(module)
    vector = torch.arange(structure.parameter_count, dtype=torch.float64)
    named = structure.parameters(vector)
    assert torch.equal(structure.vector(named), vector)
    assert list(named) == [name for name, _ in module.named_parameters()]
    assert structure.parameters(torch.stack([vector, vector]))["fc_input.weight"].shape == (2, 3, 2)


def test_frozen_parameters_are_no_part_of_a_symmetry() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    module[0].weight.requires_grad_(False)
    assert "'0.weight' is not a trainable parameter" in describe(module).reason


def test_sigmoid_needs_a_bias_behind_it() -> None:
    without = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1, bias=False))
    padded = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sigmoid(), nn.Conv2d(2, 1, 3, padding=1))
    plain = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sigmoid(), nn.Conv2d(2, 1, 3))
    assert [hidden_layers(each)[0].parity for each in (without, padded, plain)] == [None, None, "complement"]
