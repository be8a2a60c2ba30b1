"""Measures computed from kernels, distances, neighbours and ranks of the samples, and matchings of single latents."""

from __future__ import annotations

import math
from typing import Any

from identify_measures.catalogue.record import Measure, Touch
from identify_measures.options.linear import PairOptions
from identify_measures.options.samplewise import (
    CknnaOptions,
    DistanceCorrelationOptions,
    GaussianOptions,
    MinibatchOptions,
    NeighbourOptions,
    PermutationOptions,
    RankMatchingOptions,
    RsaOptions,
)

_EVALUATORS = "identify_measures.evaluators.samplewise"

_FEW: tuple[Touch, ...] = ("repeated rows", "few rows")
_MATCHED: tuple[Touch, ...] = ("repeated rows", "constant latents", "few rows")

_KORNBLITH = "Kornblith, Norouzi, Lee & Hinton 2019, arXiv 1905.00414"


def _measure(name: str, *, module: str, estimate: str, linear: bool = False, **facts: Any) -> Measure:
    function = name.replace("-", "_")
    family = "identify_measures.evaluators.linear"
    return Measure(
        name=name,
        family="samples",
        target=f"{_EVALUATORS}:{function}",
        prepare=f"{family if linear else _EVALUATORS}:prepare",
        estimate=f"{family if linear else _EVALUATORS}:{estimate}",
        function=f"identify_measures.samplewise.{module}:{function}",
        **facts,
    )


