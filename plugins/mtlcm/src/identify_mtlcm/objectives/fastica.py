"""The baseline `fastica`: independent components of a representation, by scikit-learn's FastICA."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from identify_core import Context, Finding, Latents, Replicates, Samples, Table
from identify_mtlcm.objectives.representations import represent_samples
from identify_mtlcm.objectives.whitening import LinearMap, Spread, map_arrays, mapped_latents
from identify_mtlcm.options.baselines import FastIcaOptions


def separate(
    options: FastIcaOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Rotate each whitened representation to independent, non-Gaussian components; keep `h` and `z`.

    Linear independent component analysis identifies sources up to permutation and scaling if they are independent and
    at most one is Gaussian (Comon 1994); tasks play no part in it.

    Raises:
        OptionsError: the representation does not fit, or has fewer directions than components are wanted.
    """
    representation = represent_samples(options, replicates, samples, context)
    maps, rows = [], []
    for replicate in range(context.count):
        whitening = Spread.of(representation, replicate).whitening(zca=False, components=options.components)
        blocks = representation.read(replicate, representation.fitted)
        white = torch.cat([whitening(h) for h in blocks])
        seed = context.streams.derive("fastica", replicate) % 2**32
        rotation, iterations, converged = _rotation(white.cpu().numpy(), options, seed)
        matrix = torch.from_numpy(rotation).to(whitening.matrix) @ whitening.matrix
        maps.append(LinearMap(matrix=matrix, centre=whitening.centre))
        rows.append((replicate, iterations, converged))
    yield from representation.findings
    failed = [number for number, _, converged in rows if not converged]
    said = (
        f"FastICA did not converge within {options.iterations} iterations for {len(failed)} of {len(rows)} replicates "
        f"({', '.join(map(str, failed))}): their components are those of the last iteration"
    )
    yield Finding(
        name="fastica",
        summary=f"{len(maps[0].matrix)} components; {len(rows) - len(failed)} of {len(rows)} replicates converged",
        scalars={
            "components": len(maps[0].matrix),
            "converged": len(rows) - len(failed),
            "representation": representation.source,
        },
        tables={
            "replicates": Table(
                columns=("replicate", "iterations", "converged"), rows=rows, caption="How FastICA ended."
            )
        },
        arrays=map_arrays(maps),
        conventions={"rows": "fitted on the training rows, whitened", "scale": "components have unit variance"},
        warnings=(said,) if failed else (),
    )
    yield from mapped_latents(maps, representation, samples, context, split=options.keep, claim="permutation-scaling")


def _rotation(
    white: np.ndarray[tuple[int, ...], np.dtype[np.float64]], options: FastIcaOptions, seed: int
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], int, bool]:
    """The rotation (k, k) of whitened rows (n, k) to independent components, the iterations, and whether it converged.

    Signs are such that each row's largest entry is positive. One component needs no rotation.
    """
    count = white.shape[1]
    if count == 1:
        return np.ones((1, 1)), 0, True
    ica = FastICA(
        algorithm=options.algorithm,
        whiten=False,
        fun=options.contrast,
        max_iter=options.iterations,
        tol=options.tolerance,
        random_state=seed,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ica.fit(white)
    converged = not any(issubclass(each.category, ConvergenceWarning) for each in caught)
    for each in caught:
        if not issubclass(each.category, ConvergenceWarning):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    rotation = np.asarray(ica.components_, dtype=np.float64)
    largest = np.take_along_axis(rotation, np.abs(rotation).argmax(1)[:, None], 1)
    return rotation * np.sign(largest), int(ica.n_iter_), converged
