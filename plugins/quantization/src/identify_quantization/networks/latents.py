"""The latents between encoder and decoder: what the encoder gives, becomes codes.

Codes, indices and the straight-through value are kept apart. The straight-through sum x + (q − x) carries gradients and
is rounded: with trained books it takes many values next to those of the book, which leak what was quantised. It goes to
the decoder and nowhere else; what is stored and scored are indices and book values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from identify_quantization.options.networks import LatentOptions


class Code(NamedTuple):
    """The latents of a batch.

    Args:
        before: what the encoder gave, where it is comparable to the value, (b, outputs).
        value: what is stored: book values, means, or the latents themselves, (b, outputs).
        through: what the decoder is given, (b, outputs).
        indices: which entry of its book each latent is, (b, count), integers; None where there are no books.
        deviation: of a Gaussian, (b, count); None otherwise.
    """

    before: torch.Tensor
    value: torch.Tensor
    through: torch.Tensor
    indices: torch.Tensor | None = None
    deviation: torch.Tensor | None = None


class Latent(nn.Module):
    """What all latents have.

    Attributes:
        count: how many latents, n_z.
        inputs: width of what the encoder gives.
        outputs: width of what the decoder takes.
        quantised: whether a latent takes finitely many values.
    """

    quantised = False

    def __init__(self, count: int, *, inputs: int | None = None, outputs: int | None = None) -> None:
        super().__init__()
        self.count = count
        self.inputs = count if inputs is None else inputs
        self.outputs = count if outputs is None else outputs

    def forward(self, x: torch.Tensor, noise: torch.Tensor | None = None, *, draw: bool = False) -> Code | torch.Tensor:
        """What `encode` gives, or with `draw` what `draw` gives: parts of a replicate are called, not asked."""
        return self.draw(x) if draw else self.encode(x, noise)

    def encode(self, x: torch.Tensor, noise: torch.Tensor | None = None) -> Code:
        """Codes of a batch.

        Args:
            x: what the encoder gave, (b, inputs).
            noise: standard normal numbers (b, count) of a training step; without them nothing is drawn.
        """
        raise NotImplementedError

    def draw(self, uniform: torch.Tensor) -> torch.Tensor:
        """Latents of the prior, (b, outputs), from numbers between 0 and 1, (b, count)."""
        raise NotImplementedError


class Continuous(Latent):
    """What the encoder gives; the prior is uniform between 0 and 1."""

    def encode(self, x: torch.Tensor, noise: torch.Tensor | None = None) -> Code:
        return Code(x, x, x)

    def draw(self, uniform: torch.Tensor) -> torch.Tensor:
        return uniform


class Gaussian(Latent):
    """A mean and a deviation, softplus of the second half; the value is the mean, the decoder gets a draw."""

    def __init__(self, count: int) -> None:
        super().__init__(count, inputs=2 * count)

    def encode(self, x: torch.Tensor, noise: torch.Tensor | None = None) -> Code:
        mean, raw = x.chunk(2, dim=1)
        deviation = nn.functional.softplus(raw)
        through = mean if noise is None else mean + deviation * noise
        return Code(mean, mean, through, deviation=deviation)


class ScalarBooks(Latent):
    """Each latent is the nearest value of its own book, or of one that all share; the first of several as near.

    Books begin with evenly spaced values from −1/2 to 1/2, both ends included. The straight-through value hands the
    decoder's gradient to the encoder unchanged and none to the books.

    Args:
        sizes: how many values the book of each latent has.
        shared: whether all have one.
        learnable: whether the books are parameters; otherwise they are buffers.
    """

    quantised = True

    def __init__(self, sizes: Sequence[int], *, shared: bool, learnable: bool) -> None:
        super().__init__(len(sizes))
        books, longest = list(sizes)[: 1 if shared else None], max(sizes)
        values = torch.zeros(len(books), longest)
        for row, size in zip(values, books, strict=True):
            row[:size] = torch.linspace(-0.5, 0.5, size)
        self.register_buffer("missing", torch.arange(longest) >= torch.tensor(books)[:, None])
        self.register_buffer("sizes", torch.tensor(list(sizes)))
        self.missing: torch.Tensor
        self.sizes: torch.Tensor
        if learnable:
            self.values = nn.Parameter(values)
        else:
            self.register_buffer("values", values)

    def encode(self, x: torch.Tensor, noise: torch.Tensor | None = None) -> Code:
        x = x.to(self.values.dtype)
        distance = (x[..., None] - self.values).abs().masked_fill(self.missing, math.inf)
        index = distance.argmin(-1)
        value = self.look_up(index)
        return Code(x, value, x + (value - x).detach(), index)

    def look_up(self, index: torch.Tensor) -> torch.Tensor:
        """The values at indices (b, count), differentiable with respect to the books."""
        books = self.values.expand(len(index), self.count, self.values.shape[-1])
        return books.gather(2, index[..., None])[..., 0]

    def draw(self, uniform: torch.Tensor) -> torch.Tensor:
        """An entry of each book, every one as likely."""
        index = (uniform * self.sizes).long()
        return self.look_up(torch.minimum(index, self.sizes - 1))


class VectorBooks(Latent):
    """Each latent is the nearest row of one table, by squared Euclidean distance; rows are drawn from U(±√(3/width)).

    Args:
        count: how many latents.
        entries: rows of the table.
        width: numbers of a row.
    """

    quantised = True

    def __init__(self, count: int, *, entries: int, width: int) -> None:
        super().__init__(count, inputs=count * width, outputs=count * width)
        bound = math.sqrt(3 / width)
        self.values = nn.Parameter(torch.empty(entries, width).uniform_(-bound, bound))

    def encode(self, x: torch.Tensor, noise: torch.Tensor | None = None) -> Code:
        x = x.to(self.values.dtype)
        rows = x.reshape(len(x), self.count, -1)
        distance = self.values.square().sum(-1) - 2 * rows @ self.values.mT
        index = distance.argmin(-1)
        value = self.look_up(index)
        return Code(x, value, x + (value - x).detach(), index)

    def look_up(self, index: torch.Tensor) -> torch.Tensor:
        """The rows at indices (b, count), one after the other, (b, outputs)."""
        return self.values[index].flatten(1)

    def draw(self, uniform: torch.Tensor) -> torch.Tensor:
        """A row for each latent, every one as likely."""
        entries = len(self.values)
        return self.look_up((uniform * entries).long().clamp(max=entries - 1))


class Finite(Latent):
    """tanh, then rounding to one of evenly spaced values from −1 to 1 (Mentzer et al. 2024; Tripod, ICML 2024).

    Args:
        count: how many latents.
        levels: how many values.
    """

    quantised = True

    def __init__(self, count: int, *, levels: int) -> None:
        super().__init__(count)
        self.levels = levels

    def encode(self, x: torch.Tensor, noise: torch.Tensor | None = None) -> Code:
        bounded = torch.tanh(x)
        index = ((bounded + 1) / 2 * (self.levels - 1)).round()
        value = self._value(index)
        return Code(bounded, value, bounded + (value - bounded).detach(), index.long())

    def look_up(self, index: torch.Tensor) -> torch.Tensor:
        """The values at indices (b, count)."""
        return self._value(index.to(torch.get_default_dtype()))

    def draw(self, uniform: torch.Tensor) -> torch.Tensor:
        """A level for each latent, every one as likely."""
        return self._value((uniform * self.levels).floor().clamp(max=self.levels - 1))

    def _value(self, index: torch.Tensor) -> torch.Tensor:
        return 2 * index / (self.levels - 1) - 1


class NoisyClamp(Latent):
    """Cut off at ± clamp; in training noise is added to what the decoder gets.

    Args:
        count: how many latents.
        clamp: the limit.
        noise: the deviation.
    """

    def __init__(self, count: int, *, clamp: float, noise: float) -> None:
        super().__init__(count)
        self.clamp = clamp
        self.noise = noise

    def encode(self, x: torch.Tensor, noise: torch.Tensor | None = None) -> Code:
        value = x.clamp(-self.clamp, self.clamp)
        through = value if noise is None else value + self.noise * noise
        return Code(value, value, through)

    def draw(self, uniform: torch.Tensor) -> torch.Tensor:
        """Uniform between the limits."""
        return self.clamp * (2 * uniform - 1)


def build_latent(options: LatentOptions) -> Latent:
    """The latents that the options describe."""
    match options.kind:
        case "gaussian":
            return Gaussian(options.count)
        case "scalar-books":
            return ScalarBooks(options.book_sizes, shared=options.shared, learnable=options.learnable)
        case "vector-books":
            return VectorBooks(options.count, entries=options.entries, width=options.width)
        case "finite":
            return Finite(options.count, levels=options.levels)
        case "noisy-clamp":
            return NoisyClamp(options.count, clamp=options.clamp, noise=options.noise)
    return Continuous(options.count)
