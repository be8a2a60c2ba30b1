"""The networks equal the study's, written out layer by layer in plain functions of torch; sizes are the paper's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - the name that everybody knows

from identify_core import IdentifyError, Shape
from identify_quantization.networks.autoencoder import (
    Autoencoder,
    build_dense,
    build_image,
    build_image_small,
    build_style_image,
    build_style_image_small,
    check_dense,
    check_image,
    pixels,
)
from identify_quantization.networks.blocks import transposed
from identify_quantization.options.networks import DenseOptions, ImageOptions, LatentOptions, StyleImageOptions

BUILDERS = {
    "image": (build_image, ImageOptions),
    "image-small": (build_image_small, ImageOptions),
    "style-image": (build_style_image, StyleImageOptions),
    "style-image-small": (build_style_image_small, StyleImageOptions),
}


def make(name: str, side: int = 32, count: int = 5, **options) -> Autoencoder:
    build, kind = BUILDERS[name]
    torch.manual_seed(0)
    module = build(kind(latent=LatentOptions(count=count), **options), Shape(inputs=(3, side, side), outputs=()), None)
    return module.double()


def numbers(module: torch.nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize(
    ("name", "encoder", "decoder"),
    [("style-image", 3_684_524, 3_967_136), ("image-small", 6_958_476, None)],
)
def test_parameter_counts_are_the_studys(name: str, encoder: int, decoder: int | None) -> None:
    module = make(name, side=64, count=12)
    assert numbers(module.encoder) == encoder
    assert decoder is None or numbers(module.decoder) == decoder


def plain_encoder(weights: Iterator[torch.Tensor], x: torch.Tensor, kernels: list[int], dense: int) -> torch.Tensor:
    for kernel in kernels:
        x = F.conv2d(x, next(weights), stride=1 if kernel == 3 else 2, padding=1)
        x = F.leaky_relu(F.instance_norm(x, weight=next(weights), bias=next(weights), eps=1e-6), 0.2)
    x = x.flatten(1)
    for _ in range(dense):
        x = F.relu(F.linear(x, next(weights), next(weights)))
    return F.linear(x, next(weights), next(weights))


def plain_generator(weights: Iterator[torch.Tensor], z: torch.Tensor, kernels: list[int], dense: int) -> torch.Tensor:
    for _ in range(dense + 1):
        z = F.relu(F.linear(z, next(weights), next(weights)))
    channels = 256 if len(kernels) == 12 else 512
    x = z.reshape(len(z), channels, 2, 2)
    for kernel in kernels:
        x = F.conv_transpose2d(x, next(weights), stride=1 if kernel == 3 else 2, padding=1)
        x = F.leaky_relu(F.instance_norm(x, weight=next(weights), bias=next(weights), eps=1e-6), 0.2)
    return F.conv2d(x, next(weights))


def plain_style(weights: Iterator[torch.Tensor], z: torch.Tensor, kernels: list[int], dense: int) -> torch.Tensor:
    constant = next(weights)
    for _ in range(dense):
        z = F.relu(F.linear(z, next(weights), next(weights)))
    x = constant.repeat(len(z), 1, 1, 1)
    for kernel in kernels:
        x = F.leaky_relu(F.conv_transpose2d(x, next(weights), stride=1 if kernel == 3 else 2, padding=1), 0.2)
        x = F.instance_norm(x, eps=1e-6)
        style = F.relu(F.linear(z, next(weights), next(weights)))
        half = style.shape[1] // 2
        x = style[:, :half, None, None] * x + style[:, half:, None, None]
    return F.conv2d(x, next(weights), padding=1)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_forward_pass_and_gradient_equal_plain_functions(name: str) -> None:
    module = make(name)
    x = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    kernels, dense = ([4] * 4, 1) if name.endswith("small") else ([3, 3, 4] * 4, 2)
    decode = plain_style if name.startswith("style") else plain_generator
    for each in module.parameters():  # away from the norms' own ones and zeros
        each.data += 0.1 * torch.randn_like(each)
    ours = module(x)
    z = plain_encoder(iter(list(module.encoder.parameters())), x, kernels, dense)
    theirs = decode(iter(list(module.decoder.parameters())), z, kernels, dense)
    torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=1e-9)
    weights = list(module.parameters())
    for mine, plain in zip(
        torch.autograd.grad(ours.square().mean(), weights),
        torch.autograd.grad(theirs.square().mean(), weights),
        strict=True,
    ):
        torch.testing.assert_close(mine, plain, rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize("form", ["linear", "one-plus"])
def test_style_forms_differ_from_the_studys_by_what_they_say(form: str) -> None:
    studied, other = make("style-image-small"), make("style-image-small", style=form)
    other.load_state_dict(studied.state_dict())
    z = torch.rand(2, 5, dtype=torch.float64)
    assert not torch.allclose(studied.decoder(z), other.decoder(z))
    for block, reference in zip(other.decoder.blocks, studied.decoder.blocks, strict=True):
        # With scales and shifts that are not negative, `linear` is the study's, and `one-plus` adds the map once more.
        for each in (block, reference):
            torch.nn.init.zeros_(each.style.weight)
            torch.nn.init.ones_(each.style.bias)
    expected = 1.0 if form == "linear" else 2.0
    block, reference = other.decoder.blocks[0], studied.decoder.blocks[0]
    x, w = torch.rand(2, 512, 2, 2, dtype=torch.float64), torch.rand(2, 512, dtype=torch.float64)
    torch.testing.assert_close(block(x, w) - 1, expected * (reference(x, w) - 1))


def test_transposed_convolutions_are_drawn_by_input_channels() -> None:
    torch.manual_seed(0)
    weight = transposed(64, 8, 4).weight.detach()
    assert 0.9 / (64 * 16) ** 0.5 < float(weight.abs().max()) <= 1 / (64 * 16) ** 0.5


def test_style_decoder_begins_with_a_constant_of_a_tenth() -> None:
    constant = make("style-image").decoder.constant
    torch.testing.assert_close(constant, torch.full_like(constant, 0.1))
    assert constant.requires_grad


def test_dense_equals_plain_functions() -> None:
    torch.manual_seed(0)
    options = DenseOptions(widths=(7, 6), latent=LatentOptions(count=3))
    module = build_dense(options, Shape(inputs=(2, 4, 4), outputs=()), None).double()
    x = torch.rand(5, 2, 4, 4, dtype=torch.float64)

    def blocks(weights: Iterator[torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        for width in (7, 6):
            y = F.linear(y, next(weights), next(weights))
            y = F.relu(F.layer_norm(y, (width,), next(weights), next(weights), 1e-5))
        return F.linear(y, next(weights), next(weights))

    z = blocks(iter(list(module.encoder.parameters())), x.flatten(1))
    logits = blocks(iter(list(module.decoder.parameters())), z).reshape(x.shape)
    torch.testing.assert_close(module(x), logits)


def test_bytes_are_read_as_parts_of_255() -> None:
    x = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    torch.testing.assert_close(pixels(x, torch.float32), torch.tensor([[0.0, 0.2, 1.0]]))
    module = make("image-small")
    pictures = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(module(pictures), module(pictures.double() / 255))


def test_norms_compute_in_float32_under_autocast() -> None:
    build, kind = BUILDERS["image-small"]
    module = build(kind(latent=LatentOptions(kind="scalar-books")), Shape(inputs=(3, 32, 32), outputs=()), None)
    seen = {}

    def note(name: str):
        def hook(module, given, gave) -> None:
            seen[name] = gave.value.dtype if hasattr(gave, "value") else gave.dtype

        return hook

    module.encoder.trunk[0].register_forward_hook(note("convolution"))
    module.encoder.trunk[1].register_forward_hook(note("norm"))
    module.latent.register_forward_hook(note("books"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        module(torch.rand(2, 3, 32, 32))
    assert seen == {"convolution": torch.bfloat16, "norm": torch.float32, "books": torch.float32}


@pytest.mark.parametrize("inputs", [(3, 30, 32), (3, 16, 16), (784,)])
def test_sizes_that_image_networks_cannot_take_are_refused(inputs: tuple[int, ...]) -> None:
    with pytest.raises(IdentifyError, match=r"multiples of 16, at least 32"):
        check_image(ImageOptions(), Shape(inputs=inputs, outputs=()))


def test_inputs_of_no_size_are_refused() -> None:
    with pytest.raises(IdentifyError, match="nothing to encode"):
        check_dense(DenseOptions(), Shape(inputs=(), outputs=()))
