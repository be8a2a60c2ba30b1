"""What trained latents are read against: the inputs themselves, and the encoders before training."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from identify_core import Context, RunSubject
from identify_mtlcm.evaluators.alignment import Array

INPUTS, UNTRAINED = "inputs", "untrained encoder"

_ROWS_AT_ONCE = 8192


def reference_latents(run: RunSubject, rows: Array, context: Context) -> Iterator[tuple[str, Array]]:
    """Name and latents (n, d') of each reference that the run has.

    The inputs count where they are vectors no wider than twice the true latents, so that a matching means something;
    the encoder is replicate 0 as it was drawn.

    Args:
        run: whose samples and model are taken.
        rows: of the samples, (n,).
        context: of the evaluator.
    """
    samples = run.samples
    x = samples.tensor("x")[torch.as_tensor(rows)]
    width = sum(name.startswith("z-") for name in samples.factors)
    if x.ndim == 2 and x.shape[1] <= 2 * width:
        yield INPUTS, x.double().numpy()
    if run.model_name:
        module = context.build_model(run.shape, replicate=0).to(context.device).eval()
        with torch.no_grad():
            blocks = [module(block.to(context.device, context.dtype)).cpu() for block in torch.split(x, _ROWS_AT_ONCE)]
        yield UNTRAINED, torch.cat(blocks).double().numpy()
