"""Options of the measures that are computed from kernels, distances, neighbours and ranks of the samples."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, option


@attrs.frozen
class SampleOptions:
    """What every measure of this family can be asked for next to its value."""

    interval: bool = option(True, help="Give a 95 % interval by a jackknife over blocks of rows.")


@attrs.frozen
class GaussianOptions(SampleOptions):
    """The options of `rbf-cka`."""

    factor: float = option(
        1.0,
        help="t: the kernel's width σ is t times the square root of the median squared distance.",
        source="Kornblith, Norouzi, Lee & Hinton 2019, arXiv 1905.00414, section 3.1: 0.2 to 0.8",
        limit=above(0.0),
    )
    sigma: float | None = option(
        None, help="An absolute width σ in place of the median's; scales then matter.", limit=above(0.0)
    )
    debiased: bool = option(False, help="Estimate every term without bias, after Székely and Rizzo.")


@attrs.frozen
class MinibatchOptions(SampleOptions):
    """The options of `minibatch-cka`."""

    batch: int = option(
        256,
        help="Rows a batch; a short last batch is dropped.",
        source="Nguyen, Raghu & Kornblith 2021, arXiv 2010.15327, appendix A",
        limit=at_least(4),
    )
    shuffle: bool = option(True, help="Make batches of random rows; otherwise of rows in the order given.")


@attrs.frozen
class RsaOptions(SampleOptions):
    """The options of `rsa`."""

    dissimilarity: Literal["correlation", "cosine", "euclidean", "squared-euclidean"] = option(
        "correlation",
        help="How different two samples are; correlation is 1 − r over the columns of their rows.",
        source="Kriegeskorte, Mur & Bandettini 2008, Frontiers in Systems Neuroscience 2:4",
    )
    comparison: Literal["spearman", "pearson", "cosine", "kendall", "whitened-cosine"] = option(
        "spearman",
        help="How the dissimilarities of all pairs are compared; kendall is tau-a.",
        source="Nili et al. 2014, PLoS Computational Biology 10(4); Diedrichsen et al. 2021, arXiv 2007.02789",
    )
    pairs: int = option(
        50_000_000,
        help="Pairs of samples up to which spearman and kendall use all of them; above, a random sample of so many.",
        limit=at_least(1000),
    )


@attrs.frozen
class DissimilaritiesOptions:
    """The options of `dissimilarities`."""

    comparison: Literal["spearman", "pearson", "cosine", "kendall", "whitened-cosine"] = option(
        "spearman",
        help="How the dissimilarities of all pairs are compared; kendall is tau-a.",
        source="Nili et al. 2014, PLoS Computational Biology 10(4); Diedrichsen et al. 2021, arXiv 2007.02789",
    )


@attrs.frozen
class NeighbourOptions(SampleOptions):
    """The options of `mutual-knn` and `jaccard`."""

    k: int = option(
        10,
        help="Neighbours of a sample; at most the number of rows less one.",
        source="Huh, Cheung, Wang & Isola 2024, arXiv 2405.07987, section 3",
        limit=at_least(1),
    )
    similarity: Literal["cosine", "inner-product", "euclidean"] = option(
        "cosine", help="Which samples are near: the largest cosine or inner product, or the smallest distance."
    )


@attrs.frozen
class CknnaOptions:
    """The options of `cknna`."""

    k: int = option(10, help="Neighbours of a sample; at most the number of rows less one.", limit=at_least(2))
    chance_draws: int = option(
        2, help="Random pairings of the rows from which chance is estimated; 0 for none.", limit=at_least(0)
    )


@attrs.frozen
class DistanceCorrelationOptions(SampleOptions):
    """The options of `distance-correlation`."""


@attrs.frozen
class RankMatchingOptions(SampleOptions):
    """The options of `spearman-mcc`."""

    held_out: bool = option(
        False, help="Match latents on the first half of the rows in a fixed random order and correlate on the other."
    )
    chance_draws: int = option(
        0, help="Random pairings of the rows from which chance is estimated; 0 for none.", limit=at_least(0)
    )


@attrs.frozen
class PermutationOptions(SampleOptions):
    """The options of `permutation-metric` and `permutation-distance`."""

    centred: bool = option(True, help="Take the mean of every latent off first.")
    chance_draws: int = option(
        0, help="Random pairings of the rows from which chance is estimated; 0 for none.", limit=at_least(0)
    )
