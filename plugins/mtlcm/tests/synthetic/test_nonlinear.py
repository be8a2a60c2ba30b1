"""The dataset `nonlinear`: the decoder is the study's, and where it is called injective, latents come back from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from identify_core import Samples, Streams
from identify_core.testing.contexts import make_context
from identify_mtlcm.options.synthetic import DecoderActivation, LinearOptions, NonlinearOptions
from identify_mtlcm.synthetic.datasets import make_linear, make_nonlinear
from identify_mtlcm.synthetic.decoder import build_decoder, decode, measure_grip

Make = Callable[..., Samples]


@pytest.fixture
def make(tmp_path) -> Make:
    def nonlinear(seed: int = 0, **options: object) -> Samples:
        small = {"latents": 4, "causal_factors": 2, "observed": 30, "tasks": 12, "points": 20, "test_points": 10}
        context = make_context(tmp_path, seed=seed, dtype=torch.float64)
        return make_nonlinear(NonlinearOptions(**{**small, **options}), context)

    return nonlinear


def latents_of(samples: Samples) -> torch.Tensor:
    return torch.from_numpy(np.stack([factor.values for factor in samples.factors.values()], axis=1))


def test_features_are_the_decoders_outputs(make):
    samples = make()
    decoder = build_decoder(NonlinearOptions(latents=4, observed=30), Streams(0))
    assert [type(layer) for layer in decoder] == [nn.Linear, nn.ReLU, nn.Linear]
    torch.testing.assert_close(samples.tensor("x"), decoder(latents_of(samples)), rtol=0, atol=1e-12)
    assert (samples.shape.inputs, samples.shape.outputs) == ((30,), (1,))
    assert not any(parameter.requires_grad for parameter in decoder.parameters())


def test_the_decoder_is_initialised_as_torch_does():
    decoder = build_decoder(NonlinearOptions(), Streams(3))
    with Streams(3).as_global("data/decoder"):
        expected = [nn.Linear(20, 100), nn.Linear(100, 100)]
    for layer, same in zip((decoder[0], decoder[2]), expected, strict=True):
        torch.testing.assert_close(layer.weight, same.weight.double(), rtol=0, atol=0)
        torch.testing.assert_close(layer.bias, same.bias.double(), rtol=0, atol=0)


def test_the_latents_are_those_of_the_linear_dataset(make, tmp_path):
    options = LinearOptions(latents=4, tasks=12, points=20, test_points=10)
    linear = make_linear(options, make_context(tmp_path, dtype=torch.float64))
    samples = make()
    assert torch.equal(latents_of(linear), latents_of(samples))
    assert torch.equal(linear.tensor("y"), samples.tensor("y"))
    assert not np.isin(linear.ids, samples.ids).any()  # their inputs differ


def test_at_the_studys_size_latents_can_be_solved_for_exactly(tmp_path):
    """f is injective: the last layer is invertible, and the units that are on determine z, by least squares."""
    options = NonlinearOptions(tasks=20, points=20, test_points=5)
    context = make_context(tmp_path, dtype=torch.float64)
    samples = make_nonlinear(options, context)
    decoder = build_decoder(options, Streams(0))
    hidden = torch.linalg.solve(decoder[2].weight, (samples.tensor("x") - decoder[2].bias).T).T
    found = []
    for row in hidden:
        on = row > 1e-9
        assert on.sum() >= options.latents
        found.append(torch.linalg.lstsq(decoder[0].weight[on], (row[on] - decoder[0].bias[on])[:, None]).solution[:, 0])
    torch.testing.assert_close(torch.stack(found), latents_of(samples), rtol=0, atol=1e-8)
    assert samples.facts["decoder-collapsed-part"] == 0
    assert 1 < samples.facts["decoder-condition"] < 20
    assert not context.warnings


@pytest.mark.parametrize("activation", get_args(DecoderActivation))
def test_the_grip_is_that_of_the_jacobian(activation):
    options = NonlinearOptions(latents=3, causal_factors=1, observed=20, decoder_activation=activation)
    decoder = build_decoder(options, Streams(0))
    z = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    jacobians = torch.func.vmap(torch.func.jacrev(decoder))(z)
    grip = measure_grip(decoder, z)
    assert grip.condition == pytest.approx(float(torch.linalg.cond(jacobians).median()))
    assert grip.collapsed == 0


def test_a_narrow_decoder_is_found_not_to_be_injective(tmp_path):
    context = make_context(tmp_path)
    options = NonlinearOptions(latents=10, causal_factors=2, observed=20, tasks=30, points=10)
    samples = make_nonlinear(options, context)
    collapsed = samples.facts["decoder-collapsed-part"]
    assert 0.05 < collapsed < 1
    assert "the decoder is not injective" in context.warnings[0]
    assert f"{collapsed:.0%} of the rows" in context.warnings[0]
    # At such a row a step along the lost direction leaves the features as they are: two latents, one observation.
    decoder = build_decoder(options, Streams(0))
    z = latents_of(samples)
    for row in z[:100]:
        jacobian = torch.func.jacrev(decoder)(row)
        _, values, right = torch.linalg.svd(jacobian)
        if values[-1] < 1e-10:
            moved = decoder(row + 1e-3 * right[-1])
            torch.testing.assert_close(moved, decoder(row), rtol=0, atol=1e-12)
            break
    else:
        pytest.fail("no collapsed row among the first hundred")


def test_fewer_features_than_latents_are_said_to_lose_them(tmp_path):
    context = make_context(tmp_path)
    options = NonlinearOptions(observed=15, tasks=5, points=10, decoder_activation="leaky-relu")
    samples = make_nonlinear(options, context)
    assert "20 latents are observed through 15 features: no injective map does that" in context.warnings[0]
    assert len(context.warnings) == 1
    assert samples.facts["decoder-collapsed-part"] == 1


def test_deep_decoders_keep_their_signal_with_hes_initialisation(make):
    spreads = {}
    for kind in ("torch", "he"):
        samples = make(decoder_layers=4, decoder_width=64, decoder_initialisation=kind, tasks=40)
        spreads[kind] = float(samples.tensor("x").std(0).mean())
    assert spreads["torch"] < 0.05 < 0.3 < spreads["he"]


@pytest.mark.parametrize(("layers", "width", "expected"), [(0, None, 1), (1, 7, 3), (3, None, 7)])
def test_depth_and_width(layers, width, expected):
    decoder = build_decoder(NonlinearOptions(observed=25, decoder_layers=layers, decoder_width=width), Streams(0))
    assert len(decoder) == expected
    assert decoder(torch.zeros(2, 20, dtype=torch.float64)).shape == (2, 25)
    if width:
        assert decoder[0].out_features == width


def test_a_decoder_without_hidden_layers_is_affine(make):
    samples = make(decoder_layers=0)
    z = torch.cat([latents_of(samples), torch.ones(len(samples), 1, dtype=torch.float64)], dim=1)
    x = samples.tensor("x")
    torch.testing.assert_close(z @ torch.linalg.lstsq(z, x).solution, x)


def test_noise_on_the_features(make):
    clean, noisy = make(), make(observation_noise=0.2)
    difference = (noisy.tensor("x") - clean.tensor("x")).flatten()
    assert float(difference.std()) == pytest.approx(0.2, rel=0.03)
    assert torch.equal(latents_of(clean), latents_of(noisy))


def test_blocks_do_not_change_what_is_decoded(monkeypatch):
    decoder = build_decoder(NonlinearOptions(), Streams(0))
    z = torch.randn(101, 20, dtype=torch.float64)
    whole = decode(decoder, z)
    monkeypatch.setattr("identify_mtlcm.synthetic.decoder._NUMBERS_AT_ONCE", 1000)
    torch.testing.assert_close(decode(decoder, z), whole, rtol=0, atol=1e-14)


def test_making_data_leaves_torchs_generator_alone(make):
    before = torch.random.get_rng_state()
    make()
    assert torch.equal(before, torch.random.get_rng_state())
