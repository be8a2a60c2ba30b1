"""The objective `ica`: independent components of the latents of a stored run, which ends what an autoencoder began.

An autoencoder with weight decay, whitened and rotated to independent components, is a strong baseline: its latents are
often the factors up to a linear map.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from identify_core import Context, Finding, Latents, OptionsError, Replicates, Samples, Table
from identify_quantization.options.objectives import IcaOptions

Array = np.ndarray[Any, Any]
_FLOOR = 1e-6  # of the largest standard deviation: directions below it are not whitened


def separate(
    options: IcaOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Whiten each stored replicate and rotate it to independent components.

    Raises:
        OptionsError: the run has a model, which would not be used, or the stored run has no such latents.
        StoreError: there is no such run.
    """
    if replicates is not None:
        raise OptionsError(
            "ica works on a stored run: the model of this run would not be used", hint="leave the [model] table out"
        )
    stored = context.open_run(options.run)
    found = stored.latents
    if options.latents not in found:
        raise OptionsError(
            f"the run {options.run!r} has no latents {options.latents!r}; it has {', '.join(sorted(found))}",
            hint="name them with objective.latents",
        )
    latents = found[options.latents]
    if latents.count != context.count:
        raise OptionsError(
            f"the run {options.run!r} has {latents.count} replicates and this one {context.count}",
            hint=f"set replicates = {latents.count}",
        )
    values, rows = [], []
    for replicate in range(context.count):
        seed = int(context.streams.numpy("ica", replicate).integers(2**31))
        z = np.asarray(latents.values(replicate), dtype=np.float64)
        components, iterations, converged = independent_components(z, options, seed)
        values.append(torch.from_numpy(components).to(context.dtype))
        rows.append((replicate, components.shape[1], iterations, converged))
    failed = sum(not row[3] for row in rows)
    yield Finding(
        name="ica",
        summary=f"independent components of {options.latents} of {stored.id}",
        tables={
            "replicates": Table(
                columns=("replicate", "components", "iterations", "converged"), rows=rows, caption="How FastICA ended."
            )
        },
        warnings=(f"FastICA did not converge for {failed} of {len(rows)} replicates",) if failed else (),
    )
    yield Latents(
        name="z", values=values, split=latents.split, ids=latents.ids, summary="independent components, unit variance"
    )


def independent_components(z: Array, options: IcaOptions, seed: int) -> tuple[Array, int, bool]:
    """Whitened and rotated latents (n, k), the iterations taken, and whether they converged.

    Directions without variance are left out, so that k may be smaller than d.

    Args:
        z: latents, (n, d).
        options: how long and how far.
        seed: of FastICA's start.
    """
    centred = z - z.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    kept = size > _FLOOR * size.max(initial=0)
    white = left[:, kept] * np.sqrt(len(z))
    if white.shape[1] < 2:
        return white, 0, True
    ica = FastICA(whiten=False, max_iter=options.iterations, tol=options.tolerance, random_state=seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        components = np.asarray(ica.fit_transform(white))
    converged = not any(issubclass(each.category, ConvergenceWarning) for each in caught)
    return components, int(ica.n_iter_), converged
