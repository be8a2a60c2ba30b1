"""Geodesics between many pairs of points, in many decoders at once, each with a certificate."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch

from identify_core import Context, Minima, OptionsError, minimise
from identify_metric.geometry.energies import Problem, quadrature_of
from identify_metric.geometry.maps import Map
from identify_metric.geometry.original import OriginalSettings, original_geodesics
from identify_metric.geometry.splines import basis_at, fit_curves, refine
from identify_metric.options.searching import GeodesicSettings

_BUMPED_MODES = 3
_BUMP = 0.5  # the energy that a bump adds is about its square, in parts of the straight line's
DRAWN_POINTS = 33
_DISAGREE = 1e-2
_TIE = 1e-6  # the straight line wins where no start ended this much lower


@attrs.frozen(kw_only=True, eq=False)
class Geodesics:
    """Shortest curves found between P pairs, and how sure their lengths are.

    Args:
        length: (P,), in the units of the decoded space; 0 where both ends coincide, NaN where an end is not finite.
        energy: (P,).
        gap: (E − L²) / E, (P,): 0 for a curve of constant speed, which a minimiser of the energy has.
        quadrature_error: relative difference of the length to that of a rule with half as many nodes, (P,).
        refinement_error: relative difference of the length to that with half as many segments, (P,); NaN where they
            were not doubled.
        excess: relative length that the gradient still promises, |∇E|² / (8 E), (P,).
        line: length of the straight line in latent space, (P,).
        start: which start won, (P,): 0 is the straight line; −1 where nothing was searched.
        disagreement: relative difference of the lengths of the best and the worst start after screening, (P,).
        segments: of the final curve, (P,).
        iterations: in all, (P,).
        converged: whether the curve is stationary and its length no longer changes with more segments, (P,).
        points: along the curve at equal times, (P, 33, d).
        departure: velocity at the start, (P, d).
        arrival: velocity at the end, (P, d).
    """

    length: torch.Tensor
    energy: torch.Tensor
    gap: torch.Tensor
    quadrature_error: torch.Tensor
    refinement_error: torch.Tensor
    excess: torch.Tensor
    line: torch.Tensor
    start: torch.Tensor
    disagreement: torch.Tensor
    segments: torch.Tensor
    iterations: torch.Tensor
    converged: torch.Tensor
    points: torch.Tensor
    departure: torch.Tensor
    arrival: torch.Tensor

    def rows(self, which: slice) -> Geodesics:
        """Those of some pairs."""
        return Geodesics(**{each.name: getattr(self, each.name)[which] for each in attrs.fields(Geodesics)})

    @property
    def error(self) -> torch.Tensor:
        """The largest of the numerical errors of each length that were measured, relative, (P,).

        That of refinement is not where segments were not doubled; NaN where an end is not finite.
        """
        parts = torch.stack([self.quadrature_error, self.refinement_error, self.excess])
        return torch.where(parts.isnan().all(0), torch.nan, parts.nan_to_num(nan=0.0).amax(0))

    @property
    def starts_disagree(self) -> torch.Tensor:
        """Whether screening ended in lengths that differ by more than a hundredth, (P,)."""
        return self.disagreement > _DISAGREE


def geodesics(
    maps: Map | Sequence[Map],
    a: torch.Tensor,
    b: torch.Tensor,
    *,
    owner: torch.Tensor | None = None,
    settings: GeodesicSettings | None = None,
    generator: torch.Generator | None = None,
    paths: Sequence[torch.Tensor] = (),
    context: Context | None = None,
) -> Geodesics:
    """Minimise the energy ∫ |d/dt F(c(t))|² dt over cubic splines from a to b, for all pairs together.

    A minimiser has constant speed, and its energy is the square of its length. Curves start from the straight line,
    from bumps drawn at random and from `paths`; after a few iterations the best of each pair goes on. Then the segments
    are doubled until the length no longer changes. Lengths are measured on a rule twice as fine as the one that was
    minimised, because an optimiser finds what a rule does not see.

    Args:
        maps: F, or several of which `owner` chooses: z (N, d) -> (N, D').
        a: starts, (P, d).
        b: ends, (P, d).
        owner: which map each pair is measured by, (P,); the first by default.
        settings: of the search.
        generator: of the bumps.
        paths: coefficients of further starts, (P, segments + 1, d) each, as `fit_curves` gives them.
        context: of a run, which may be interrupted.

    Raises:
        OptionsError: the ends do not fit each other.
        Interrupted: the user stopped the run.

    Source: Syrota et al., ICML 2025, arXiv 2502.13757, for the energy; the whitened spline basis is this project's.

    Example:
        >>> import torch
        >>> circle = lambda z: torch.cat([z.cos(), z.sin()], dim=1)
        >>> ends = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
        >>> round(geodesics(circle, *ends).length.item(), 6)
        1.0
    """
    settings = settings or GeodesicSettings()
    if a.ndim != 2 or a.shape != b.shape:
        raise OptionsError(f"the ends of the curves are {tuple(a.shape)} and {tuple(b.shape)}; both are (P, d)")
    listed = [maps] if callable(maps) else list(maps)
    owner = torch.zeros(len(a), dtype=torch.long, device=a.device) if owner is None else owner.to(a.device)
    finite = a.isfinite().all(1) & b.isfinite().all(1)
    live = (finite & (a != b).any(1)).nonzero().flatten()
    found = _empty(a, b, finite)
    if len(live):
        problem = Problem(maps=listed, owner=owner[live], a=a[live], b=b[live], settings=settings, context=context)
        part = _search(problem, generator, [path[live] for path in paths])
        for name, value in part.items():
            getattr(found, name)[live] = value
    return found


def joined(parts: Sequence[Geodesics]) -> Geodesics:
    """Geodesics one after the other; the curves of narrower latent spaces are filled up with NaN."""
    width = max(each.points.shape[2] for each in parts)

    def filled(values: torch.Tensor, name: str) -> torch.Tensor:
        if name not in ("points", "departure", "arrival"):
            return values
        return torch.nn.functional.pad(values, (0, width - values.shape[-1]), value=float("nan"))

    names = [each.name for each in attrs.fields(Geodesics)]
    return Geodesics(**{name: torch.cat([filled(getattr(each, name), name) for each in parts]) for name in names})


def as_original(
    F: Map, a: torch.Tensor, b: torch.Tensor, *, settings: GeodesicSettings, how: OriginalSettings | None = None
) -> Geodesics:
    """What the study's own procedure finds, measured as this project's curves are: none counts as converged.

    Its length is that of its 256 chords; gap and quadrature are those of the same spline on this project's rules.

    Args:
        F: z (N, d) -> (N, D').
        a: starts, (P, d).
        b: ends, (P, d).
        settings: segments, and the rule on which the certificate is measured.
        how: of the procedure; as released by default.
    """
    finite = a.isfinite().all(1) & b.isfinite().all(1)
    live = (finite & (a != b).any(1)).nonzero().flatten()
    found = _empty(a, b, finite)
    if not len(live):
        return found
    original = original_geodesics(F, a[live], b[live], how or OriginalSettings(segments=settings.segments))
    problem = Problem(maps=[F], owner=torch.zeros(len(live), dtype=torch.long), a=a[live], b=b[live], settings=settings)
    everyone = torch.arange(len(live), device=a.device)
    theta = fit_curves(original.curves, a[live], b[live], settings.segments)
    part = _measured(problem, theta, everyone, settings.segments)
    line, _ = problem.measure(torch.zeros_like(theta), everyone, quadrature_of(settings, settings.segments, finer=2))
    part |= {
        "length": original.length,
        "energy": original.energy,
        "line": line,
        "refinement_error": torch.full_like(original.length, torch.nan),
        "excess": torch.full_like(original.length, torch.nan),
        "start": torch.zeros_like(everyone),
        "segments": torch.full_like(everyone, settings.segments),
        "iterations": torch.full_like(everyone, original.steps),
        "converged": torch.zeros_like(everyone, dtype=torch.bool),
    }
    for name, value in part.items():
        getattr(found, name)[live] = value
    return found


def _empty(a: torch.Tensor, b: torch.Tensor, finite: torch.Tensor) -> Geodesics:
    """What is known of pairs before anything is searched: curves of length 0, and NaN where an end is not finite."""
    P = len(a)
    nothing = torch.where(finite, 0.0, torch.nan).to(a)
    zeros = torch.zeros(P, dtype=torch.long, device=a.device)
    names = ("length", "energy", "gap", "quadrature_error", "refinement_error", "excess", "line", "disagreement")
    return Geodesics(
        **{name: nothing.clone() for name in names},
        start=zeros - 1,
        segments=zeros.clone(),
        iterations=zeros.clone(),
        converged=finite.clone(),
        points=a[:, None].repeat(1, DRAWN_POINTS, 1),
        departure=b - a,
        arrival=b - a,
    )


def _search(
    problem: Problem, generator: torch.Generator | None, paths: Sequence[torch.Tensor]
) -> dict[str, torch.Tensor]:
    settings, segments = problem.settings, problem.settings.segments
    P = len(problem.a)
    everyone = torch.arange(P, device=problem.a.device)
    psi, facts = _screen(problem, generator, paths)
    found = _minimise(problem, psi, everyone, segments)
    theta = problem.coefficients(found.points, everyone)
    result = facts | {
        "iterations": found.iterations + settings.screening * (facts["start"] >= 0),
        "excess": found.gradient_norms.square() / (8 * found.values),
        "segments": torch.full_like(everyone, segments),
        "refinement_error": torch.full_like(problem.scale, torch.nan),
    }
    stationary = torch.tensor([each == "stationary" for each in found.reasons], device=everyone.device)
    result |= _measured(problem, theta, everyone, segments)
    rows = everyone
    for _ in range(settings.doublings):
        theta = refine(theta, segments)
        segments *= 2
        found = _minimise(problem, problem.whitened(theta, rows), rows, segments)
        theta = problem.coefficients(found.points, rows)
        fresh = _measured(problem, theta, rows, segments)
        change = (fresh["length"] - result["length"][rows]).abs() / fresh["length"].clamp_min(_tiny(theta))
        for name, value in fresh.items():
            result[name][rows] = value
        result["refinement_error"][rows] = change
        result["excess"][rows] = found.gradient_norms.square() / (8 * found.values)
        result["segments"][rows] = segments
        result["iterations"][rows] += found.iterations
        stationary[rows] = torch.tensor([each == "stationary" for each in found.reasons], device=rows.device)
        again = change > settings.tolerance
        rows, theta = rows[again], theta[again]
        if not len(rows):
            break
    sure = (result["refinement_error"] <= settings.tolerance) if settings.doublings else torch.ones_like(stationary)
    return result | {"converged": stationary & sure}


def _minimise(
    problem: Problem,
    psi: torch.Tensor,
    rows: torch.Tensor,
    segments: int,
    *,
    iterations: int | None = None,
) -> Minima:
    """L-BFGS of some curves, their coefficients (m, K d)."""
    curves = quadrature_of(problem.settings, segments).to(psi)

    def objective(points: torch.Tensor, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return problem.energy(points, rows[chosen], curves)

    return minimise(
        objective,
        psi,
        iterations=problem.settings.iterations if iterations is None else iterations,
        gradient_tolerance=problem.settings.gradient_tolerance,
    )


def _screen(
    problem: Problem, generator: torch.Generator | None, paths: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The best start of each pair after a few iterations, (P, K d), and what the starts were like."""
    settings, segments = problem.settings, problem.settings.segments
    P, d = problem.a.shape
    K = segments + 1
    everyone = torch.arange(P, device=problem.a.device)
    line = torch.zeros(P, K * d).to(problem.a)
    starts = [line, *(problem.whitened(path, everyone) for path in paths)]
    for _ in range(settings.starts - 1):
        bump = torch.zeros(P, K, d, dtype=torch.float64)
        modes = min(_BUMPED_MODES, K)
        bump[:, :modes] = torch.randn(P, modes, d, generator=generator, dtype=torch.float64) * (
            _BUMP / (modes * d) ** 0.5
        )
        starts.append(bump.reshape(P, -1).to(problem.a))
    curves = quadrature_of(settings, segments, finer=2).to(problem.a)
    straight, _ = problem.measure(line.reshape(P, K, d), everyone, curves)
    if len(starts) == 1:
        zero = torch.zeros_like(straight)
        return line, {"line": straight, "start": torch.zeros_like(everyone), "disagreement": zero}
    rows = everyone.repeat(len(starts))
    found = _minimise(problem, torch.cat(starts), rows, segments, iterations=settings.screening)
    values = found.values.reshape(len(starts), P).nan_to_num(nan=torch.inf)
    best = torch.where(values[0] <= values.amin(0) * (1 + _TIE), 0, values.argmin(0))
    points = found.points.reshape(len(starts), P, -1)[best, everyone]
    roots = values.sqrt()
    return points, {
        "line": straight,
        "start": best,
        "disagreement": (roots.amax(0) - roots.amin(0)) / roots.amin(0).clamp_min(_tiny(roots)),
    }


def _measured(problem: Problem, theta: torch.Tensor, rows: torch.Tensor, segments: int) -> dict[str, torch.Tensor]:
    """Lengths on the finer rule, their certificate, and the curves as they are drawn."""
    import numpy as np

    coarse, fine = (quadrature_of(problem.settings, segments, finer=each).to(theta) for each in (1, 2))
    short, _ = problem.measure(theta, rows, coarse)
    length, energy = problem.measure(theta, rows, fine)
    t = np.linspace(0.0, 1.0, DRAWN_POINTS)
    values, slopes = (torch.from_numpy(np.ascontiguousarray(each)).to(theta) for each in basis_at(segments, t))
    chord = problem.b[rows] - problem.a[rows]
    times = torch.from_numpy(t).to(theta)
    ends = chord[:, None] + torch.einsum("tk,pkd->ptd", slopes[[0, -1]], theta)
    return {
        "length": length,
        "energy": energy,
        "gap": ((energy - length.square()) / energy.clamp_min(_tiny(energy))).clamp_min(0),
        "quadrature_error": (length - short).abs() / length.clamp_min(_tiny(length)),
        "points": problem.a[rows][:, None]
        + times[:, None] * chord[:, None]
        + torch.einsum("tk,pkd->ptd", values, theta),
        "departure": ends[:, 0],
        "arrival": ends[:, 1],
    }


def _tiny(like: torch.Tensor) -> float:
    return torch.finfo(like.dtype).tiny
