"""How geodesics are searched: a light record, which options classes are made into."""

from __future__ import annotations

from typing import Literal

import attrs


@attrs.frozen(kw_only=True)
class GeodesicSettings:
    """How geodesics are searched.

    Args:
        segments: cubic pieces of a curve at first.
        quadrature: `gauss`, Gauss-Legendre nodes and velocities pushed forward; `chords`, differences of decoded points
            at equal times, which needs no derivative of the decoder.
        nodes: in each segment: of Gauss-Legendre, or chords.
        starts: curves that are tried for a pair: the straight line, and low bumps at random.
        screening: iterations of every start, after which the best goes on.
        iterations: at most, of the best.
        gradient_tolerance: of the energy in parts of the straight line's, at which a curve is stationary.
        tolerance: relative change of a length at which no more segments are tried.
        doublings: how often at most the number of segments is doubled.
        ridge: part of the mean metric's diagonal that is added before the latent axes are whitened.
        points_at_once: decoded points that are held at a time.
    """

    segments: int = 10
    quadrature: Literal["gauss", "chords"] = "gauss"
    nodes: int = 4
    starts: int = 2
    screening: int = 12
    iterations: int = 200
    gradient_tolerance: float = 1e-4
    tolerance: float = 1e-5
    doublings: int = 3
    ridge: float = 1e-2
    points_at_once: int = 16_384
