"""Losses that many objectives share, in the form that `fit` takes."""

from __future__ import annotations

import torch

from identify_core.replicates import Batch, Call, Loss, pure


def squared_error(inputs: str = "x", targets: str = "y") -> Loss:
    """The mean over batch and output dimensions of (call(inputs) - targets)².

    Args:
        inputs: the column of inputs.
        targets: the column of targets.
    """

    @pure
    def loss(call: Call, batch: Batch) -> torch.Tensor:
        return torch.nn.functional.mse_loss(call(batch[inputs]), batch[targets])

    return loss
