"""The models: encoder, latents and decoder in one module, with the study's networks, large and small."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import torch
from torch import nn

from identify_core import Context, OptionsError, Shape
from identify_quantization.networks.blocks import Style, StyleForm, convolution_blocks, dense_blocks
from identify_quantization.networks.latents import Code, Latent, build_latent
from identify_quantization.options.networks import DenseOptions, ImageOptions, StyleImageOptions

_DISCRIMINATOR = (1000,) * 5


@attrs.frozen(kw_only=True)
class Size:
    """The layers of an image network, in the encoder's order.

    Args:
        widths: channels of each convolution.
        kernels: its kernel, 3 (same size) or 4 (half the size).
        dense: units of the dense layers between maps and latents.
    """

    widths: tuple[int, ...]
    kernels: tuple[int, ...]
    dense: tuple[int, ...]

    @property
    def factor(self) -> int:
        """By how much the sides of an image shrink."""
        return 1 << sum(kernel == 4 for kernel in self.kernels)


LARGE = Size(
    widths=tuple(width for width in (32, 64, 128, 256) for _ in range(3)), kernels=(3, 3, 4) * 4, dense=(256, 256)
)
SMALL = Size(widths=(64, 128, 256, 512), kernels=(4,) * 4, dense=(512,))


class Encoder(nn.Module):
    """A trunk, a linear head for the latents, and for a GAN a linear value on the same trunk.

    Args:
        trunk: images (n, ...) to features (n, features).
        features: their width.
        outputs: width of what it gives to the latents.
        critic: whether it has a value.
    """

    def __init__(self, trunk: nn.Sequential, features: int, outputs: int, *, critic: bool) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(features, outputs)
        self.value = nn.Linear(features, 1) if critic else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (n, C, H, W) to what the latents are made from, (n, outputs)."""
        encoded: torch.Tensor = self.head(self.trunk(pixels(x, self.head.weight.dtype)))
        return encoded


