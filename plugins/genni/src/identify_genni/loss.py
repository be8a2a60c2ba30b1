"""The distance in function space J between a network and its target, and the energy that it is compared with."""

from __future__ import annotations

from typing import Literal

import torch

from identify_core import Replicates, row_blocks

Reduction = Literal["mean", "batch-mean"]

_ROWS_AT_ONCE = 2048


def mean_squared_error(
    outputs: torch.Tensor, targets: torch.Tensor, *, reduction: Reduction = "mean", batch_size: int = 256
) -> torch.Tensor:
    """J(θ) = E_x |f(x; θ) − f*(x)|², averaged over samples and output dimensions.

    Args:
        outputs: f(x; θ), shape (..., n, *out); leading axes are kept.
        targets: f*(x), shape (n, *out).
        reduction: `mean` averages over all n samples; `batch-mean` is the unweighted mean of the means over consecutive
            batches of `batch_size`, the last of which may be shorter: the convention of the 2020 code (genni 1.0.3).
        batch_size: only for `batch-mean`.

    Returns:
        Shape (...): one value for each leading index.
    """
    error = (outputs - targets).square()
    error = error.flatten(start_dim=error.dim() - targets.dim() + 1) if targets.dim() > 1 else error.unsqueeze(-1)
    per_sample = error.mean(-1)
    if reduction == "mean":
        return per_sample.mean(-1)
    batches = torch.split(per_sample, batch_size, dim=-1)
    return torch.stack([batch.mean(-1) for batch in batches]).mean(0)


def target_energy(
    targets: torch.Tensor, *, reduction: Reduction = "mean", batch_size: int = 256, centred: bool = True
) -> torch.Tensor:
    """What J is compared with: Var(f*), the J of the best constant function; or E|f*|², the J of the zero function.

    Args:
        targets: f*(x), shape (n, *out).
        reduction: as in `mean_squared_error`.
        batch_size: as in `mean_squared_error`.
        centred: whether each output's mean is taken away first.

    Returns:
        A scalar tensor.
    """
    centre = targets.mean(0, keepdim=True) if centred else torch.zeros_like(targets[:1])
    return mean_squared_error(centre.expand_as(targets), targets, reduction=reduction, batch_size=batch_size)


def losses_of(
    replicates: Replicates,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    reduction: Reduction = "mean",
    batch_size: int = 256,
) -> torch.Tensor:
    """J of every replicate, in blocks of rows that bound the memory, in the replicates' present mode.

    Args:
        replicates: the networks f(·; θ_r).
        inputs: shape (n, ...).
        targets: f*(x), shape (n, *out).
        reduction: as in `mean_squared_error`.
        batch_size: as in `mean_squared_error`.

    Returns:
        Shape (R,), float64.
    """
    block = batch_size * max(1, _ROWS_AT_ONCE // batch_size)
    parts, weights = [], []
    with torch.no_grad():
        for rows in row_blocks(len(inputs), block):
            x, y = inputs[rows], targets[rows]
            part = mean_squared_error(replicates(x), y, reduction=reduction, batch_size=batch_size)
            parts.append(part.double())
            weights.append(len(x) if reduction == "mean" else -(-len(x) // batch_size))
    shares = torch.tensor(weights, dtype=torch.float64, device=parts[0].device)
    return (torch.stack(parts) * (shares / shares.sum())[:, None]).sum(0)
