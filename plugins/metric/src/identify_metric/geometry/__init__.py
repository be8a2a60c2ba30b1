"""Geometry of decoders: the pull-back metric and what follows from it alone. Also a plain library."""

from __future__ import annotations

from identify_metric.geometry.geodesics import Geodesics, geodesics
from identify_metric.geometry.maps import embed, stack
from identify_metric.geometry.metric import (
    LogVolume,
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
from identify_metric.geometry.splines import fit_curves
from identify_metric.options.searching import GeodesicSettings

__all__ = [
    "GeodesicSettings",
    "Geodesics",
    "LogVolume",
    "angle",
    "embed",
    "exponential",
    "fit_curves",
    "geodesic_ball",
    "geodesics",
    "indicatrix",
    "jacobian",
    "log_volume",
    "metric",
    "region_volume",
    "sectional_curvature",
    "stack",
]
