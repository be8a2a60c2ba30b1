"""The true latents of a run's samples, and the rows of its latents among them."""

from __future__ import annotations

import attrs
import numpy as np
import torch

from identify_core import OptionsError, Representation, Samples
from identify_mtlcm.evaluators.alignment import Array


@attrs.frozen(kw_only=True, eq=False)
class Truth:
    """What is known of synthetic samples.

    Args:
        latents: z, (n, d).
        task: of each row, (n,); None where every row belongs to all tasks.
        noisy: the inputs under the inverse of the true mixing, (n, d); None where there is no noise or no mixing.
        causal: c, (T, d), bool; None where it is not known.
        gamma: (T, d), in the units of the latents; None where it is not known.
        ids: of the rows.
    """

    latents: Array
    task: Array | None
    noisy: Array | None
    causal: Array | None
    gamma: Array | None
    ids: Array

    def rows_of(self, representation: Representation) -> Array:
        """Which rows the latents of a representation are, (m,).

        Raises:
            OptionsError: they have ids that no sample has.
        """
        order = np.argsort(self.ids, kind="stable")
        places = np.searchsorted(self.ids, representation.ids, sorter=order).clip(max=len(order) - 1)
        rows: Array = order[places]
        if not np.array_equal(self.ids[rows], representation.ids):
            raise OptionsError(f"the latents {representation.latents!r} have rows that the samples do not have")
        return rows


def truth_of(samples: Samples) -> Truth:
    """The truth that samples carry.

    Raises:
        OptionsError: their latents are not known.
    """
    names = sorted((name for name in samples.factors if name.startswith("z-")), key=lambda name: int(name[2:]))
    if not names:
        raise OptionsError(
            "the true latents of these samples are not known, so that nothing can be said of their recovery",
            hint="take a dataset that makes them, such as linear or nonlinear, or compare replicates: identify compare",
        )
    truths = {name: array.values for name, array in samples.truths.items()}
    task, noisy = samples.columns.get("task"), samples.columns.get("noisy-latents")
    return Truth(
        latents=np.stack([samples.factors[name].values for name in names], axis=1).astype(np.float64),
        task=task.numpy() if isinstance(task, torch.Tensor) else None,
        noisy=noisy.double().numpy() if isinstance(noisy, torch.Tensor) else None,
        causal=truths.get("causal"),
        gamma=truths.get("gamma"),
        ids=samples.ids,
    )
