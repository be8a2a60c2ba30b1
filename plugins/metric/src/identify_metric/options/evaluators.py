"""Options of the evaluators: which metric, which pairs of samples, and how geodesics are searched."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from identify_core import above, at_least, not_empty, option
from identify_metric.options.searching import GeodesicSettings

_STUDY = "Syrota et al., ICML 2025, arXiv 2502.13757"
_CODE = "mustass/identifiable-latent-metric-space"

Ensemble = Literal["expected", "mean", "single", "rbf"]
"""The expectation of the decoders' metrics, the metric of their mean, that of the first one, or that of the first with
the predecessor's precision network."""


def which_latents() -> Any:
    """The option of what studies one run, which has latents of several names; a comparison chooses them itself."""
    return option("z", help="Which latents the samples are.")


@attrs.frozen
class GeometryOptions:
    """Which metric decoders are measured by."""

    ambient: Literal["mean", "law"] = option(
        "mean",
        help="What is measured of decoded samples: their mean, or their law: a Gaussian's mean next to its σ, a mean "
        "in units of a constant σ, Fisher-Rao of a Bernoulli.",
    )
    precision: Literal["float64", "float32"] = option("float64", help="Type in which decoders are computed.")


@attrs.frozen
class SolverOptions(GeometryOptions):
    """How geodesics are searched."""

    segments: int = option(10, help="Cubic pieces of a curve at first.", source=_CODE, limit=at_least(1))
    quadrature: Literal["gauss", "chords"] = option(
        "gauss", help="Velocities at Gauss-Legendre nodes, or chords between points at equal times."
    )
    nodes: int = option(4, help="Nodes, or chords, in each segment.", limit=at_least(1))
    starts: int = option(2, help="Starts of each curve: the straight line and random bumps.", limit=at_least(1))
    iterations: int = option(200, help="At most.", limit=at_least(0))
    gradient_tolerance: float = option(
        1e-4, help="Gradient, in parts of the straight line's energy, at which a curve is stationary.", limit=above(0)
    )
    tolerance: float = option(
        1e-5, help="Relative change of a length at which no more segments are tried.", limit=above(0)
    )
    doublings: int = option(3, help="How often the segments are doubled at most.", limit=at_least(0))
    points_at_once: int = option(16_384, help="Decoded points that are held at a time.", limit=at_least(1))

    def settings(self) -> GeodesicSettings:
        """What the search takes."""
        return GeodesicSettings(
            segments=self.segments,
            quadrature=self.quadrature,
            nodes=self.nodes,
            starts=self.starts,
            iterations=self.iterations,
            gradient_tolerance=self.gradient_tolerance,
            tolerance=self.tolerance,
            doublings=self.doublings,
            points_at_once=self.points_at_once,
        )


@attrs.frozen
class SearchOptions(SolverOptions):
    """Which pairs of samples are measured, and how geodesics are searched."""

    pairs: int | Literal["all"] = option(
        100, help="Pairs of samples that are drawn, or all pairs of `points` samples.", source=_CODE, limit=at_least(1)
    )
    points: int = option(20, help="Samples of which `all` pairs are taken.", limit=at_least(2))
    pair_seed: int = option(101, help="Seed of numpy's legacy generator.", source=_CODE, limit=at_least(0))
    pairs_file: str = option(
        "", help="A CSV file with two sample ids in each line, which are taken instead.", names_file=True
    )
    graph: int = option(
        0,
        help="Neighbours of each sample in a graph whose shortest paths are starts, too; 0 for no such start.",
        limit=at_least(0),
    )
    method: Literal["minimise", "original"] = option(
        "minimise",
        help="How curves are found: by this project's search, or by the study's own procedure, for comparison.",
        source=f"{_CODE}: Adam at 0.01, 256 points, stopped by the change of a sum",
    )
    block: int = option(
        0,
        help="Pairs of a model that are searched and kept at a time, so that a stopped run goes on after them; 0 for "
        "all pairs of all models together.",
        limit=at_least(0),
    )
    scheduler: str = option(
        "",
        help="Address of a Dask cluster whose workers search the blocks, such as tcp://10.0.0.1:8786; without `block` "
        "the pairs of a model are one block.",
        names_code=True,
    )


@attrs.frozen
class DistancesOptions(SearchOptions):
    """The options of `distances`."""

    latents: str = which_latents()
    ensemble: Ensemble = option(
        "expected",
        help="The metric of several decoders: the expectation of their metrics, the metric of their mean, of the first "
        "alone, or of the first with a σ by radial basis functions, as in the predecessor.",
        source="`single` is what the released code computes",
    )


@attrs.frozen
class StabilityOptions(SearchOptions):
    """The options of `stability`."""

    ensembles: tuple[Ensemble, ...] = option(
        ("expected", "single"), help="The metrics whose geodesic distances are compared.", limit=not_empty()
    )
    draws: int = option(2000, help="Bootstrap draws of models.", limit=at_least(100))


@attrs.frozen
class ConditionsOptions(GeometryOptions):
    """The options of `identifiability-conditions`."""

    latents: str = which_latents()
    ensemble: Ensemble = option("expected", help="The metric of several decoders.")
    rank_tolerance: float = option(
        1e-6, help="A direction counts if its singular value is above this part of the largest.", limit=above(0)
    )
    collapse: float = option(
        0.01, help="Nats; a latent whose mean divergence from the prior is below it has collapsed.", limit=above(0)
    )


@attrs.frozen
class AnglesOptions(SolverOptions):
    """The options of `angles`."""

    latents: str = which_latents()
    ensemble: Ensemble = option("expected", help="The metric of several decoders.")
    pairs: int = option(100, help="Triples of samples that are drawn, a corner and two ends.", limit=at_least(1))
    pair_seed: int = option(101, help="Seed of numpy's legacy generator, which draws them.", limit=at_least(0))


@attrs.frozen
class VolumesOptions(SolverOptions):
    """The options of `volumes`."""

    latents: str = which_latents()
    ensemble: Ensemble = option("expected", help="The metric of several decoders.")
    triangles: int = option(
        12, help="Triangles of three samples whose area is measured, in two latents.", limit=at_least(1)
    )
    pair_seed: int = option(101, help="Seed of numpy's legacy generator, which draws them.", limit=at_least(0))


@attrs.frozen
class IsometryOptions(GeometryOptions):
    """The options of `isometry`."""

    ensemble: Ensemble = option("expected", help="The metric of several decoders.")
    rows: int = option(
        300, help="Samples used at most: one half fits the transition, the other judges.", limit=at_least(20)
    )
    ridge: float = option(
        1e-3, help="Part of the mean of the metric's diagonal below which a direction counts as lost.", limit=above(0)
    )
    split_seed: int = option(0, help="Which samples are fitted on.", limit=at_least(0))


@attrs.frozen
class LatentSpaceOptions(SolverOptions):
    """The options of `latent-space`."""

    latents: str = which_latents()
    ensemble: Ensemble = option("expected", help="The metric of several decoders.")
    pairs: int = option(8, help="Geodesics that are drawn.", limit=at_least(1))
    pair_seed: int = option(101, help="Seed of numpy's legacy generator, which draws their ends.", limit=at_least(0))
    grid: int = option(49, help="Places along each axis.", limit=at_least(8))
