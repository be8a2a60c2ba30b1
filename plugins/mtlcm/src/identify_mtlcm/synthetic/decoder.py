"""The frozen network that observes latents in the nonlinear case, and whether it keeps every direction of them."""

from __future__ import annotations

import itertools
from typing import Literal

import attrs
import torch
from torch import nn

from identify_core import ACTIVATIONS, Streams
from identify_mtlcm.options.synthetic import NonlinearOptions

_NUMBERS_AT_ONCE = 2**22
_MOST_JACOBIANS = 256
_NOTHING_LEFT = 1e-10
_GAINS: dict[str, Literal["relu", "leaky_relu", "tanh", "linear"]] = {
    "relu": "relu",
    "leaky-relu": "leaky_relu",
    "tanh": "tanh",
    "softplus": "relu",
    "identity": "linear",
}


def build_decoder(options: NonlinearOptions, streams: Streams) -> nn.Sequential:
    """The decoder f: d latents to D features, in float64, drawn in float32 as torch does by default.

    The study's: Linear(d, D), ReLU, Linear(D, D).
    """
    width = options.decoder_width or options.observed
    sizes = [options.latents, *[width] * options.decoder_layers, options.observed]
    with streams.as_global("data/decoder"):
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            if layers:
                layers.append(ACTIVATIONS[options.decoder_activation]())
            layers.append(_dense(before, after, options))
    return nn.Sequential(*layers).to(torch.float64).requires_grad_(False).eval()


def decode(decoder: nn.Module, z: torch.Tensor) -> torch.Tensor:
    """The features (n, D) of latents (n, d), in blocks that bound the memory of the layers in between."""
    widest = max(parameter.shape[0] for parameter in decoder.parameters())
    with torch.no_grad():
        return torch.cat([decoder(part) for part in torch.split(z, max(1, _NUMBERS_AT_ONCE // widest))])


@attrs.frozen(kw_only=True)
class DecoderGrip:
    """How firmly a decoder holds the latents at sampled points.

    Args:
        condition: median over the points of the Jacobian's largest over its smallest singular value.
        collapsed: the part of the points where some direction of the latents does not change the features.
    """

    condition: float
    collapsed: float


def measure_grip(decoder: nn.Sequential, z: torch.Tensor) -> DecoderGrip:
    """Singular values of the decoder's Jacobian at up to 256 of the latents (n, d), evenly spread over the rows.

    Where the Jacobian has full column rank the decoder is injective around that point; where not, it is not.
    """
    rows = torch.linspace(0, len(z) - 1, min(len(z), _MOST_JACOBIANS)).long()
    jacobians = _jacobians(decoder, z[rows])
    values = torch.linalg.svdvals(jacobians)
    largest, smallest = values[:, 0], values[:, -1]
    gone = (smallest <= _NOTHING_LEFT * largest) | (jacobians.shape[1] < jacobians.shape[2])
    condition = torch.where(gone, torch.inf, largest / smallest).median()
    return DecoderGrip(condition=float(condition), collapsed=float(gone.double().mean()))


def _jacobians(decoder: nn.Sequential, z: torch.Tensor) -> torch.Tensor:
    """df/dz at each row, (m, D, d), carried forward layer by layer; importing torch.func would take a second."""
    jacobians = torch.eye(z.shape[1], dtype=z.dtype).expand(len(z), -1, -1)
    for layer in decoder:
        if isinstance(layer, nn.Linear):
            jacobians = layer.weight @ jacobians
            z = layer(z)
            continue
        before = z.detach().requires_grad_()
        after = layer(before)
        (slopes,) = torch.autograd.grad(after.sum(), before)
        jacobians = slopes.unsqueeze(-1) * jacobians
        z = after.detach()
    return jacobians


def _dense(before: int, after: int, options: NonlinearOptions) -> nn.Linear:
    layer = nn.Linear(before, after, dtype=torch.float32)
    if options.decoder_initialisation == "he":
        nn.init.kaiming_normal_(layer.weight, nonlinearity=_GAINS[options.decoder_activation])
    return layer