SAMPLES = (
    _measure(
        name="rbf-cka",
        touched_by=_FEW,
        module="cka",
        estimate="estimate_tiles",
        options=GaussianOptions,
        summary="CKA with a Gaussian kernel whose width follows the median distance.",
        definition=(
            "HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)) with K_ij = exp(−|x_i − x_j|² / 2σ²), σ² = t² median |x_i − x_j|² "
            "over all n² pairs; not below 0 where it is biased"
        ),
        source=f"{_KORNBLITH}, section 3",
        larger_is="more similar",
        bounds=(-1.0, 1.0),
        invariant_to=("similarity",),
    ),
    _measure(
        name="minibatch-cka",
        module="cka",
        estimate="estimate_minibatches",
        options=MinibatchOptions,
        summary="Linear CKA from unbiased estimates summed over minibatches.",
        definition=(
            "Σ HSIC_u(K_i, L_i) / √(Σ HSIC_u(K_i, K_i) Σ HSIC_u(L_i, L_i)) over equal random batches, a short "
            "last one dropped"
        ),
        source="Nguyen, Raghu & Kornblith 2021, arXiv 2010.15327, equation 4",
        larger_is="more similar",
        bounds=(-1.0, 1.0),
        invariant_to=("similarity",),
    ),
    _measure(
        name="rsa",
        module="rsa",
        estimate="estimate_rsa",
        options=RsaOptions,
        summary="Representational similarity analysis: how alike the dissimilarities of all pairs of samples are.",
        definition=(
            "the Spearman, Pearson, cosine or Kendall correlation of the upper triangles of two dissimilarity matrices"
        ),
        source="Kriegeskorte, Mur & Bandettini 2008, Frontiers in Systems Neuroscience 2:4",
        larger_is="more similar",
        bounds=(-1.0, 1.0),
        invariant_to=("permutation",),
    ),
    _measure(
        name="mutual-knn",
        module="neighbourhood",
        estimate="estimate_neighbours",
        options=NeighbourOptions,
        summary="How many of the k nearest neighbours of a sample both representations share.",
        definition=(
            "mean over i of |N_k^X(i) ∩ N_k^Y(i)| / k, self excluded; where neighbours tie, the expected overlap of "
            "two independent orders of the ties"
        ),
        source="Huh, Cheung, Wang & Isola 2024, arXiv 2405.07987, appendix A",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("orthogonal",),
        standard=True,
    ),
    _measure(
        name="jaccard",
        module="neighbourhood",
        estimate="estimate_neighbours",
        options=NeighbourOptions,
        summary="Shared neighbours over all neighbours of a sample in either representation.",
        definition=(
            "mean over i of |N_k^X(i) ∩ N_k^Y(i)| / |N_k^X(i) ∪ N_k^Y(i)|, the overlap as in mutual-knn where "
            "neighbours tie"
        ),
        source="Klabunde, Schumacher, Strohmaier & Lemmerich 2025, arXiv 2305.06329, section 3.4",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("orthogonal",),
    ),
    _measure(
        name="cknna",
        module="neighbourhood",
        estimate="estimate_neighbours",
        options=CknnaOptions,
        summary="CKA restricted to mutual nearest neighbours.",
        definition="CKA, with unbiased HSIC, of inner products masked to shared neighbours; not symmetric, not bounded",
        source="Huh, Cheung, Wang & Isola 2024, arXiv 2405.07987, appendix A",
        larger_is="more similar",
        invariant_to=("orthogonal",),
        symmetric=False,
    ),
    _measure(
        name="distance-correlation",
        touched_by=_FEW,
        module="distance_correlation",
        estimate="estimate_tiles",
        options=DistanceCorrelationOptions,
        summary="Correlation of doubly centred distances: zero in the population only for independent variables.",
        definition="√(⟨A, B⟩ / √(⟨A, A⟩⟨B, B⟩)), A and B the doubly centred Euclidean distances",
        source="Székely, Rizzo & Bakirov 2007, Annals of Statistics 35(6), definition 3",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("similarity",),
    ),
    _measure(
        name="spearman-mcc",
        touched_by=_MATCHED,
        module="matched",
        estimate="estimate_matching",
        options=RankMatchingOptions,
        summary="Mean correlation coefficient of ranks after the best matching of latents.",
        definition="mean over the best assignment of |Spearman's ρ(x_i, y_j)|, average ranks, min(p, q) pairs",
        source="Hyvärinen & Morioka 2016, arXiv 1605.06336, section 5",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("permutation-monotone",),
    ),
    _measure(
        name="permutation-metric",
        touched_by=_FEW,
        module="matched",
        estimate="estimate_matching",
        options=PermutationOptions,
        summary="Angle between two representations after the best permutation of latents.",
        definition="arccos(max over permutations P of ⟨XP, Y⟩ / (|X| |Y|)), the narrower one padded with zeros",
        source="Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739",
        larger_is="more distant",
        bounds=(0.0, math.pi),
        is_metric=True,
        invariant_to=("permutation",),
    ),
    _measure(
        name="permutation-distance",
        touched_by=_FEW,
        module="matched",
        estimate="estimate_matching",
        options=PermutationOptions,
        summary="Euclidean distance of two representations after the best permutation of latents.",
        definition="min over permutations P of |XP − Y|, the narrower one padded with zeros",
        source="Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739",
        larger_is="more distant",
        bounds=(0.0, math.inf),
        is_metric=True,
        invariant_to=("permutation",),
    ),
    _measure(
        name="hard-match",
        touched_by=_MATCHED,
        module="matched",
        estimate="estimate",
        linear=True,
        options=PairOptions,
        summary="Mean signed correlation of latents under the best one-to-one matching.",
        definition="mean over the best assignment of corr(x_i, y_j), min(p, q) pairs",
        source="Li, Yosinski, Clune, Lipson & Hopcroft 2015, arXiv 1511.07543",
        larger_is="more similar",
        bounds=(-1.0, 1.0),
        invariant_to=("permutation-positive-scaling",),
    ),
    _measure(
        name="soft-match",
        touched_by=_MATCHED,
        module="matched",
        estimate="estimate",
        linear=True,
        options=PairOptions,
        summary="Mean signed correlation of every latent with its best partner, over both directions.",
        definition="½ (mean over i of max over j of corr(x_i, y_j) + mean over j of max over i of corr(x_i, y_j))",
        source="Li, Yosinski, Clune, Lipson & Hopcroft 2015, arXiv 1511.07543, section 3",
        larger_is="more similar",
        bounds=(-1.0, 1.0),
        invariant_to=("permutation-positive-scaling",),
    ),
)
