"""The baseline `group-sparse`: a multi-task regression whose heads use few latents, task by task and altogether."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import torch

from identify_core import Context, Finding, LabelledArray, Latents, Replicates, Samples
from identify_mtlcm.objectives.mtrn import heads_finding, representation_latents
from identify_mtlcm.objectives.regression import Regression, train_regression
from identify_mtlcm.objectives.rows import rows_named
from identify_mtlcm.objectives.sparsity import SparseGroups
from identify_mtlcm.options.baselines import GroupSparseOptions


def train(
    options: GroupSparseOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Train encoder and heads under a sparse group lasso on the heads; keep the heads and `z`.

    Where every task depends on few latents and their supports differ enough, sparse heads identify the latents up to
    permutation and scaling (Lachapelle et al., ICML 2023, theorem 3.1).

    Raises:
        OptionsError: the run has no model, or the options or the data do not fit.
    """
    if replicates is not None:
        rows_named(samples, options.keep)
    penalty = SparseGroups(entries=options.entry_penalty, groups=options.group_penalty)
    regression = train_regression(options, replicates, samples, context, penalty=penalty)
    assert replicates is not None
    yield _finding(options, replicates, regression)
    latents = representation_latents(options, replicates, samples, context, keep=options.keep)
    yield attrs.evolve(
        latents,
        name="z",
        identified_up_to="permutation-scaling",
        summary="the representation of the regression with sparse heads",
    )


def _finding(options: GroupSparseOptions, replicates: Replicates, regression: Regression) -> Finding:
    """The heads, with which weights are zero."""
    found = heads_finding(options, replicates, regression)
    weights = torch.stack([each.weights for each in regression.heads])
    used = weights != 0
    return attrs.evolve(
        found,
        summary=f"{found.summary}; {float(used.double().mean()):.0%} of the head weights are not zero",
        scalars={
            **found.scalars,
            "weights-used": float(used.double().mean()),
            "latents-used": int(used.any(1).sum(1).min()),
        },
        arrays={
            **found.arrays,
            "used": LabelledArray(
                values=used.cpu().numpy(),
                dimensions=("replicate", "task", "latent"),
                summary="which head weights are not zero",
            ),
        },
    )
