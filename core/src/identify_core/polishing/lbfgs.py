"""L-BFGS with a strong Wolfe line search, each replicate with its own memory and its own step length.

Nocedal & Wright, "Numerical Optimization", 2nd edition (2006): algorithm 7.4 for the directions, conditions (3.7) for
the steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import torch

from identify_core.polishing.course import Course, PolishResult, widen
from identify_core.replicates import Batch, Loss, Replicates
from identify_core.run.context import Context

Objective = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
_DECREASE, _CURVATURE = 1e-4, 0.9  # c₁ and c₂
_TRIALS = 30


def minimise(
    replicates: Replicates,
    loss: Loss,
    columns: Batch,
    *,
    context: Context,
    iterations: int = 200,
    stop_below: float | None = None,
    memory: int = 10,
    gradient_tolerance: float = 1e-12,
    batch_size: int | None = None,
    name: str = "lbfgs",
) -> PolishResult:
    """Minimise every replicate's loss over all rows, in evaluation mode and in float64.

    The replicates take the result in their own type. The history gets `<name>-loss`, `<name>-gradient-norm` and
    `<name>-step-length`.

    Args:
        replicates: what is polished, in place.
        loss: as in `fit`: a mean over the rows of its batch.
        columns: name to tensor (n, ...).
        context: of the run.
        iterations: how many at most.
        stop_below: a replicate whose loss falls below it has converged.
        memory: how many past steps shape a direction.
        gradient_tolerance: a replicate is stationary when its gradient is no longer than this.
        batch_size: rows that are computed at once; None for all.
        name: told apart where a run polishes several times.

    Raises:
        OptionsError: settings that cannot be.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    objective = _objective(*widen(replicates, columns), loss, batch_size)
    vectors = replicates.vectors().to(torch.float64)
    values, gradients = objective(vectors)
    count, size = vectors.shape
    past = vectors.new_zeros(count, memory, size)
    course = Course.begin(
        vectors,
        values,
        {"gradients": gradients, "steps": past, "changes": past.clone(), "weights": vectors.new_zeros(count, memory)},
    )
    course.slopes = torch.linalg.vector_norm(gradients, dim=1)
    iterate = functools.partial(_iterate, objective=objective, gradient_tolerance=gradient_tolerance)
    course.follow(iterate, iterations=iterations, stop_below=stop_below, context=context, name=name)
    return course.finish(replicates, lambda vectors: objective(vectors)[0], context, name)


