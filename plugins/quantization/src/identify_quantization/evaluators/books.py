"""The evaluator `books`: which entries of the books are used, which are dead, and how far their order still holds."""

from __future__ import annotations

import numpy as np
import torch

from identify_core import Context, Finding, LabelledArray, OptionsError, Subject, Table
from identify_quantization.evaluators.networks import (
    ROWS_AT_ONCE,
    code_indices,
    split_images,
    trained_networks,
)
from identify_quantization.networks.latents import Finite, ScalarBooks, VectorBooks
from identify_quantization.options.evaluators import BooksOptions


def evaluate(options: BooksOptions, subject: Subject, context: Context) -> Finding:
    """Counts of the entries that the latents of one split take.

    Raises:
        OptionsError: the run's latents have no books.
    """
    run, replicates = trained_networks(subject.run, "books")
    latent = replicates.template.latent
    if not isinstance(latent, ScalarBooks | VectorBooks | Finite):
        raise OptionsError(
            f"books counts entries, and the latents of the run are {type(latent).__name__}",
            hint='it is for latents of the kinds "scalar-books", "vector-books" and "finite"',
        )
    column = split_images(run, options.split)
    indices = replicates.encode(column, code_indices, batch_size=ROWS_AT_ONCE, context=context).long().cpu()
    sizes = _sizes(latent)
    longest = max(sizes)
    counts = torch.zeros(replicates.count, latent.count, longest, dtype=torch.long)
    counts.scatter_add_(2, indices.mT.contiguous(), torch.ones_like(indices.mT))
    missing = torch.arange(longest) >= torch.tensor(sizes)[:, None]
    dead = ((counts == 0) & ~missing).sum(dim=2)
    arrays = {
        "counts": LabelledArray(
            values=counts.numpy(),
            dimensions=("replicate", "latent", "entry"),
            summary="images of the split whose latent takes the entry",
        )
    }
    rows = [
        (r, j, sizes[j], int(dead[r, j]), _perplexity(counts[r, j]))
        for r in range(replicates.count)
        for j in range(latent.count)
    ]
    if isinstance(latent, ScalarBooks):
        kept = replicates.parameters | replicates.buffers  # frozen books are buffers
        table = kept["latent.values"].detach().cpu().expand(-1, latent.count, -1)
        arrays["values"] = LabelledArray(
            values=np.where(missing.numpy(), np.nan, table.numpy()),
            dimensions=("replicate", "latent", "entry"),
            summary="the values of the books; NaN where a book has fewer",
        )
    total = sum(sizes) * replicates.count
    return Finding(
        summary=f"{int(dead.sum())} of {total} book entries are used by none of {len(column)} images",
        scalars={"dead-entries": int(dead.sum()), "dead-share": float(dead.sum()) / total},
        tables={
            "latents": Table(
                columns=("replicate", "latent", "entries", "dead", "perplexity"),
                rows=rows,
                caption=f"Use of the entries on the split {options.split}; the perplexity is how many equally frequent "
                "entries would have the same entropy.",
            )
        },
        arrays=arrays,
    )


def _sizes(latent: ScalarBooks | VectorBooks | Finite) -> list[int]:
    """How many entries each latent can take."""
    if isinstance(latent, ScalarBooks):
        sizes: list[int] = latent.sizes.tolist()
        return sizes
    return [latent.levels if isinstance(latent, Finite) else len(latent.values)] * latent.count


def _perplexity(counts: torch.Tensor) -> float:
    share = counts.double() / counts.sum()
    return float(torch.special.entr(share).sum().exp())
