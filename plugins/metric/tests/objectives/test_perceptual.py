"""The perceptual term against its formula, with random weights; and files that are not VGG16."""

from __future__ import annotations

import hashlib

import attrs
import pytest
import torch
from torch import nn

from identify_core import OptionsError, Replicates, RunError
from identify_core.testing.contexts import make_context
from identify_metric.networks.dense import build_dense
from identify_metric.objectives import perceptual
from identify_metric.objectives.elbo import bound_loss
from identify_metric.objectives.perceptual import Vgg16, load_vgg16, perceptual_distance, vgg16_of
from identify_metric.options.models import DenseOptions
from identify_metric.options.objectives import ElboOptions

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # their places in torchvision's `features`


@pytest.fixture(scope="module")
def vgg():
    """Random weights that keep the size of what passes: with torch's own the deep features would hardly count."""
    torch.manual_seed(0)
    network = Vgg16()
    for each in network.features:
        if isinstance(each, nn.Conv2d):
            nn.init.kaiming_normal_(each.weight, nonlinearity="relu")
    return network.eval().requires_grad_(False)


def test_the_network_has_the_parameters_of_vgg16(vgg):
    assert sum(each.numel() for each in vgg.parameters()) == 14_714_688  # as torchvision's features
    assert {name.split(".")[1] for name in vgg.state_dict()} == {str(each) for each in CONVOLUTIONS}
    assert [each.shape[1:] for each in vgg(torch.rand(1, 3, 32, 32))] == [
        *[(64, 32, 32)] * 2,
        *[(128, 16, 16)] * 2,
        *[(256, 8, 8)] * 3,
        *[(512, 4, 4)] * 3,
        *[(512, 2, 2)] * 3,
    ]


def test_the_term_is_the_sum_over_eight_taps_of_half_the_mean_squared_difference(vgg):
    """Layer by layer, with functional convolutions; conv3_3 counts twice."""
    x, y = torch.rand(2, 2, 3, 8, 8)
    shift, scale = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

    def features(image):
        h, found = (image - shift[:, None, None]) / scale[:, None, None], []
        for number, place in enumerate(CONVOLUTIONS[:7]):
            if number in (2, 4):
                h = nn.functional.max_pool2d(h, 2)
            layer = vgg.features[place]
            found.append(nn.functional.conv2d(h, layer.weight, layer.bias, padding=1))
            h = found[-1].relu()
        return [*found, found[-1]]

    pairs = zip(features(x), features(y), strict=True)
    terms = [0.5 * ((a - b) ** 2).mean((1, 2, 3)) for a, b in pairs]
    expected = sum(terms)
    assert bool((terms[-1] > 1e-3 * expected).all())  # so that the second count of conv3_3 is seen
    torch.testing.assert_close(perceptual_distance(vgg, x, y), expected)
    assert perceptual_distance(vgg, x, x).tolist() == [0, 0]


def test_the_term_is_added_to_the_bound_and_moves_the_decoders(vgg):
    torch.manual_seed(0)
    replicates = Replicates.from_modules(
        [build_dense(DenseOptions(latent_dim=2, decoders=2, hidden=(8,)), _shape(), None) for _ in "ab"]
    )
    batch = {"x": torch.rand(4, 3, 8, 8), "eps": torch.randn(4, 2)}
    plain = bound_loss(replicates.template, beta=1.0, decoders="chunks")
    with_term = bound_loss(replicates.template, beta=1.0, decoders="chunks", vgg=vgg, perceptual=2.0)
    values, before, _ = replicates.values_and_gradients(plain, batch)
    totals, after, terms = replicates.values_and_gradients(with_term, batch)
    torch.testing.assert_close(totals, values + 2 * terms["perceptual"])
    assert not torch.allclose(before["decoders.0.1.weight"], after["decoders.0.1.weight"])


def _shape():
    from identify_core import Shape

    return Shape(inputs=(3, 8, 8), outputs=())


def test_other_weights_and_missing_ones_are_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("IDENTIFY_DATA", raising=False)
    with pytest.raises(RunError, match=r"there is no vgg16-397923af\.pth") as found:
        load_vgg16(ElboOptions(perceptual=1.0, perceptual_folder=str(tmp_path)), make_context(tmp_path / "run"))
    assert "objective.download = true" in found.value.hint
    with pytest.raises(RunError, match="does not hold the convolutions of VGG16"):
        vgg16_of({"features.0.weight": torch.zeros(64, 1, 3, 3)}, "file")


def test_weights_are_downloaded_on_request_checked_and_frozen(tmp_path, monkeypatch, serve, vgg):
    """From a server of this machine: random weights under torchvision's names, with a classifier that is left out."""
    assert perceptual.WEIGHTS.url == "https://download.pytorch.org/models/vgg16-397923af.pth"
    assert perceptual.WEIGHTS.sha256.startswith("397923af")  # torchvision's name holds its first digits
    (tmp_path / "server").mkdir()
    file = tmp_path / "server" / perceptual.WEIGHTS.name
    torch.save({**vgg.state_dict(), "classifier.0.weight": torch.zeros(2, 2)}, file)
    published = attrs.evolve(
        perceptual.WEIGHTS,
        url=f"{serve(file.parent)}/{file.name}",
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        size=file.stat().st_size,
    )
    monkeypatch.setattr(perceptual, "WEIGHTS", published)
    options = ElboOptions(perceptual=1.0, perceptual_folder=str(tmp_path / "mine"), download=True)
    found = load_vgg16(options, make_context(tmp_path / "run"))
    assert (tmp_path / "mine" / file.name).is_file()
    assert not any(each.requires_grad for each in found.parameters())
    x, y = torch.rand(2, 1, 3, 8, 8)
    torch.testing.assert_close(perceptual_distance(found, x, y), perceptual_distance(vgg, x, y))
    monkeypatch.setattr(perceptual, "WEIGHTS", attrs.evolve(published, sha256="0" * 64))
    with pytest.raises(RunError, match="is not what it should be: its SHA-256"):
        load_vgg16(options, make_context(tmp_path / "run"))


def test_images_without_colours_are_refused(tmp_path):
    from identify_metric.datasets.digits import make_digits
    from identify_metric.objectives.elbo import train
    from identify_metric.options.data import DigitsOptions

    context = make_context(tmp_path, count=1)
    samples = make_digits(DigitsOptions(), context)
    options = DenseOptions(latent_dim=2, decoders=2, hidden=(8,))
    replicates = Replicates.from_modules([build_dense(options, samples.shape, None)])
    with pytest.raises(OptionsError, match=r"compares colour images .* has the shape \(64,\)"):
        list(train(ElboOptions(perceptual=1.0), replicates, samples, context))