def _objective(replicates: Replicates, columns: Batch, loss: Loss, batch_size: int | None) -> Objective:
    rows = len(next(iter(columns.values())))
    size = batch_size or rows

    def objective(vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        replicates.set_vectors(vectors)
        values, gradients = vectors.new_zeros(len(vectors)), torch.zeros_like(vectors)
        for start in range(0, rows, size):
            batch = {name: column[start : start + size] for name, column in columns.items()}
            share = min(size, rows - start) / rows
            part, slope, _ = replicates.loss_vectors(loss, batch)
            values, gradients = values + share * part, gradients + share * slope
        return values, gradients

    return objective


def _iterate(course: Course, *, objective: Objective, gradient_tolerance: float) -> Mapping[str, torch.Tensor]:
    memory = course.memory
    direction = -_smoothed(memory["gradients"], memory["steps"], memory["changes"], memory["weights"])
    slope = (direction * memory["gradients"]).sum(1)
    uphill = ~(slope < 0)
    direction = torch.where(uphill[:, None], -memory["gradients"], direction)
    first = memory["weights"].any(1).logical_not() | uphill
    length = torch.where(first, 1 / torch.linalg.vector_norm(direction, dim=1).clamp_min(1.0), 1.0)
    vectors, values, gradients, length, found = _search(course, direction, length, objective)
    moved = course.active & found
    before, slopes = course.values, course.slopes
    step = torch.where(moved[:, None], vectors - course.vectors, 0.0)
    change = torch.where(moved[:, None], gradients - memory["gradients"], 0.0)
    _remember(memory, step, change, moved)
    course.vectors = torch.where(moved[:, None], vectors, course.vectors)
    course.values = torch.where(moved, values, course.values)
    memory["gradients"] = torch.where(moved[:, None], gradients, memory["gradients"])
    course.slopes = torch.linalg.vector_norm(memory["gradients"], dim=1)
    # At a minimum the value ends in rounding before the gradient does: who gains in neither would wander for ever.
    level = before - course.values <= 4 * torch.finfo(before.dtype).eps * before.abs()
    ended = ~moved | (course.slopes <= gradient_tolerance) | (level & (course.slopes > slopes / 2))
    course.stop(course.active & ended, "stationary")
    return {"step-length": torch.where(moved, length, torch.nan)}


def _smoothed(
    gradients: torch.Tensor, steps: torch.Tensor, changes: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """The inverse Hessian's estimate times the gradients (R, P): the two-loop recursion, newest pair last.

    Args:
        gradients: (R, P).
        steps: s, (R, memory, P).
        changes: y, (R, memory, P).
        weights: 1 / sᵀy, (R, memory); 0 for pairs that do not count.
    """
    result, alphas = gradients, []
    for k in reversed(range(steps.shape[1])):
        alpha = weights[:, k, None] * (steps[:, k] * result).sum(1, keepdim=True)
        result = result - alpha * changes[:, k]
        alphas.append(alpha)
    newest = weights[:, -1, None]
    curvature = newest * changes[:, -1].square().sum(1, keepdim=True)
    result = torch.where(newest > 0, result / torch.where(newest > 0, curvature, 1.0), result)
    for k, alpha in zip(range(steps.shape[1]), reversed(alphas), strict=True):
        beta = weights[:, k, None] * (changes[:, k] * result).sum(1, keepdim=True)
        result = result + (alpha - beta) * steps[:, k]
    return result


def _remember(memory: dict[str, torch.Tensor], step: torch.Tensor, change: torch.Tensor, moved: torch.Tensor) -> None:
    """Append a pair for those that moved along positive curvature; the oldest pair goes."""
    curvature = (step * change).sum(1)
    counts = moved & (curvature > 1e-10 * change.square().sum(1).clamp_min(torch.finfo(step.dtype).tiny))
    who = counts[:, None, None]
    for name, new in (("steps", step), ("changes", change)):
        shifted = torch.cat([memory[name][:, 1:], new[:, None]], dim=1)
        memory[name] = torch.where(who, shifted, memory[name])
    weight = torch.where(counts, 1 / torch.where(counts, curvature, 1.0), 0.0)
    shifted = torch.cat([memory["weights"][:, 1:], weight[:, None]], dim=1)
    memory["weights"] = torch.where(counts[:, None], shifted, memory["weights"])


def _search(
    course: Course, direction: torch.Tensor, length: torch.Tensor, objective: Objective
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Step lengths that meet the strong Wolfe conditions, by doubling and bisection, each replicate's for itself.

    Returns:
        vectors, values, gradients and lengths of the best trial, and whether one went downhill at all.
    """
    before, slope = course.values, (direction * course.memory["gradients"]).sum(1)
    low, high = torch.zeros_like(length), torch.full_like(length, torch.inf)
    best_length, best_value = torch.zeros_like(length), before
    best_gradient = course.memory["gradients"]
    searching = course.active.clone()
    for _ in range(_TRIALS):
        if not bool(searching.any()):
            break
        value, gradient = objective(course.vectors + length[:, None] * direction)
        along = (gradient * direction).sum(1)
        enough = (value <= before + _DECREASE * length * slope) & value.isfinite() & gradient.isfinite().all(1)
        better = searching & enough & (value <= best_value)
        best_length = torch.where(better, length, best_length)
        best_value = torch.where(better, value, best_value)
        best_gradient = torch.where(better[:, None], gradient, best_gradient)
        searching = searching & ~(enough & (along.abs() <= _CURVATURE * slope.abs()))
        high = torch.where(searching & (~enough | (along > 0)), length, high)
        low = torch.where(searching & enough & (along <= 0), length, low)
        middle = torch.where(high.isfinite(), (low + high) / 2, 2 * length)
        length = torch.where(searching, middle, length)
    vectors = course.vectors + best_length[:, None] * direction
    return vectors, best_value, best_gradient, best_length, best_length > 0
