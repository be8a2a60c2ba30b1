"""The matrix: what every latent knows of every factor, by the estimator that the options name."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np

from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array
from identify_measures.information.bins import bin_latents, said
from identify_measures.information.counts import counted_information
from identify_measures.information.neighbours import neighbour_information
from identify_measures.inputs import InputError
from identify_measures.options.information import MatrixOptions


@attrs.frozen(kw_only=True, eq=False)
class Information:
    """Mutual information in nats.

    Args:
        values: of latent i and factor j, shape (d, F), at least 0.
        entropies: of the factors, shape (F,).
        latent_entropies: of the latents, shape (d,); None where latents are real numbers, whose entropy is not finite.
        notes: what could mislead about the estimates.
    """

    values: Array
    entropies: Array
    latent_entropies: Array | None
    notes: tuple[str, ...]

    def normalised(self, by: Literal["sources", "latents", "none"] = "sources") -> Array:
        """The information in units of an entropy, shape (d, F); NaN where that entropy is 0.

        Raises:
            InputError: latents that are real numbers have no entropy to divide by.
        """
        if by == "none":
            return self.values
        if by == "latents" and self.latent_entropies is None:
            raise InputError(
                "latents that are real numbers have no finite entropy to divide by",
                hint="choose an estimator that counts, or normalise by sources",
            )
        unit = self.entropies[None, :] if by == "sources" else np.asarray(self.latent_entropies)[:, None]
        ratio: Array = np.divide(self.values, unit, out=np.full_like(self.values, np.nan), where=unit > 0)
        return ratio


def mutual_information(study: Study, options: MatrixOptions, *, seed: int = 0) -> Information:
    """The mutual information of every latent with every factor, all pairs at once, on the latents' device.

    Args:
        study: latents and factors; a factor counts by its classes.
        options: the estimator, its bins and its neighbours.
        seed: of the jitter of neighbours.

    Raises:
        InputError: symbols have no neighbours.
    """
    labels = [factor.labels for factor in study.truth]
    if options.estimator == "neighbours":
        if study.symbols:
            raise InputError("symbols have no neighbours", hint="use the estimator 'plug-in' for them")
        values = neighbour_information(study.codes, labels, options.neighbours, seed=seed, device=study.device)
        entropies = counted_information(np.zeros((study.n, 1), np.int64), labels, "plug-in", study.device)[2]
        return Information(values=values, entropies=entropies, latent_entropies=None, notes=())
    states, notes = (study.states(), ()) if study.symbols else bin_latents(study.codes, options.bins)
    values, of_latents, of_factors = counted_information(states, labels, options.estimator, study.device)
    return Information(values=values, entropies=of_factors, latent_entropies=of_latents, notes=notes)


def describe(study: Study, options: MatrixOptions) -> str:
    """The estimator in words, for a score."""
    if options.estimator == "neighbours":
        how = f"{options.neighbours} nearest neighbours (Ross 2014)"
        return f"information by {how}, standardised latents, in nats, all rows"
    name = {
        "plug-in": "plug-in estimate",
        "miller-madow": "Miller–Madow estimate",
        "permutation": "plug-in estimate less its expectation over permutations",
    }[options.estimator]
    latents = "latents read as symbols" if study.symbols else f"{said(options.bins)} a latent"
    return f"{latents}, {name} in nats, all rows"
