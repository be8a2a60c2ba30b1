"""Levenberg-Marquardt: damped Gauss-Newton steps, each replicate with its own damping.

Damping follows Nielsen, "Damping parameter in Marquardt's method", IMM-REP-1999-05 (1999).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch

from identify_core import Batch, Context, Course, OptionsError, PolishResult, Replicates, widen
from identify_genni.polishing.gauss_newton import Problem, Residuals, System

_ATTEMPTS = 10  # dampings that are tried before the system is built again
_SMALLEST_STEP = 1e-14  # relative to the length of the parameters
_SMALLEST_DAMPING = 1e-15  # relative to the largest diagonal entry


def levenberg_marquardt(
    replicates: Replicates,
    residuals: Residuals,
    columns: Batch,
    *,
    context: Context,
    iterations: int = 100,
    stop_below: float | None = None,
    damping: float = 1e-4,
    gradient_tolerance: float = 1e-14,
    memory: int = 2**30,
    name: str = "levenberg-marquardt",
) -> PolishResult:
    """Minimise the mean squared residual of every replicate, in evaluation mode and in float64.

    The replicates take the result in their own type. The history gets `<name>-loss`, `<name>-gradient-norm` and
    `<name>-damping`.

    Args:
        replicates: what is polished, in place.
        residuals: `residuals(call, batch) -> tensor` of one replicate, where a batch of one row gives that row's
            residuals: `call(batch["x"]) - batch["y"]`.
        columns: name to tensor (n, ...).
        context: of the run.
        iterations: how many at most; each builds one Gauss-Newton system and tries several dampings.
        stop_below: a replicate whose mean squared residual falls below it has converged.
        damping: at the start, relative to the largest diagonal entry of JᵀJ.
        gradient_tolerance: a replicate is stationary when its gradient is no longer than this.
        memory: bytes that Jacobians may take at once; where even one replicate's system is larger, the steps come from
            conjugate gradients without Jacobians.
        name: told apart where a run polishes several times.

    Raises:
        OptionsError: settings or columns that cannot be.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    if damping < 0:
        raise OptionsError(f"the polishing's damping is {damping!r}; it must be at least 0")
    wide, wide_columns = widen(replicates, columns)
    problem = Problem.of(wide, residuals, wide_columns, memory)
    vectors = problem.replicates.vectors()
    everyone = torch.arange(len(vectors), device=vectors.device)
    start = torch.full((len(vectors),), torch.nan, dtype=vectors.dtype, device=vectors.device)
    course = Course.begin(
        vectors,
        problem.values(vectors, everyone),
        {"damping": start, "growth": torch.full_like(start, 2.0)},
    )
    iterate = functools.partial(_iterate, problem=problem, damping=damping, gradient_tolerance=gradient_tolerance)
    course.follow(iterate, iterations=iterations, stop_below=stop_below, context=context, name=name)
    return course.finish(replicates, functools.partial(problem.values, which=everyone), context, name)


def _iterate(
    course: Course, *, problem: Problem, damping: float, gradient_tolerance: float
) -> Mapping[str, torch.Tensor]:
    for which in torch.split(course.active.nonzero().flatten(), problem.group):
        system = problem.system(course.vectors[which], which)
        slopes = torch.linalg.vector_norm(system.gradient, dim=1) * (2 / problem.size)
        course.slopes[which] = slopes
        begun = course.memory["damping"][which]
        course.memory["damping"][which] = torch.where(begun.isnan(), damping * system.largest, begun)
        still = torch.zeros_like(course.active)
        still[which] = slopes <= gradient_tolerance
        course.stop(still, "stationary")
        _improve(course, problem, system, which)
    return {"damping": course.memory["damping"]}


def _improve(course: Course, problem: Problem, system: System, which: torch.Tensor) -> None:
    """Try dampings until each replicate of `which` has gone downhill or cannot."""
    pending = course.active[which]
    for _ in range(_ATTEMPTS):
        if not bool(pending.any()):
            return
        start, before = course.vectors[which], course.values[which]
        damping = course.memory["damping"][which].clamp_min(_SMALLEST_DAMPING * system.largest)
        step = system.solve(damping)
        after = problem.values(start + step, which)
        # Of half the sum of squares, as the model (1/2)|r + J step|² predicts it.
        predicted = 0.5 * (step * (damping[:, None] * step - system.gradient)).sum(1)
        gain = 0.5 * problem.size * (before - after) / predicted
        accepted = pending & (after < before) & after.isfinite()
        course.vectors[which] = torch.where(accepted[:, None], start + step, start)
        course.values[which] = torch.where(accepted, after, before)
        growth = course.memory["growth"][which]
        easier = damping * (1 - (2 * gain - 1) ** 3).clamp(1 / 3, 2.0)
        harder = damping * growth
        course.memory["damping"][which] = torch.where(accepted, easier, torch.where(pending, harder, damping))
        course.memory["growth"][which] = torch.where(accepted, 2.0, torch.where(pending, 2 * growth, growth))
        lengths = torch.linalg.vector_norm(step, dim=1)
        nowhere = pending & (lengths <= _SMALLEST_STEP * torch.linalg.vector_norm(start, dim=1))
        at_rest = torch.zeros_like(course.active)
        at_rest[which] = nowhere & ~accepted
        course.stop(at_rest, "stationary")
        pending = pending & ~accepted & ~nowhere
