"""Networks of every structure that the symmetries know, with inputs to try them on."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import Any

import attrs
import pytest
import torch
from torch import nn

from identify_core import Replicates, Shape
from identify_genni.layers import Structure, describe
from identify_genni.networks.convolutional import build_lenet
from identify_genni.networks.fully_connected import build_batchnorm, build_fcn, build_linear
from identify_genni.options.networks import BatchNormOptions, FcnOptions, LeNetOptions, LinearOptions


class Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x)


class Square(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.square(x)


@attrs.frozen(kw_only=True, eq=False)
class Case:
    """A network in float64 and evaluation mode, with inputs."""

    module: nn.Module
    inputs: torch.Tensor

    @property
    def structure(self) -> Structure:
        structure = describe(self.module)
        assert structure.known, structure.reason
        return structure

    @property
    def state(self) -> dict[str, torch.Tensor]:
        return {name: each.detach().clone() for name, each in self.module.state_dict().items()}

    def outputs(self, state: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            result: torch.Tensor = torch.func.functional_call(self.module, state, (self.inputs,))
        return result

    @property
    def replicates(self) -> Replicates:
        return Replicates.from_modules([self.module])


def dense(activation: type[nn.Module], *, bias: bool = True, widths: tuple[int, ...] = (3, 5, 4, 2)) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after, bias=bias), activation()]
    return nn.Sequential(*layers[:-1])


def convolutional(activation: type[nn.Module], pool: type[nn.Module], *, padding: int = 0) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            first=nn.Conv2d(1, 3, 3, padding=padding),
            norm=nn.BatchNorm2d(3),
            act=activation(),
            pool=pool(2),
            second=nn.Conv2d(3, 4, 2, padding=padding),
            act2=activation(),
            flatten=nn.Flatten(),
            third=nn.Linear(4 * (3 + 3 * padding) ** 2 if padding else 16, 2),
        )
    )


def make_case(name: str) -> Case:
    torch.manual_seed(hash_of(name))
    vector, image = Shape(inputs=(3,), outputs=(2,)), Shape(inputs=(1, 16, 16), outputs=(1,))
    builders: dict[str, Any] = {
        "fcn-sample": lambda: (
            build_fcn(FcnOptions(widths=(2,), bias=False), Shape(inputs=(1,), outputs=(1,)), None),
            (1,),
        ),
        "linear-net": lambda: (build_linear(LinearOptions(), vector, None), (3,)),
        "batchnorm": lambda: (build_batchnorm(BatchNormOptions(widths=(5, 4)), vector, None), (3,)),
        "batchnorm-tanh": lambda: (
            build_batchnorm(BatchNormOptions(widths=(5, 4), activation="tanh"), vector, None),
            (3,),
        ),
        "lenet": lambda: (build_lenet(LeNetOptions(head="relu"), image, None), (1, 16, 16)),
        "deep-linear": lambda: (dense(nn.Identity, widths=(5, 4, 3, 4)), (5,)),
        "sine": lambda: (dense(Sine, bias=False), (3,)),
        "square": lambda: (dense(Square), (3,)),
        "sigmoid-convolution": lambda: (convolutional(nn.Sigmoid, nn.AvgPool2d), (1, 8, 8)),
        "tanh-max-pool": lambda: (convolutional(nn.Tanh, nn.MaxPool2d), (1, 8, 8)),
        "linear-convolution": lambda: (convolutional(nn.Identity, nn.AvgPool2d), (1, 8, 8)),
    }
    for activation in ("relu", "leaky-relu", "abs", "tanh", "sigmoid", "gelu", "softplus"):
        options = FcnOptions(widths=(5, 4), activation=activation)
        builders[activation] = lambda options=options: (build_fcn(options, vector, None), (3,))
    module, size = builders[name]()
    module = module.double().eval()
    for each in module.modules():
        if isinstance(each, (nn.BatchNorm1d, nn.BatchNorm2d)):
            assert each.running_mean is not None
            assert each.running_var is not None
            for tensor in (each.weight, each.bias, each.running_mean):
                nn.init.normal_(tensor)
            nn.init.uniform_(each.running_var, 0.5, 2.0)
    return Case(module=module, inputs=torch.randn(40, *size, dtype=torch.float64))


def hash_of(name: str) -> int:
    return sum(index * ord(letter) for index, letter in enumerate(name, start=1))


CASES = (
    "fcn-sample", "linear-net", "batchnorm", "batchnorm-tanh", "lenet", "deep-linear", "sine", "square",
    "sigmoid-convolution", "tanh-max-pool", "linear-convolution",
    "relu", "leaky-relu", "abs", "tanh", "sigmoid", "gelu", "softplus",
)  # fmt: skip


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    """Each network in turn."""
    return make_case(request.param)


@pytest.fixture
def cases() -> Any:
    """A network by its name."""
    return make_case


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)
