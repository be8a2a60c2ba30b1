"""Fitting: from the statistics of the tasks to a linear causal model, by the solver that the options name."""

from __future__ import annotations

from typing import Any

import attrs
import torch

from identify_core import Context, Interrupted, OptionsError
from identify_mtlcm.causal.assembling import Solution, assemble
from identify_mtlcm.causal.frame import frame_of
from identify_mtlcm.causal.joint_diagonalisation import Diagonalisation, diagonalise, variances_within, whitening
from identify_mtlcm.causal.model import CausalModel
from identify_mtlcm.causal.polish import Polished, polish
from identify_mtlcm.causal.residuals import Residuals, residuals_of
from identify_mtlcm.causal.scales import Scales, scale_latents
from identify_mtlcm.causal.statistics import TaskStatistics
from identify_mtlcm.options.causal import CausalOptions


@attrs.frozen(kw_only=True, eq=False)
class Attempt:
    """One attempt of a solver.

    Args:
        diagonalisation: with free variances; None for the solver `likelihood`.
        unmixing: W before the polish, scaled, (r, r).
        scales: of its latents.
        polished: None for the solver `joint-diagonalisation`.
        criterion: what attempts are compared by: the lower the better.
    """

    diagonalisation: Diagonalisation | None
    unmixing: torch.Tensor
    scales: Scales
    polished: Polished | None
    criterion: float


def fit_causal_model(
    statistics: TaskStatistics,
    options: CausalOptions,
    *,
    generator: torch.Generator,
    context: Context | None = None,
) -> CausalModel:
    """Fit the model to the statistics of its tasks.

    `joint-diagonalisation` minimises Pham's criterion from whitening, scales the latents and reads c off the variances.
    `default` goes on to the exact likelihood with the noise that the options give: first at σ_o = 0, where the same
    iteration with bounded variances maximises it, then by L-BFGS. `likelihood` does the L-BFGS alone, from whitening.
    Each attempt goes downhill in what is stated, so the polish is kept; attempts from random rotations (`restarts`) are
    compared by Pham's criterion (joint-diagonalisation, default), or by the likelihood.

    Args:
        statistics: of every task's rows.
        options: of the model.
        generator: draws the rotations of the restarts, and nothing else.
        context: of a run: asked whether the user wants to stop.

    Raises:
        OptionsError: the solver is `adam`, which needs rows; or the representation is constant.
        Interrupted: the user stopped the run; the fit begins again when it is resumed.
    """
    if options.solver == "adam":
        raise OptionsError(
            "the solver 'adam' draws mini-batches of rows, and statistics have none", hint="use fit_by_adam"
        )
    centred = statistics.moments(options.centring)
    frame = frame_of(statistics, centred, options.standardise)
    moments = (
        centred
        if frame.rank == statistics.width and options.standardise == "none"
        else centred.seen_through(frame.scaling)
    )
    residuals = residuals_of(moments)
    best, criteria = None, []
    for start in _starts(residuals, options.restarts, generator):
        if context is not None and context.should_stop():
            raise Interrupted("stopped while fitting the causal model; it begins again when the run is resumed")
        attempt = _begin(residuals, start, options)
        criteria.append(attempt.criterion)
        if best is None or attempt.criterion < best.criterion - 1e-9 * abs(best.criterion):
            best = attempt
    assert best is not None
    if options.solver == "default":
        best = _finish(residuals, best, options)
    solution = _solution(residuals, best, options, criteria)
    return assemble(statistics, moments, residuals, frame, solution, options)


def _starts(residuals: Residuals, restarts: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Whitening, and random rotations of it; one latent has no rotations."""
    white = whitening(residuals)
    d = len(white)
    if d == 1:
        return [white]
    drawn = torch.randn(restarts, d, d, dtype=torch.float64, generator=generator).to(white.device)
    return [white, *(torch.linalg.qr(each).Q @ white for each in drawn)]


def _begin(residuals: Residuals, start: torch.Tensor, options: CausalOptions) -> Attempt:
    if options.solver == "likelihood":
        seen = residuals.seen_through(start)
        scales = _scales(seen, options)
        unmixing = scales.factors[:, None] * start
        polished = _polish(residuals, unmixing, scales, options)
        return Attempt(
            diagonalisation=None, unmixing=unmixing, scales=scales, polished=polished, criterion=polished.value
        )
    found = diagonalise(residuals, start, iterations=options.iterations, tolerance=options.tolerance)
    scales = _scales(found.residuals, options)
    return Attempt(
        diagonalisation=found,
        unmixing=scales.factors[:, None] * found.unmixing,
        scales=scales,
        polished=None,
        criterion=found.criterion,
    )


def _finish(residuals: Residuals, attempt: Attempt, options: CausalOptions) -> Attempt:
    """The exact likelihood: at σ_o = 0 by the iteration of joint diagonalisation, then with σ_o by L-BFGS."""
    bounded = diagonalise(
        residuals,
        attempt.unmixing,
        lowest=attempt.scales.spurious_noise.square(),
        iterations=options.iterations,
        tolerance=options.tolerance,
    )
    polished = _polish(residuals, bounded.unmixing, attempt.scales, options)
    return attrs.evolve(attempt, polished=polished)


def _scales(seen: Residuals, options: CausalOptions) -> Scales:
    return scale_latents(seen.variances(), seen.explained(), seen.weights, options.spurious_noise)


def _polish(residuals: Residuals, unmixing: torch.Tensor, scales: Scales, options: CausalOptions) -> Polished:
    lowest = scales.spurious_noise.square()
    seen = residuals.seen_through(unmixing)
    noise = options.observation_noise**2 * torch.eye(len(unmixing), dtype=unmixing.dtype, device=unmixing.device)
    return polish(
        residuals,
        unmixing,
        variances_within(seen.variances(), lowest),
        lowest=lowest,
        noise=noise,
        iterations=options.iterations,
        tolerance=options.tolerance,
    )


def _solution(residuals: Residuals, attempt: Attempt, options: CausalOptions, criteria: list[float]) -> Solution:
    """The attempt that was kept, with what is to be said of it."""
    notes: dict[str, Any] = {"attempts": len(criteria), "attempts-at-best": _agreeing(criteria)}
    found, polished = attempt.diagonalisation, attempt.polished
    converged = True
    if found is not None:
        notes |= {"diagonalisation-iterations": found.iterations, "diagonalisation-slope": found.slope}
        converged = found.converged
    lowest = attempt.scales.spurious_noise.square()
    if polished is None:
        seen = residuals.seen_through(attempt.unmixing)
        unmixing, variances = attempt.unmixing, variances_within(seen.variances(), lowest)
    else:
        unmixing, variances = polished.unmixing, polished.variances
        converged = polished.converged
        notes |= {
            "polish-iterations": polished.iterations,
            "polish-evaluations": polished.evaluations,
            "polish-gain": polished.gained,
            "polish-slope": polished.slope,
            "covariances-refused": polished.refused,
        }
    return Solution(
        mixing=torch.linalg.inv(unmixing),
        variances=variances,
        effects=residuals.slopes @ unmixing.T,
        spurious_noise=attempt.scales.spurious_noise,
        converged=converged,
        notes=notes,
    )


def _agreeing(criteria: list[float]) -> int:
    """How many attempts ended at the lowest criterion."""
    best = min(criteria)
    return sum(each <= best + 1e-6 * max(1.0, abs(best)) for each in criteria)
