"""Measures that the cross-products of latents are enough for: one pass over the rows gives them all."""

from __future__ import annotations

import math
from typing import Any

from identify_core import ByRole
from identify_measures.catalogue.record import Measure, Touch
from identify_measures.options.linear import (
    GulpOptions,
    MatchingOptions,
    PairOptions,
    PwccaOptions,
    RegressionOptions,
    ShapeOptions,
    SingleOptions,
    SvccaOptions,
    WeakMatchingOptions,
)

_EVALUATORS = "identify_measures.evaluators.linear"


_LATENTS: tuple[Touch, ...] = ("repeated rows", "constant latents")
_FEW: tuple[Touch, ...] = ("repeated rows", "few rows")
_MATCHED: tuple[Touch, ...] = ("repeated rows", "constant latents", "few rows")


_PRODUCTS = ("linear-cka", "debiased-cka", "angular-cka", "pearson-mcc")
"""The measures that take their values from cross-products without factoring them."""


def _measure(name: str, **facts: Any) -> Measure:
    function = name.replace("-", "_")
    pair = facts.get("arity", "pair") == "pair"
    return Measure(
        name=name,
        family="linear",
        target=f"{_EVALUATORS}:{function}",
        prepare=f"{_EVALUATORS}:prepare" if pair else "",
        estimate=f"{_EVALUATORS}:{'estimate' if name in _PRODUCTS else 'estimate_factored'}" if pair else "",
        function=f"identify_measures.linear:{function}",
        **facts,
    )


