"""The linear family: measures that need nothing but covariances and cross-products of two paired representations."""

from __future__ import annotations

from identify_measures.linear.similarities import (
    angular_cka,
    cca,
    cca_r2,
    debiased_cka,
    linear_cka,
    pillai,
    procrustes,
    procrustes_angular,
    procrustes_disparity,
    procrustes_normalised,
    procrustes_similarity,
    yanai,
)
from identify_measures.linear.tunable import (
    gulp,
    linear_r2,
    pearson_mcc,
    pwcca,
    shape_metric,
    svcca,
    total_correlation,
    weak_mcc,
)

__all__ = [
    "angular_cka",
    "cca",
    "cca_r2",
    "debiased_cka",
    "gulp",
    "linear_cka",
    "linear_r2",
    "pearson_mcc",
    "pillai",
    "procrustes",
    "procrustes_angular",
    "procrustes_disparity",
    "procrustes_normalised",
    "procrustes_similarity",
    "pwcca",
    "shape_metric",
    "svcca",
    "total_correlation",
    "weak_mcc",
    "yanai",
]
