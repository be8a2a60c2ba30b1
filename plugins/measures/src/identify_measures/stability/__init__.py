"""Stability: how much a quantity varies over models that should agree on it, from a matrix (models, items)."""

from __future__ import annotations

from identify_measures.stability.agreement import icc_agreement, icc_consistency, kendall_w, mean_spearman
from identify_measures.stability.differences import CvDifference, PairTests, cv_difference, pair_tests
from identify_measures.stability.variation import circular_deviation, coefficient_of_variation, scale_normalised

__all__ = [
    "CvDifference",
    "PairTests",
    "circular_deviation",
    "coefficient_of_variation",
    "cv_difference",
    "icc_agreement",
    "icc_consistency",
    "kendall_w",
    "mean_spearman",
    "pair_tests",
    "scale_normalised",
]
