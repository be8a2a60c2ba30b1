"""Linear heads, one a task, on a shared encoder."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn


class TaskHeads(nn.Module):
    """Predictions of T tasks from one representation: W h + b, a row of W for each task.

    Args:
        count: T.
        width: of the representation, d.
        biases: whether there is a b.
    """

    def __init__(self, count: int, width: int, *, biases: bool) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)  # torch's own for a dense layer, as in the study
        self.weight = nn.Parameter(torch.empty(count, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(count).uniform_(-bound, bound)) if biases else None

    def forward(self, h: torch.Tensor, task: torch.Tensor | None = None) -> torch.Tensor:
        """Every task's prediction (n, T); with `task` (n,), each row's own task alone, (n,).

        The rows' own heads are gathered, so that no (n, T) matrix is made: with T = 500, d = 20 and batches of 1024
        that takes a third of the time of all products, forwards and backwards on a CPU; with T = 200, d = 10 as much.
        """
        if task is None:
            return nn.functional.linear(h, self.weight, self.bias)
        prediction = (h * self.weight[task]).sum(-1)
        return prediction if self.bias is None else prediction + self.bias[task]


class MultiTaskNetwork(nn.Module):
    """An encoder with one head a task.

    Args:
        encoder: x (n, ...) -> h (n, d).
        heads: on h.
        penalty: on the weights of the heads, differentiable.
        decoder: h (n, d) -> x (n, D), or None.
    """

    def __init__(
        self,
        encoder: nn.Module,
        heads: TaskHeads,
        penalty: Callable[[torch.Tensor], torch.Tensor],
        decoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = heads
        self.penalty = penalty
        self.decoder = decoder

    def forward(
        self, x: torch.Tensor, task: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Predictions as `TaskHeads` gives them, the representation (n, d), and three numbers.

        They are the penalty on the heads, the sum of the squares of the encoder's weights, its biases left out, and
        half the mean squared error of the decoded inputs, 0 without a decoder.
        """
        h = self.encoder(x)
        weights = [each.square().sum() for each in self.encoder.parameters() if each.ndim > 1]
        encoder = torch.stack(weights).sum() if weights else h.new_zeros(())
        lost = h.new_zeros(()) if self.decoder is None else nn.functional.mse_loss(self.decoder(h), x) / 2
        return self.heads(h, task), h, self.penalty(self.heads.weight), encoder, lost
