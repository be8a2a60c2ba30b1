"""The study's networks: sizes, paddings and resizings; and decoders that are embeddings whatever their weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from identify_core import OptionsError, Replicates, Shape
from identify_metric.geometry import GeodesicSettings, geodesics, jacobian, log_volume
from identify_metric.networks.convolutional import PLANS, Resize, build_conv, check_conv, same_padding
from identify_metric.networks.dense import build_dense
from identify_metric.networks.injective import FlowDecoder, build_injective, check_injective
from identify_metric.objectives.elbo import bound_loss
from identify_metric.options.models import ConvOptions, DenseOptions, InjectiveOptions

LATENTS = {"fashion-mnist": 16, "cifar10": 64, "celeba": 64, "celeba-perceptual": 64}
PARAMETERS = {"fashion-mnist": 1_219_490, "cifar10": 1_066_694, "celeba": 5_243_494, "celeba-perceptual": 9_719_110}


def conv(name: str, **options: object) -> nn.Module:
    torch.manual_seed(0)
    settings = ConvOptions(architecture=name, latent_dim=LATENTS[name], **{"decoders": 2, **options})
    return build_conv(settings, Shape(inputs=PLANS[name].inputs, outputs=()), None)


@pytest.mark.parametrize("name", PLANS)
def test_networks_have_the_sizes_of_the_study(name):
    """Parameter counts of the released models with two decoders."""
    vae = conv(name)
    assert sum(each.numel() for each in vae.parameters()) == PARAMETERS[name]
    x = torch.rand(3, *PLANS[name].inputs)
    assert vae(x).shape == (3, LATENTS[name])
    assert vae.decoders[0](vae(x)).shape == (3, math.prod(PLANS[name].inputs))


@pytest.mark.parametrize("name", ["fashion-mnist", "cifar10"])
def test_laws_change_what_a_decoder_gives(name):
    z = torch.randn(50, LATENTS[name])
    features = math.prod(PLANS[name].inputs)
    both = conv(name, law="gaussian-network").decoders[0](z)
    assert both.shape == (50, 2 * features)


@pytest.mark.parametrize(("law", "lowest"), [("gaussian", math.expm1(-3)), ("bernoulli", -3.0)])
def test_the_last_elu_belongs_to_gaussian_means_alone(law, lowest):
    vae = conv("fashion-mnist", law=law)
    with torch.no_grad():
        [each for each in vae.decoders[0] if isinstance(each, nn.Conv2d)][-1].bias.fill_(-3.0)
        assert vae.decoders[0](torch.zeros(1, 16)).min().item() == pytest.approx(lowest)


def test_resizing_repeats_and_drops_the_rows_that_xla_does():
    x = torch.arange(32.0).expand(1, 1, 32, 32)
    kept = [row for row in range(32) if row not in (3, 11, 19, 27)]
    assert Resize(28)(x)[0, 0, 0].tolist() == kept
    small = torch.rand(1, 2, 3, 3)
    torch.testing.assert_close(Resize(6)(small), small.repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_padding_is_that_of_xla():
    """stride 1: (k − 1) // 2 before and the rest behind; stride 2: as much as ⌈n / 2⌉ outputs need."""
    assert [same_padding(64, kernel, 1) for kernel in (2, 3, 4)] == [(0, 1), (1, 1), (1, 2)]
    assert [same_padding(side, 3, 2) for side in (7, 8)] == [(1, 1), (0, 1)]


def test_weights_begin_as_flax_draws_them():
    torch.manual_seed(0)
    vae = conv("celeba")
    layer = next(each for each in vae.decoders[0] if isinstance(each, nn.Conv2d))
    std = 1 / math.sqrt(512 * 9)
    assert layer.weight.std().item() == pytest.approx(std, rel=0.01)
    assert layer.weight.abs().max() <= 2 * std / 0.8796
    assert not layer.bias.any()


def test_images_of_another_shape_are_refused():
    with pytest.raises(OptionsError, match=r"'celeba' takes images of the shape \(3, 64, 64\)") as found:
        check_conv(ConvOptions(architecture="celeba"), Shape(inputs=(3, 32, 32), outputs=()))
    assert 'model.architecture = "cifar10"' in found.value.hint


