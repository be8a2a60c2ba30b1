"""The networks of trained maps, and certified upper bounds of their Lipschitz constants."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

from identify_core import OptionsError


class MaxMin(nn.Module):
    """GroupSort of groups of two: the larger of each pair of entries, then the smaller; it keeps Euclidean lengths.

    Source: Anil, Lucas & Grosse, Sorting Out Lipschitz Function Approximation, ICML 2019, arXiv 1811.05381.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Entries (..., 2k) with each pair in descending order."""
        one, other = x[..., 0::2], x[..., 1::2]
        return torch.stack([torch.maximum(one, other), torch.minimum(one, other)], dim=-1).flatten(-2)


SLOPES = {nn.ReLU: 1.0, nn.ELU: 1.0, nn.SiLU: 1.0998394, nn.GELU: 1.1289042, nn.Sigmoid: 0.25}
"""The largest slope of each activation, rounded up."""

_LAYERS: dict[str, tuple[type[nn.Module], ...]] = {
    "linear": (),
    "relu": (nn.ReLU,),
    "study": (nn.ReLU, nn.ELU, nn.SiLU, nn.Sigmoid),
    "three-relu": (nn.ReLU, nn.ReLU, nn.ReLU),
    "four-sigmoid": (nn.Sigmoid, nn.Sigmoid, nn.Sigmoid, nn.Sigmoid),
    "orthogonal": (MaxMin, MaxMin),
}
_FREE = ("linear", "relu")
_POWER_ITERATIONS = 20


class SpectralLinear(nn.Linear):
    """A linear layer whose weight is divided by its spectral norm, found by power iteration from a fixed vector.

    Nothing is written while it is called, so that many of them can be stacked.
    """

    start: torch.Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.register_buffer("start", torch.randn(inputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer at rows x (b, inputs)."""
        return nn.functional.linear(x, self.normalised(), self.bias)

    def normalised(self) -> torch.Tensor:
        """The weight that is used."""
        v = self.start
        fixed = self.weight.detach()
        for _ in range(_POWER_ITERATIONS):
            u = nn.functional.normalize(fixed @ v, dim=0)
            v = nn.functional.normalize(fixed.T @ u, dim=0)
        return self.weight / torch.dot(u, self.weight @ v)


class StiefelLinear(nn.Module):
    """A linear layer whose weight, or its transpose, has orthonormal columns: a point of geoopt's Stiefel manifold.

    Lengths are kept where the layer widens and never grow where it narrows, so that its Lipschitz constant is 1.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        from geoopt import ManifoldParameter, Stiefel

        super().__init__()
        start = nn.init.orthogonal_(torch.empty(max(inputs, outputs), min(inputs, outputs)))
        self.point = ManifoldParameter(start, manifold=Stiefel())
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.wide = outputs >= inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer at rows x (b, inputs)."""
        return nn.functional.linear(x, self.normalised(), self.bias)

    def normalised(self) -> torch.Tensor:
        """The weight (outputs, inputs)."""
        weight: torch.Tensor = self.point if self.wide else self.point.T
        return weight


def build_map(network: str, inputs: int, outputs: int, hidden: int) -> nn.Sequential:
    """A network of `MapsOptions.network`, from torch's global generator.

    Raises:
        OptionsError: the hidden layers of an orthogonal network cannot be sorted in pairs.
    """
    if network == "orthogonal" and hidden % 2:
        raise OptionsError(f"hidden is {hidden}, and pairs of entries are sorted", hint="give an even number")
    layer = nn.Linear if network in _FREE else StiefelLinear if network == "orthogonal" else SpectralLinear
    widths = [inputs, *(hidden for _ in _LAYERS[network]), outputs]
    parts: list[nn.Module] = []
    for place, (one, other) in enumerate(pairwise(widths)):
        parts.append(layer(one, other))
        if place < len(_LAYERS[network]):
            parts.append(_LAYERS[network][place]())
    return nn.Sequential(*parts)


def lipschitz_bound(network: nn.Sequential) -> float:
    """An upper bound of the Lipschitz constant, Euclidean to Euclidean: exact layer norms times largest slopes."""
    bound = 1.0
    for part in network:
        if not isinstance(part, (*SLOPES, MaxMin)):
            weight = part.weight if type(part) is nn.Linear else part.normalised()  # type: ignore[operator]
            bound *= float(torch.linalg.matrix_norm(weight.detach().double(), 2))
        else:
            bound *= SLOPES.get(type(part), 1.0)  # sorted pairs keep lengths
    return bound if math.isfinite(bound) else math.inf
