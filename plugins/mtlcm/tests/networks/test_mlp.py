"""The dense encoder and the heads against what they say they compute."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from identify_core import OptionsError, Shape, dense_network
from identify_core.testing.contexts import make_context
from identify_mtlcm.networks.heads import MultiTaskNetwork, TaskHeads
from identify_mtlcm.networks.mlp import build_mlp, check_mlp, input_layer
from identify_mtlcm.options.networks import MlpOptions


def test_layers_and_widths(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    for layers in (0, 1, 3):
        module = build_mlp(MlpOptions(latent_dim=4, hidden=7, layers=layers), Shape(inputs=(5,), outputs=(1,)), context)
        dense = [each for each in module if isinstance(each, nn.Linear)]
        assert [each.out_features for each in dense] == [7] * layers + [4]
        assert module(torch.zeros(3, 5)).shape == (3, 4)
        assert input_layer(module) is dense[0]


def test_the_studys_encoder_is_linear_relu_linear() -> None:
    module, x = dense_network([5, 7, 4]), torch.randn(6, 5)
    first, _, last = module
    assert torch.allclose(
        module(x), nn.functional.linear((x @ first.weight.T + first.bias).relu(), last.weight, last.bias)
    )


def test_rows_that_are_no_vectors_are_refused() -> None:
    for inputs in ((), (3, 3), (0,)):
        with pytest.raises(OptionsError, match="the encoder mlp takes rows of numbers"):
            check_mlp(MlpOptions(), Shape(inputs=inputs, outputs=(1,)))


def test_only_an_encoder_that_begins_with_a_dense_layer_has_one() -> None:
    assert input_layer(nn.Sequential(nn.ReLU(), nn.Linear(2, 2))) is None
    assert input_layer(nn.Linear(2, 2)) is None


@pytest.mark.parametrize("biases", [True, False])
def test_gathered_heads_are_the_rows_of_all_products(biases: bool) -> None:
    heads, h = TaskHeads(5, 3, biases=biases), torch.randn(11, 3)
    task = torch.randint(0, 5, (11,))
    everything = heads(h)
    assert everything.shape == (11, 5)
    assert torch.allclose(heads(h, task), everything[torch.arange(11), task])
    assert (heads.bias is None) is not biases


def test_the_joint_network_gives_its_parts() -> None:
    encoder, heads = dense_network([4, 6, 3]), TaskHeads(5, 3, biases=True)
    x = torch.randn(7, 4)
    predictions, h, penalty, squares, lost = MultiTaskNetwork(encoder, heads, lambda weight: weight.abs().sum())(x)
    assert torch.equal(h, encoder(x))
    assert torch.equal(predictions, heads(h))
    assert torch.allclose(penalty, heads.weight.abs().sum())
    expected = sum(float(each.detach().square().sum()) for each in encoder.parameters() if each.ndim == 2)
    assert float(squares.detach()) == pytest.approx(expected, rel=1e-6)
    assert float(lost) == 0.0
