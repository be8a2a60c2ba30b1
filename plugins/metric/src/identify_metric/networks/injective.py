"""The model `injective`: decoders that are embeddings whatever their weights: a lift and an invertible flow.

z (d) is lifted to Q z in D dimensions, Q with orthonormal columns, and carried on by affine couplings (Dinh et al.,
ICLR 2017, arXiv 1605.08803), each a smooth bijection of R^D with a smooth inverse. So the decoder is smooth and
injective, its Jacobian has full rank everywhere, and its left inverse on the image is Qᵀ of the flow's inverse: the
first condition of the theory holds by construction.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from identify_core import Context, OptionsError, Shape, dense_network
from identify_metric.networks.vae import EnsembleVae
from identify_metric.options.models import InjectiveOptions

_MOST = 1.5  # the largest log scale of a coupling


def check_injective(options: InjectiveOptions, shape: Shape) -> None:
    """Refuse what cannot be an embedding.

    Raises:
        OptionsError: there are more latents than features.
    """
    features = math.prod(shape.inputs) if shape.inputs else 0
    if features < max(2, options.latent_dim):
        raise OptionsError(
            f"an injective decoder of {options.latent_dim} latents needs at least {max(2, options.latent_dim)} "
            f"features, and one row of 'x' has {features}"
        )


def build_injective(options: InjectiveOptions, shape: Shape, context: Context) -> EnsembleVae:
    """A dense encoder and S flow decoders."""
    features = math.prod(shape.inputs)
    widths = [features, *options.hidden, 2 * options.latent_dim]
    return EnsembleVae(
        encoder=nn.Sequential(nn.Flatten(), *dense_network(widths, activation="elu")),
        decoder=lambda: FlowDecoder(
            options.latent_dim, features, couplings=options.couplings, hidden=options.coupling_units
        ),
        decoders=options.decoders,
        latents=options.latent_dim,
        features=features,
        law=options.law,
        sigma=options.sigma,
    )


class FlowDecoder(nn.Module):
    """A smooth embedding of R^d into R^D.

    Args:
        latents: d.
        features: D, at least d.
        couplings: affine couplings one after the other.
        hidden: units of the network of each.
    """

    lift: torch.Tensor

    def __init__(self, latents: int, features: int, *, couplings: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("lift", torch.linalg.qr(torch.randn(features, latents))[0])
        self.couplings = nn.ModuleList(_Coupling(features, number, hidden) for number in range(couplings))
        self.log_scale = nn.Parameter(torch.zeros(features))
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(n, d) -> (n, D)."""
        y = z @ self.lift.mT
        for coupling in self.couplings:
            y = coupling(y)
        return y * self.log_scale.exp() + self.shift

    def left_inverse(self, y: torch.Tensor) -> torch.Tensor:
        """The latents of points on the decoded surface, (n, D) -> (n, d); of others the latents of a nearby one."""
        y = (y - self.shift) * torch.exp(-self.log_scale)
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, _Coupling)
            y = coupling.inverse(y)
        z: torch.Tensor = y @ torch.linalg.pinv(self.lift).mT
        return z


class _Coupling(nn.Module):
    """Half of the coordinates scale and shift the others. Which half: one bit of a coordinate's number, in turns."""

    mask: torch.Tensor

    def __init__(self, features: int, number: int, hidden: int) -> None:
        super().__init__()
        bits = max(1, (features - 1).bit_length())
        kept = ((torch.arange(features) >> (number // 2 % bits)) + number) % 2
        self.register_buffer("mask", kept.to(torch.get_default_dtype()))
        self.net = nn.Sequential(*dense_network([features, hidden, 2 * features], activation="tanh"))
        last = self.net[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=0.1 / math.sqrt(hidden))
        nn.init.zeros_(last.bias)

    def _move(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log scale and shift, (n, D) each, 0 where the mask is 1."""
        raw, shift = self.net(y * self.mask).chunk(2, dim=1)
        free = 1 - self.mask
        return free * _MOST * torch.tanh(raw / _MOST), free * shift

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        log_scale, shift = self._move(y)
        return y * log_scale.exp() + shift

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        log_scale, shift = self._move(y)
        return (y - shift) * torch.exp(-log_scale)
