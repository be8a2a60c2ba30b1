"""The objective `reconstruction`: train autoencoders to give back their inputs, then keep what they encode."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from identify_core import Adam, Batch, Call, Context, Finding, Latents, OptionsError, Replicates, Samples, Table, fit

from identify_your_plugin.options import ReconstructionOptions


def squared_error(call: Call, batch: Batch) -> torch.Tensor:
    """The loss of one replicate on one batch; `call(x)` runs its network."""
    return torch.nn.functional.mse_loss(call(batch["x"]), batch["x"])


def reconstruct(
    options: ReconstructionOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Train all replicates in place, then keep their latents of the test split.

    Where two replicates reconstruct every sample alike, D z = D' z'. The decoder D has full column rank, so that
    z = D⁺ D' z': the latents are identified up to an invertible linear map. A run in which a replicate has not
    arrived claims nothing.

    Raises:
        OptionsError: the run has no model.
    """
    if replicates is None:
        raise OptionsError("reconstruction trains networks, but this run has no model", hint="add a [model] table")
    train = samples.split("train").to(context.device, context.dtype).tensor("x")
    test = samples.split("test").to(context.device, context.dtype).tensor("x")
    fit(  # logs, checkpoints, resumes and stops by itself
        replicates.train(),
        squared_error,
        {"x": train},
        optimiser=Adam(learning_rate=options.learning_rate),
        steps=options.steps,
        batch_size=options.batch_size,
        order="shuffled",
        context=context,
    )
    replicates.eval()
    unexplained = unexplained_variance(replicates, test)
    worst = float(unexplained.max())
    if not worst <= options.tolerance:
        context.warn(f"a replicate leaves {worst:.2g} of the variance unexplained, so that nothing is claimed")
    yield Latents(
        name="latents",
        values=replicates.activations(test, names=["encoder"])["encoder"],
        split="test",
        identified_up_to="linear" if worst <= options.tolerance else "",
        summary="what the encoder gives for each test sample",
    )
    yield Finding(
        name="outcome",
        summary=f"at most {worst:.2g} of the variance of the test split is left unexplained",
        scalars={"unexplained": worst},
        tables={"replicates": Table(columns=("replicate", "unexplained"), rows=list(enumerate(unexplained.tolist())))},
    )


def unexplained_variance(replicates: Replicates, x: torch.Tensor) -> torch.Tensor:
    """The part of the variance of x (n, d) that each replicate does not reconstruct, (R,)."""
    with torch.no_grad():
        error = (replicates(x) - x).square().sum((1, 2))
    return error / (x - x.mean(0)).square().sum()
