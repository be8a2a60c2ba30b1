"""The model `conv`: the study's four convolutional autoencoders, with its strides, paddings and resizings.

Decoders enlarge an image by repeating pixels before convolutions of stride 1, as the study's do: an argument that was
meant as padding is the stride there. Rows are flattened channels first; the study's order is height, width, channels.
"""

from __future__ import annotations

import math

import attrs
import torch
from torch import nn

from identify_core import Context, OptionsError, Shape
from identify_metric.networks.vae import EnsembleVae
from identify_metric.options.models import Architecture, ConvOptions, Law

_TRUNCATED = 0.87962566103423978  # standard deviation of a standard normal number that is cut at ±2


@attrs.frozen(kw_only=True)
class Plan:
    """One architecture.

    Args:
        inputs: channels, height and width of an image.
        encoder: (channels, kernel, stride) of each convolution.
        padding: of the encoder: 1 at every side, or as much as keeps ⌈n / stride⌉ pixels (`same`).
        summary: units of a layer between the last convolution and the posterior; 0 for none.
        linear: units of the decoder's linear layers.
        start: channels, height and width of what the decoder's last linear layer gives.
        decoder: (channels, kernel, enlargement before it) of each convolution.
        last: whether an ELU follows the decoder's last convolution, too.
    """

    inputs: tuple[int, int, int]
    encoder: tuple[tuple[int, int, int], ...]
    padding: str = "one"
    summary: int = 0
    linear: tuple[int, ...]
    start: tuple[int, int, int]
    decoder: tuple[tuple[int, int, int], ...]
    last: bool = False


PLANS: dict[Architecture, Plan] = {
    "fashion-mnist": Plan(
        inputs=(1, 28, 28),
        encoder=((16, 3, 2), (32, 3, 2), (64, 3, 2), (128, 3, 2), (256, 3, 2)),
        linear=(1024,),
        start=(256, 2, 2),
        decoder=((128, 3, 2), (64, 3, 1), (32, 3, 2), (16, 3, 2), (1, 3, 2)),
        last=True,
    ),
    "cifar10": Plan(
        inputs=(3, 32, 32),
        encoder=((16, 3, 2), (32, 3, 2), (64, 3, 2), (128, 3, 2), (512, 3, 2)),
        linear=(1024,),
        start=(256, 2, 2),
        decoder=((64, 2, 1), (32, 3, 2), (16, 3, 2), (8, 3, 2), (3, 3, 2)),
    ),
    "celeba": Plan(
        inputs=(3, 64, 64),
        encoder=((32, 3, 2), (64, 3, 2), (128, 3, 2), (256, 3, 2), (512, 3, 2)),
        linear=(2048,),
        start=(512, 2, 2),
        decoder=((256, 3, 1), (128, 3, 2), (64, 3, 2), (32, 3, 2), (16, 3, 2), (8, 3, 2), (3, 3, 1)),
    ),
    "celeba-perceptual": Plan(
        inputs=(3, 64, 64),
        encoder=((128, 4, 1), (128, 4, 2), (256, 4, 2), (256, 4, 2), (256, 4, 1)),
        padding="same",
        summary=256,
        linear=(256, 4096),
        start=(64, 8, 8),
        decoder=((64, 4, 1), (64, 4, 2), (64, 4, 2), (32, 4, 2), (3, 4, 1)),
    ),
}


def check_conv(options: ConvOptions, shape: Shape) -> None:
    """Refuse images of another shape than the architecture's.

    Raises:
        OptionsError: one row of `x` has another shape.
    """
    wanted = PLANS[options.architecture].inputs
    if shape.inputs != wanted:
        fitting = [name for name, plan in PLANS.items() if plan.inputs == shape.inputs]
        raise OptionsError(
            f"the architecture {options.architecture!r} takes images of the shape {wanted}, and one row of 'x' has "
            f"{shape.inputs}",
            hint=f'set model.architecture = "{fitting[0]}"' if fitting else 'model.type = "dense" takes any shape',
        )


def build_conv(options: ConvOptions, shape: Shape, context: Context) -> EnsembleVae:
    """An encoder and S decoders of one architecture, with the study's initialisation."""
    plan = PLANS[options.architecture]
    vae = EnsembleVae(
        encoder=_encoder(plan, 2 * options.latent_dim),
        decoder=lambda: _decoder(plan, options.latent_dim, options.law),
        decoders=options.decoders,
        latents=options.latent_dim,
        features=math.prod(plan.inputs),
        law=options.law,
        sigma=options.sigma,
    )
    vae.apply(_initialise)
    return vae


def _encoder(plan: Plan, outputs: int) -> nn.Sequential:
    channels, side, _ = plan.inputs
    layers: list[nn.Module] = []
    for out, kernel, stride in plan.encoder:
        low, high = (1, 1) if plan.padding == "one" else same_padding(side, kernel, stride)
        layers += [nn.ZeroPad2d((low, high, low, high)), nn.Conv2d(channels, out, kernel, stride), nn.ELU()]
        channels, side = out, (side + low + high - kernel) // stride + 1
    layers.append(nn.Flatten())
    width = channels * side**2
    if plan.summary:
        layers += [nn.Linear(width, plan.summary), nn.ELU()]
        width = plan.summary
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def _decoder(plan: Plan, latents: int, law: Law) -> nn.Sequential:
    layers: list[nn.Module] = []
    width = latents
    for units in plan.linear:
        layers += [nn.Linear(width, units), nn.ELU()]
        width = units
    layers.append(nn.Unflatten(1, plan.start))
    channels, side, _ = plan.start
    for number, (out, kernel, larger) in enumerate(plan.decoder):
        last = number == len(plan.decoder) - 1
        if larger > 1:
            side *= larger
            layers.append(Resize(side))
        low, high = same_padding(side, kernel, 1)
        layers.append(nn.ZeroPad2d((low, high, low, high)))
        layers.append(nn.Conv2d(channels, 2 * out if last and law == "gaussian-network" else out, kernel))
        if not last or (plan.last and law == "gaussian"):  # logits and log σ are not cut at −1
            layers.append(nn.ELU())
        channels = out
    if side != plan.inputs[1]:
        layers.append(Resize(plan.inputs[1]))
    return nn.Sequential(*layers, nn.Flatten())


class Resize(nn.Module):
    """The nearest pixel of an image for each pixel of another size: row ⌊(i + ½) n_in / n_out⌋, as XLA resizes.

    Args:
        side: height and width of the result.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, H, W) -> (n, C, side, side)."""
        there = x.shape[-1]
        if self.side % there == 0:
            return nn.functional.interpolate(x, scale_factor=float(self.side // there), mode="nearest")
        chosen = (torch.arange(self.side, device=x.device) * 2 + 1) * there // (2 * self.side)
        return x.index_select(2, chosen).index_select(3, chosen)  # torch's nearest-exact knows no vmap


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after a row so that ⌈side / stride⌉ pixels result, as XLA adds them: the odd one after.

    Example:
        >>> same_padding(64, 4, 1), same_padding(64, 4, 2), same_padding(2, 2, 1)
        ((1, 2), (1, 1), (0, 1))
    """
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def _initialise(module: nn.Module) -> None:
    """Weights of variance 1 / fan-in, drawn from a normal law that is cut at two standard deviations; biases 0.

    Source: Flax's default (`lecun_normal`), which the study's networks have.
    """
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        std = math.sqrt(1 / module.weight[0].numel()) / _TRUNCATED
        nn.init.trunc_normal_(module.weight, std=std, a=-2 * std, b=2 * std)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
