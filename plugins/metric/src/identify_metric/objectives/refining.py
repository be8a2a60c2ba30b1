"""Latents moved from what an encoder says of an input to where the decoders explain it best under the prior."""

from __future__ import annotations

import torch

from identify_core import Context, Interrupted, MappedColumn, Replicates, minimise, row_blocks
from identify_metric.networks.vae import EnsembleVae, negative_log_likelihood

_ROWS_AT_ONCE = 256


def refine_latents(
    replicates: Replicates,
    z: torch.Tensor,
    x: torch.Tensor | MappedColumn,
    *,
    beta: float,
    iterations: int,
    context: Context,
) -> torch.Tensor:
    """Minimise Σ_s −log p_s(x | z) / S + β |z|² / 2 over z, row by row, from the encoder's means, (R, n, d).

    What is left between both is the amortisation gap (Cremer, Li & Duvenaud, ICML 2018, arXiv 1801.03558): an encoder
    is not the inverse of its decoder, and replicates disagree by that, too.

    Args:
        replicates: of autoencoders.
        z: where to begin, (R, n, d).
        x: inputs, (n, ...).
        beta: weight of the prior, as in training.
        iterations: of L-BFGS at most.
        context: of the run, which may be interrupted.

    Raises:
        Interrupted: the user stopped the run.
    """
    found = torch.empty_like(z)
    with context.progress("refine latents", len(z) * z.shape[1], "latents") as bar:
        for number in range(replicates.count):
            module = replicates.module(number).eval().requires_grad_(False)
            assert isinstance(module, EnsembleVae)
            for rows in row_blocks(z.shape[1], _ROWS_AT_ONCE):
                block = x[rows] if isinstance(x, torch.Tensor) else x.take(rows)
                found[number, rows] = _refined(module, z[number, rows], block.to(z), beta, iterations)
                bar.advance(rows.stop - rows.start)
                if context.should_stop():
                    raise Interrupted("stopped while latents were refined", hint="`identify resume` refines them again")
    return found


def _refined(module: EnsembleVae, z: torch.Tensor, x: torch.Tensor, beta: float, iterations: int) -> torch.Tensor:
    flat = x.flatten(1)

    def objective(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        misfits = [
            negative_log_likelihood(flat[rows], decode(points), module.log_sigma, module.law)
            for decode in module.decoders
        ]
        return torch.stack(misfits).mean(0) + beta / 2 * points.square().sum(1)

    return minimise(objective, z.detach(), iterations=iterations).points