class Generator(nn.Module):
    """Transposed convolutions from latents to logits: dense, a map, blocks with norms, a 1×1 convolution.

    Args:
        latents: width of the input.
        shape: of the images, (C, H, W).
        size: of the layers.
    """

    def __init__(self, latents: int, shape: tuple[int, ...], size: Size) -> None:
        super().__init__()
        self.map = (size.widths[-1], shape[1] // size.factor, shape[2] // size.factor)
        self.dense = nn.Sequential(*dense_blocks(latents, (*size.dense, math.prod(self.map))))
        blocks = convolution_blocks(self.map[0], size.widths[::-1], size.kernels, up=True)
        self.maps = nn.Sequential(*blocks, nn.Conv2d(size.widths[0], shape[0], 1, bias=False))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(n, latents) to logits (n, C, H, W)."""
        logits: torch.Tensor = self.maps(self.dense(z).reshape(len(z), *self.map))
        return logits


class StyleGenerator(nn.Module):
    """A learned constant whose maps the latents scale and shift in every block, a 3×3 convolution at the end.

    Args:
        latents: width of the input.
        shape: of the images, (C, H, W).
        size: of the layers.
        form: of scales and shifts.
    """

    def __init__(self, latents: int, shape: tuple[int, ...], size: Size, form: StyleForm) -> None:
        super().__init__()
        self.dense = nn.Sequential(*dense_blocks(latents, size.dense))
        start = (size.widths[-1], shape[1] // size.factor, shape[2] // size.factor)
        self.constant = nn.Parameter(torch.full(start, 0.1))
        inputs, blocks = start[0], []
        for width, kernel in zip(size.widths[::-1], size.kernels, strict=True):
            blocks.append(Style(inputs, width, kernel, size.dense[-1], form))
            inputs = width
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Conv2d(inputs, shape[0], 3, padding=1, bias=False)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(n, latents) to logits (n, C, H, W)."""
        style = self.dense(z)
        x = self.constant.expand(len(z), *self.constant.shape)
        for block in self.blocks:
            x = block(x, style)
        logits: torch.Tensor = self.last(x)
        return logits


class Autoencoder(nn.Module):
    """Encoder, latents and decoder; losses call these parts.

    Args:
        encoder: images to what the latents are made from.
        latent: the latents.
        decoder: latents to logits of the images.
        discriminator: whether there is a discriminator of latents, with two logits.
    """

    def __init__(self, encoder: Encoder, latent: Latent, decoder: nn.Module, *, discriminator: bool) -> None:
        super().__init__()
        self.encoder = encoder
        self.latent = latent
        self.decoder = decoder
        self.discriminator = _discriminator(latent.outputs) if discriminator else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images (n, C, H, W), uint8 or from 0 to 1, to the logits of their reconstruction, of the same shape."""
        code: Code = self.latent(self.encoder(x))
        logits: torch.Tensor = self.decoder(code.through)
        return logits


def pixels(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Images from 0 to 1: uint8 is divided by 255, anything else taken as it is."""
    return x if x.is_floating_point() else x.to(dtype) / 255


def build_dense(options: DenseOptions, shape: Shape, context: Context) -> Autoencoder:
    """Dense layers with layer norm and ReLU on both sides."""
    latent = build_latent(options.latent)
    image, last = shape.inputs, options.widths[-1]
    trunk = nn.Sequential(nn.Flatten(), *dense_blocks(math.prod(image), options.widths, norm=True))
    decoder = nn.Sequential(
        *dense_blocks(latent.outputs, options.widths, norm=True),
        nn.Linear(last, math.prod(image)),
        nn.Unflatten(1, image),
    )
    encoder = Encoder(trunk, last, latent.inputs, critic=options.critic)
    return Autoencoder(encoder, latent, decoder, discriminator=options.discriminator)


def build_image(options: ImageOptions, shape: Shape, context: Context) -> Autoencoder:
    """The large image networks."""
    latent = build_latent(options.latent)
    decoder = Generator(latent.outputs, shape.inputs, LARGE)
    return _with_image_encoder(options, shape, latent, decoder, LARGE)


def build_image_small(options: ImageOptions, shape: Shape, context: Context) -> Autoencoder:
    """The small image networks."""
    latent = build_latent(options.latent)
    decoder = Generator(latent.outputs, shape.inputs, SMALL)
    return _with_image_encoder(options, shape, latent, decoder, SMALL)


def build_style_image(options: StyleImageOptions, shape: Shape, context: Context) -> Autoencoder:
    """The large image encoder with the large style decoder: the study's default."""
    latent = build_latent(options.latent)
    decoder = StyleGenerator(latent.outputs, shape.inputs, LARGE, options.style)
    return _with_image_encoder(options, shape, latent, decoder, LARGE)


def build_style_image_small(options: StyleImageOptions, shape: Shape, context: Context) -> Autoencoder:
    """The small image encoder with the small style decoder."""
    latent = build_latent(options.latent)
    decoder = StyleGenerator(latent.outputs, shape.inputs, SMALL, options.style)
    return _with_image_encoder(options, shape, latent, decoder, SMALL)


def _with_image_encoder(
    options: ImageOptions | StyleImageOptions, shape: Shape, latent: Latent, decoder: nn.Module, size: Size
) -> Autoencoder:
    maps = (size.widths[-1], shape.inputs[1] // size.factor, shape.inputs[2] // size.factor)
    trunk = nn.Sequential(
        *convolution_blocks(shape.inputs[0], size.widths, size.kernels, up=False),
        nn.Flatten(),
        *dense_blocks(math.prod(maps), size.dense),
    )
    encoder = Encoder(trunk, size.dense[-1], latent.inputs, critic=options.critic)
    return Autoencoder(encoder, latent, decoder, discriminator=options.discriminator)


def _discriminator(latents: int, widths: Sequence[int] = _DISCRIMINATOR) -> nn.Sequential:
    """Kim & Mnih, ICML 2018, appendix B: dense layers with leaky ReLU, two logits."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(latents, width), nn.LeakyReLU(0.2)]
        latents = width
    return nn.Sequential(*layers, nn.Linear(latents, 2))


def check_dense(options: DenseOptions, shape: Shape) -> None:
    """Any images or vectors will do.

    Raises:
        OptionsError: there are no inputs.
    """
    if not shape.inputs or math.prod(shape.inputs) == 0:
        raise OptionsError(f"the inputs have the shape {shape.inputs}, so there is nothing to encode")


def check_image(options: ImageOptions | StyleImageOptions, shape: Shape) -> None:
    """Images whose sides can be halved four times, with more than one pixel left.

    Raises:
        OptionsError: they are of another size.
    """
    sides = shape.inputs[1:]
    if len(shape.inputs) != 3 or any(side % LARGE.factor or side < 2 * LARGE.factor for side in sides):
        raise OptionsError(
            f"one input has the shape {shape.inputs}; the image networks take (channels, height, width) with sides "
            f"that are multiples of {LARGE.factor}, at least {2 * LARGE.factor}",
            hint="resize the images, or take the model `dense`",
        )