LINEAR = (
    _measure(
        "linear-cka",
        touched_by=_FEW,
        summary="Centred kernel alignment with linear kernels.",
        definition="|XᵀY|² / (|XᵀX| |YᵀY|), Frobenius norms; biased by (p, q) / n",
        source="Kornblith, Norouzi, Lee & Hinton 2019, arXiv 1905.00414, equation 5",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("similarity",),
        standard=True,
        options=PairOptions,
    ),
    _measure(
        "debiased-cka",
        summary="Linear CKA with unbiased estimates of each term.",
        definition="HSIC_u(K, L) / √(HSIC_u(K, K) HSIC_u(L, L)), K = XXᵀ, L = YYᵀ, U-centred",
        source="Székely & Rizzo 2014, arXiv 1310.2926; Murphy, Zylberberg & Fyshe 2024, arXiv 2405.01012",
        larger_is="more similar",
        bounds=(-1.0, 1.0),
        invariant_to=("similarity",),
        options=PairOptions,
    ),
    _measure(
        "angular-cka",
        touched_by=_FEW,
        summary="The angle between two linear kernels: a metric.",
        definition="arccos of linear CKA",
        source="Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739",
        larger_is="more distant",
        bounds=(0.0, math.pi / 2),
        invariant_to=("similarity",),
        is_metric=True,
        options=PairOptions,
    ),
    _measure(
        "cca",
        touched_by=_LATENTS,
        summary="Mean canonical correlation.",
        definition="mean of the canonical correlations ρ over the smaller rank",
        source=(
            "Hotelling 1936, Biometrika 28(3/4); Kornblith, Norouzi, Lee & Hinton 2019, arXiv 1905.00414, section 3.2"
        ),
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("affine",),
        standard=True,
        options=PairOptions,
    ),
    _measure(
        "cca-r2",
        touched_by=_LATENTS,
        summary="Mean squared canonical correlation.",
        definition="mean of ρ² over the smaller rank",
        source="Kornblith, Norouzi, Lee & Hinton 2019, arXiv 1905.00414, table 1",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("affine",),
        options=PairOptions,
    ),
    _measure(
        "yanai",
        touched_by=_LATENTS,
        summary="Yanai's generalised coefficient of determination.",
        definition="Σ ρ² / √(rank X · rank Y): the cosine of the projections onto the two column spaces",
        source="Yanai 1974; Ramsay, ten Berge & Styan 1984, Psychometrika 49(3)",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("affine",),
        options=PairOptions,
    ),
    _measure(
        "pillai",
        touched_by=_LATENTS,
        summary="Pillai's trace.",
        definition="Σ ρ²: how many directions the two column spaces share",
        source=(
            "Pillai 1955, Annals of Mathematical Statistics 26(1); Ramsay, ten Berge & Styan 1984, Psychometrika 49(3)"
        ),
        larger_is="more similar",
        bounds=(0.0, math.inf),
        invariant_to=("affine",),
        options=PairOptions,
    ),
    _measure(
        "svcca",
        summary="Mean canonical correlation of the leading principal components.",
        definition=(
            "mean CCA of the fewest principal components whose squared singular values hold 99 % of the variance"
        ),
        source="Raghu, Gilmer, Yosinski & Sohl-Dickstein 2017, arXiv 1706.05806",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("similarity",),
        options=SvccaOptions,
    ),
    _measure(
        "pwcca",
        touched_by=_LATENTS,
        summary="Canonical correlations weighted by what their variates explain of one side.",
        definition=(
            "Σ α_i ρ_i / Σ α_i with α_i = Σ_j |⟨h_i, x_j⟩|, h_i the unit-norm canonical variates of the chosen side"
        ),
        source="Morcos, Raghu & Bengio 2018, arXiv 1806.05759, section 2",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=ByRole(source=("signed-permutation",), target=("affine",)),
        symmetric=False,
        options=PwccaOptions,
    ),
    _measure(
        "procrustes",
        touched_by=_FEW,
        summary="Size-and-shape distance: what is left after the best rotation and translation.",
        definition="√(|X|² + |Y|² − 2 |XᵀY|_*), |·|_* the sum of singular values",
        source="Schönemann 1966, Psychometrika 31(1); Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739",
        larger_is="more distant",
        bounds=(0.0, math.inf),
        invariant_to=("orthogonal",),
        is_metric=True,
        options=PairOptions,
    ),
    _measure(
        "procrustes-normalised",
        touched_by=_FEW,
        summary="Procrustes distance after both are scaled to unit norm.",
        definition="√(2 − 2c) with c = |XᵀY|_* / (|X| |Y|)",
        source=(
            "Ding, Denain & Steinhardt 2021, arXiv 2108.01661; Williams, Kunz, Kornblith & Linderman 2021, arXiv "
            "2110.14739"
        ),
        larger_is="more distant",
        bounds=(0.0, math.sqrt(2.0)),
        invariant_to=("similarity",),
        is_metric=True,
        options=PairOptions,
    ),
    _measure(
        "procrustes-angular",
        touched_by=_FEW,
        summary="The angle between two representations after the best rotation: a metric.",
        definition="arccos c with c = |XᵀY|_* / (|X| |Y|)",
        source="Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739",
        larger_is="more distant",
        bounds=(0.0, math.pi / 2),
        invariant_to=("similarity",),
        is_metric=True,
        standard=True,
        options=PairOptions,
    ),
    _measure(
        "procrustes-disparity",
        touched_by=_FEW,
        summary="Residual sum of squares after the best similarity, both scaled to unit norm.",
        definition="1 − c² with c = |XᵀY|_* / (|X| |Y|)",
        source="Gower 1975, Psychometrika 40(1); scipy.spatial.procrustes",
        larger_is="more distant",
        bounds=(0.0, 1.0),
        invariant_to=("similarity",),
        options=PairOptions,
    ),
    _measure(
        "procrustes-similarity",
        touched_by=_FEW,
        summary="Normalised Bures similarity: the nuclear norm of the cross-products.",
        definition="c = |XᵀY|_* / (|X| |Y|)",
        source="Harvey, Larsen & Williams 2024, arXiv 2311.11436",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("similarity",),
        options=PairOptions,
    ),
    _measure(
        "shape-metric",
        summary="Procrustes angle after partial whitening.",
        definition="procrustes-angular of XZ_x and YZ_y with Z = V (α + (1 − α) Λ^(−1/2)) Vᵀ of the scatter VΛVᵀ",
        source="Williams, Kunz, Kornblith & Linderman 2021, arXiv 2110.14739",
        larger_is="more distant",
        bounds=(0.0, math.pi / 2),
        invariant_to=("orthogonal",),
        is_metric=True,
        options=ShapeOptions,
    ),
    _measure(
        "linear-r2",
        touched_by=_LATENTS,
        summary="How much of the second representation a linear map of the first explains.",
        definition="|U_xᵀY|² / |Y|², U_x an orthonormal basis of the columns of X; weighted by variance",
        source="Kornblith, Norouzi, Lee & Hinton 2019, arXiv 1905.00414, section 3.1",
        larger_is="more similar",
        bounds=(-math.inf, 1.0),
        invariant_to=ByRole(source=("affine",), target=("similarity",)),
        symmetric=False,
        options=RegressionOptions,
    ),
    _measure(
        "gulp",
        touched_by=_LATENTS,
        summary="How differently ridge regressions on the two predict in the worst case, squared.",
        definition=(
            "tr((S_x^λ S_x)²) + tr((S_y^λ S_y)²) − 2 tr(S_x^λ S_xy S_y^λ S_yx), S^λ = (S + λ)⁻¹, mean squared row"
            " norm one"
        ),
        source="Boix-Adserà, Lawrence, Stepaniants & Rigollet 2022, arXiv 2210.06545, section 3",
        larger_is="more distant",
        bounds=(0.0, math.inf),
        invariant_to=("affine",),
        options=GulpOptions,
    ),
    _measure(
        "pearson-mcc",
        touched_by=_MATCHED,
        summary="Mean correlation coefficient after the best matching of latents (strong).",
        definition=(
            "mean over the best assignment of |corr(x_i, y_j)|, min(p, q) pairs; a constant latent has correlation 0"
        ),
        source=(
            "Hyvärinen & Morioka 2016, arXiv 1605.06336; Khemakhem, Kingma, Monti & Hyvärinen 2020, arXiv 1907.04809"
        ),
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("permutation-scaling",),
        standard=True,
        options=MatchingOptions,
    ),
    _measure(
        "weak-mcc",
        touched_by=_LATENTS,
        summary="Mean correlation coefficient after both were carried to their canonical components.",
        definition="pearson-mcc of the canonical variates of an exact CCA; not unique where canonical correlations tie",
        source="Khemakhem, Monti, Kingma & Hyvärinen 2020, arXiv 2002.11537, section 4",
        larger_is="more similar",
        bounds=(0.0, 1.0),
        invariant_to=("affine",),
        options=WeakMatchingOptions,
    ),
    _measure(
        "total-correlation",
        summary="Gaussian total correlation: how far the latents are from uncorrelated.",
        definition="½ (Σ ln C_ii − ln det C) in nats, C the covariance",
        source="Watanabe 1960, IBM Journal 4(1); Locatello et al. 2019, arXiv 1811.12359",
        larger_is="worse",
        bounds=(0.0, math.inf),
        invariant_to=("permutation-scaling",),
        arity="representation",
        options=SingleOptions,
    ),
)
