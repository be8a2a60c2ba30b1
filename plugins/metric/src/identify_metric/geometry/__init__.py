"""Geometry of decoders: the pull-back metric and what follows from it alone. Also a plain library."""

from __future__ import annotations

from identify_metric.geometry.geodesics import Geodesics, geodesics
from identify_metric.geometry.graphs import graph_paths
from identify_metric.geometry.maps import embed, stack
from identify_metric.geometry.means import FrechetMean, frechet_mean
from identify_metric.geometry.metric import (
    LogVolume,
    TensorMetric,
    angle,
    exponential,
    geodesic_ball,
    indicatrix,
    jacobian,
    log_volume,
    metric,
    region_volume,
    sectional_curvature,
)
from identify_metric.geometry.original import OriginalGeodesics, OriginalSettings, original_geodesics
from identify_metric.geometry.pairwise import Pairwise, pairwise
from identify_metric.geometry.precision import RbfPrecision, fit_precision
from identify_metric.geometry.splines import fit_curves
from identify_metric.geometry.uncertainty import ensemble_variance, penalised_energy
from identify_metric.options.searching import GeodesicSettings

__all__ = [
    "FrechetMean",
    "GeodesicSettings",
    "Geodesics",
    "LogVolume",
    "OriginalGeodesics",
    "OriginalSettings",
    "Pairwise",
    "RbfPrecision",
    "TensorMetric",
    "angle",
    "embed",
    "ensemble_variance",
    "exponential",
    "fit_curves",
    "fit_precision",
    "frechet_mean",
    "geodesic_ball",
    "geodesics",
    "graph_paths",
    "indicatrix",
    "jacobian",
    "log_volume",
    "metric",
    "original_geodesics",
    "pairwise",
    "penalised_energy",
    "region_volume",
    "sectional_curvature",
    "stack",
]
