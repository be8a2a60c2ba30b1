"""The loss of the multi-task regression: half the mean squared error over observed targets, and its penalties."""

from __future__ import annotations

import torch

from identify_core import Batch, Call, Loss, pure


def half_squared_error(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Half the mean of (prediction − target)² over the targets that are there; NaN targets neither add nor count.

    Args:
        predictions: any shape.
        targets: of the same shape.
    """
    seen = ~targets.isnan()
    error = torch.where(seen, predictions - targets.nan_to_num(), 0.0)
    return error.square().sum() / (2 * seen.sum().clamp_min(1))


def covariance_penalty(h: torch.Tensor, *, centred: bool) -> torch.Tensor:
    """A quarter of the mean squared deviation of the covariance of h (n, d) from 1, and of its mean from 0.

    Every representation can be brought to it by a map that the heads leave free: it changes no function that the
    network can compute. That map is affine where heads have biases. Without them it is linear, and `centred` must be
    False: then the second moment is held to 1, and the mean is free.
    """
    width = h.shape[1]
    mean = h.mean(0)
    rows = h - mean if centred else h
    deviation = rows.T @ rows / len(h) - torch.eye(width, dtype=h.dtype, device=h.device)
    value = deviation.square().sum() / (4 * width)
    return value + mean.square().mean() / 4 if centred else value


def regression_loss(*, covariance: float, encoder: float, biases: bool, reconstruction: float = 0.0) -> Loss:
    """The loss of a `MultiTaskNetwork`, its own penalty included, on columns `x`, `y` and, where rows have one, `task`.

    Args:
        covariance: weight of `covariance_penalty`.
        encoder: half of it multiplies the sum of the encoder's squared weights.
        biases: whether the heads have them.
        reconstruction: weight of half the mean squared error of the decoded inputs.
    """

    @pure
    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        predictions, h, head_penalty, encoder_squares, lost = call(batch["x"], batch.get("task"))
        error = half_squared_error(predictions, batch["y"])
        value = error + head_penalty
        if covariance:
            value = value + covariance * covariance_penalty(h, centred=biases)
        if reconstruction:
            value = value + reconstruction * lost
        if encoder:
            value = value + encoder / 2 * encoder_squares
        return value, {"half-squared-error": error}

    return loss
