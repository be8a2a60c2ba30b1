"""Fitting: the best map of every rung in one direction, and why some rungs have none."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from identify_core import RUNGS
from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.dense import fit_isometry, fit_linear
from identify_measures.rungs.lipschitz import fit_bounded
from identify_measures.rungs.maps import Map
from identify_measures.rungs.moments import Moments
from identify_measures.rungs.monotone import Array, fit_monotone
from identify_measures.rungs.permutations import fit_identity, fit_permutation, fit_scaled_permutation

METHODS: Mapping[str, str] = {
    "identity": "the identity",
    "permutation": "Hungarian method on cross moments",
    "signed-permutation": "Hungarian method on absolute cross moments",
    "permutation-positive-scaling": "Hungarian method on what the best scale ≥ 0 of each pair explains",
    "permutation-scaling": "Hungarian method on what the best scale of each pair explains",
    "permutation-monotone": "Hungarian method on squared rank correlations, then isotonic regression of each pair",
    "orthogonal": "orthogonal Procrustes about the origin",
    "similarity": "Procrustes with scale about the means",
    "linear": "least squares without intercept",
    "affine": "least squares with intercept",
    "lipschitz": "least squares with intercept and bounded spectral norm",
}
"""How the best map of each rung is found; the rungs that latents alone can decide."""

_UNDECIDED = {
    "isometry": "it compares the metrics that two decoders induce, which latents alone do not have",
    "homeomorphism": (
        "no residual shows that no continuous map exists; it holds wherever affine or permutation-monotone passes"
    ),
}

_BOUND_GAP = 0.01
"""Bounded least squares ends when at most this part of the tolerance is left to gain."""


@attrs.frozen(kw_only=True, eq=False)
class Fits:
    """The maps of one direction.

    Args:
        maps: rung to its map.
        translated: the same with a translation, for rungs that have none; to say that a translation is what is missing.
        rank: numerical rank of the centred source; None where nothing needed it.
        remarks: what a fit has to say.
    """

    maps: Mapping[str, Map]
    translated: Mapping[str, Map]
    rank: int | None
    remarks: tuple[str, ...]


@attrs.frozen(kw_only=True, eq=False)
class Ranked:
    """Rows of the fit part in memory, for what second moments do not say.

    Args:
        x: (m, d).
        y: (m, e).
        correlation: rank correlation, (d, e).
    """

    x: Array
    y: Array
    correlation: Array

    def swapped(self) -> Ranked:
        """The other direction."""
        return Ranked(x=self.y, y=self.x, correlation=self.correlation.T)


def choose_rungs(options: LadderOptions) -> tuple[tuple[str, ...], dict[str, str]]:
    """The rungs to fit, in the order of the ladder, and why each of the others is left out."""
    left_out = {}
    for name in RUNGS:
        if name in _UNDECIDED:
            left_out[name] = _UNDECIDED[name]
        elif options.rungs and name not in options.rungs:
            left_out[name] = "it was not asked for"
        elif name == "lipschitz" and options.lipschitz is None:
            left_out[name] = "it depends on a constant L, and none was given"
    return tuple(name for name in RUNGS if name not in left_out), left_out


def fit_maps(
    rungs: tuple[str, ...],
    moments: Moments,
    ranked: Ranked | None,
    options: LadderOptions,
    *,
    rank_tolerance: float,
    translated: bool,
) -> Fits:
    """The best map of every rung from x to y.

    Args:
        rungs: of `choose_rungs`.
        moments: of the fit part.
        ranked: needed for `permutation-monotone`.
        options: of the ladder.
        rank_tolerance: directions of x smaller than this part of the largest count as absent.
        translated: whether rungs without translation are also fitted with one.
    """
    maps: dict[str, Map] = {}
    freed: dict[str, Map] = {}
    remarks: list[str] = []
    rank = None
    for name in rungs:
        if name == "permutation-monotone":
            assert ranked is not None
            maps[name] = fit_monotone(ranked.x, ranked.y, ranked.correlation, moments.mean_y)
        elif name == "lipschitz":
            assert options.lipschitz is not None
            gap = _BOUND_GAP * options.tolerance
            bounded = fit_bounded(moments, bound=options.lipschitz, gap=gap, rank_tolerance=rank_tolerance)
            maps[name] = bounded.map
            if bounded.gap > gap:
                remarks.append(f"bounded least squares stopped with up to {bounded.gap:.2g} of the variance to gain")
        elif name in ("linear", "affine"):
            centred = name == "affine" or options.centre
            maps[name], found = fit_linear(moments, centred=centred, rank_tolerance=rank_tolerance)
            if centred:
                rank = found
        else:
            maps[name] = _fit_by_moments(name, moments, centred=options.centre or name == "similarity")
            if translated and not options.centre and name != "similarity":
                freed[name] = _fit_by_moments(name, moments, centred=True)
    return Fits(maps=maps, translated=freed, rank=rank, remarks=tuple(remarks))


def _fit_by_moments(name: str, moments: Moments, *, centred: bool) -> Map:
    if name == "identity":
        return fit_identity(moments, centred=centred)
    if name in ("permutation", "signed-permutation"):
        return fit_permutation(moments, centred=centred, signed=name == "signed-permutation")
    if name in ("permutation-positive-scaling", "permutation-scaling"):
        return fit_scaled_permutation(moments, centred=centred, positive=name == "permutation-positive-scaling")
    return fit_isometry(moments, centred=centred, scaled=name == "similarity")
