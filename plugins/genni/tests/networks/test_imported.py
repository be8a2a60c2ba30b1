"""Networks from elsewhere: what the factory makes is tried out, and every mistake is one sentence."""

from __future__ import annotations

import sys
import types

import pytest
import torch
from torch import nn

from identify_core import OptionsError, Shape
from identify_genni.networks.imported import build_module, check_module
from identify_genni.options.networks import ModuleOptions

SHAPE = Shape(inputs=(3,), outputs=(2,))


@pytest.fixture(autouse=True)
def own_code(monkeypatch):
    module = types.ModuleType("own_networks")
    module.make = lambda width=4, outputs=2: nn.Sequential(
        nn.Linear(3, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, outputs)
    )
    module.no_module = lambda: 3
    module.no_parameters = nn.ReLU
    module.tuple_output = lambda: _Tuple()
    module.number = 3
    monkeypatch.setitem(sys.modules, "own_networks", module)


class _Tuple(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x), x


def test_any_factory_makes_a_network_with_its_arguments():
    net = build_module(ModuleOptions(factory="own_networks:make", arguments={"width": 7}), SHAPE, None)
    assert net[0].weight.shape == (7, 3)


def test_trying_it_out_changes_neither_the_network_nor_the_random_numbers():
    torch.manual_seed(5)
    expected, following = sys.modules["own_networks"].make(), torch.randn(3)
    torch.manual_seed(5)
    net = build_module(ModuleOptions(factory="own_networks:make"), SHAPE, None)
    assert torch.equal(torch.randn(3), following)
    for name, value in expected.state_dict().items():
        assert torch.equal(net.state_dict()[name], value)
    assert all(part.training for part in net.modules())


@pytest.mark.parametrize(
    ("factory", "arguments", "message"),
    [
        ("own_networks.make", {}, "is not an import path"),
        ("no_such_package:make", {}, "cannot be imported: ModuleNotFoundError"),
        ("own_networks:nothing", {}, "cannot be imported: AttributeError"),
        ("own_networks:number", {}, "of type int, which cannot be called"),
        ("own_networks:make", {"depth": 2}, "failed with {'depth': 2}: TypeError"),
        ("own_networks:no_module", {}, "returned an object of type int, not an nn.Module"),
        ("own_networks:no_parameters", {}, "has no parameters to train"),
        ("own_networks:make", {"outputs": 5}, r"gives outputs of shape \(5,\) for each sample"),
        ("own_networks:tuple_output", {}, "gives a tuple for each sample"),
    ],
)
def test_mistakes_are_told(factory, arguments, message):
    with pytest.raises(OptionsError, match=message):
        build_module(ModuleOptions(factory=factory, arguments=arguments), SHAPE, None)


def test_inputs_that_do_not_fit_are_told():
    with pytest.raises(OptionsError, match=r"cannot take inputs of shape \(5,\)"):
        build_module(ModuleOptions(factory="own_networks:make"), Shape(inputs=(5,), outputs=(2,)), None)


def test_the_check_imports_the_factory():
    with pytest.raises(OptionsError, match="cannot be imported"):
        check_module(ModuleOptions(factory="no_such_package:make"), SHAPE)
    check_module(ModuleOptions(factory="own_networks:make"), SHAPE)