def test_geodesics_run_through_convolutions_in_forward_and_reverse_mode():
    """Velocities are pushed forward with dual numbers through convolutions and resizing: against finite differences."""
    decoder = conv("fashion-mnist").double().requires_grad_(False).decoders[0]
    z, v = torch.randn(2, 1, 16, dtype=torch.float64)
    h = 1e-6
    _, pushed = torch.func.jvp(decoder, (z,), (v,))
    torch.testing.assert_close(pushed, (decoder(z + h * v) - decoder(z - h * v)) / (2 * h), rtol=1e-5, atol=1e-7)
    few = GeodesicSettings(segments=4, nodes=2, starts=1, iterations=3, doublings=0)
    found = geodesics(decoder, z, z + v, settings=few)
    assert 0 < found.length.item() <= found.line.item()


def test_convolutions_train_in_replicates():
    replicates = Replicates.from_modules([conv("fashion-mnist"), conv("fashion-mnist")])
    batch = {"x": torch.rand(4, 1, 28, 28), "eps": torch.randn(4, 16)}
    loss = bound_loss(replicates.template, beta=1.0, decoders="chunks")
    values, gradients, _ = replicates.values_and_gradients(loss, batch)
    assert torch.isfinite(values).all()
    assert all(each.any() for name, each in gradients.items() if "weight" in name)


@pytest.mark.parametrize(("latents", "features"), [(1, 2), (2, 5), (4, 64), (7, 7)])
def test_a_flow_decoder_is_injective_whatever_its_weights(latents, features):
    torch.manual_seed(0)
    decoder = FlowDecoder(latents, features, couplings=6, hidden=16).double()
    with torch.no_grad():
        for each in decoder.parameters():
            each.add_(0.3 * torch.randn_like(each))  # far from where it began
    z = 2 * torch.randn(200, latents, dtype=torch.float64)
    y = decoder(z)
    torch.testing.assert_close(decoder.left_inverse(y), z, rtol=1e-8, atol=1e-8)
    volume = log_volume(decoder, z, tolerance=1e-9)
    assert (volume.rank == latents).all()
    if latents == features:  # the flow alone: |det J| is the product of its scales, never 0
        torch.testing.assert_close(jacobian(decoder, z).det().abs().log(), volume.value, rtol=1e-6, atol=1e-6)
    spread = (y - decoder(torch.zeros(1, latents).double())).std(0)
    assert (spread > 1e-3).all()  # every feature moves with the latents


def test_a_dense_decoder_need_not_be_injective():
    """The counter-example: one unit of ReLU folds nothing to the left of its kink together."""
    decoder = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 3)).double()
    z = torch.linspace(-9, -8, 5, dtype=torch.float64)[:, None] * decoder[0].weight.sign().item()
    assert (decoder(z) == decoder(z[:1])).all()


def test_injective_autoencoders_are_built_and_checked():
    options = InjectiveOptions(latent_dim=3, decoders=2)
    torch.manual_seed(0)
    vae = build_injective(options, Shape(inputs=(2, 4), outputs=()), None)
    x = torch.rand(5, 2, 4)
    assert vae.decoders[1](vae(x)).shape == (5, 8)
    replicates = Replicates.from_modules([vae, vae])
    loss = bound_loss(vae, beta=1.0, decoders="chunks")
    values, _, _ = replicates.values_and_gradients(loss, {"x": x, "eps": torch.randn(5, 3)})
    assert torch.isfinite(values).all()
    with pytest.raises(OptionsError, match="decoder of 3 latents needs at least 3 features, and one row of 'x' has 2"):
        check_injective(options, Shape(inputs=(2,), outputs=()))


@pytest.mark.parametrize("activation", ["relu", "elu", "tanh", "softplus"])
def test_dense_networks_mirror_their_widths(activation):
    options = DenseOptions(latent_dim=2, decoders=1, hidden=(12, 7), activation=activation)
    vae = build_dense(options, Shape(inputs=(9,), outputs=()), None)
    widths = [each.out_features for each in (*vae.encoder, *vae.decoders[0]) if isinstance(each, nn.Linear)]
    assert widths == [12, 7, 4, 7, 12, 9]
