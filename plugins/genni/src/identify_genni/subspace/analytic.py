"""The exact class of the networks f(x) = Σ_j u_j relu(w_j x): all their equivalent parameters in closed form.

Such a network is a₊ x for x > 0 and a₋ x for x < 0, with a₊ = Σ_j max(w_j, 0) u_j and a₋ = Σ_j min(w_j, 0) u_j. Two
of them are equal exactly where both slopes are, and J = m₊ (a₊ − a₊*)² + m₋ (a₋ − a₋*)², with m₊ = mean(max(x, 0)²)
and m₋ = mean(min(x, 0)²).
"""

from __future__ import annotations

import attrs
import numpy as np
import torch

from identify_genni.subspace.axes import Array


@attrs.frozen(kw_only=True)
class Slopes:
    """The slopes (a₊*, a₋*) of the target on the positive and on the negative half-line."""

    positive: float
    negative: float


def network_slopes(parameters: Array) -> Array:
    """(a₊, a₋) of parameters (..., 2h) in the order w_1 … w_h, u_1 … u_h; shape (..., 2)."""
    w, u = np.split(np.asarray(parameters), 2, axis=-1)
    positive, negative = np.maximum(w, 0) * u, np.minimum(w, 0) * u
    return np.stack([positive.sum(-1), negative.sum(-1)], axis=-1)


def slopes_loss(slopes: Array, target: Slopes, x: Array, share: Array) -> Array:
    """J of networks with slopes (..., 2) on inputs (n,), each with its share of the mean; shape (...)."""
    positive, negative = np.sum(share * np.maximum(x, 0) ** 2), np.sum(share * np.minimum(x, 0) ** 2)
    loss: Array = (
        positive * (slopes[..., 0] - target.positive) ** 2 + negative * (slopes[..., 1] - target.negative) ** 2
    )
    return loss


def recognise_slopes(
    outputs: torch.Tensor, parameters: torch.Tensor, x: torch.Tensor, y: torch.Tensor
) -> Slopes | None:
    """The target's slopes, if the networks and the target are of this kind; None where they are not.

    Nobody's word is taken for the architecture: the closed form is compared with what the networks put out.

    Args:
        outputs: of several networks, (m, n, *out).
        parameters: their parameters, (m, P).
        x: inputs (n, *in).
        y: targets (n, *out).
    """
    if x[0].numel() != 1 or y[0].numel() != 1 or parameters.shape[1] % 2:
        return None
    inputs, targets = x.double().cpu().reshape(-1).numpy(), y.double().cpu().reshape(-1).numpy()
    found = outputs.double().cpu().reshape(len(parameters), -1).numpy()
    slopes = network_slopes(parameters.double().cpu().numpy())
    expected = slopes[:, :1] * np.maximum(inputs, 0) + slopes[:, 1:] * np.minimum(inputs, 0)
    if not np.allclose(found, expected, rtol=0, atol=1e-5 * max(1e-30, float(np.abs(expected).max()))):
        return None
    halves = np.stack([np.maximum(inputs, 0), np.minimum(inputs, 0)], axis=1)
    fitted, *_ = np.linalg.lstsq(halves, targets, rcond=None)
    if not np.allclose(halves @ fitted, targets, rtol=0, atol=1e-5 * max(1e-30, float(np.abs(targets).max()))):
        return None
    return Slopes(positive=float(fitted[0]), negative=float(fitted[1]))
