"""Minimising many functions at once: L-BFGS with a strong Wolfe line search, each row with its own memory and step.

Nocedal & Wright, "Numerical Optimization", 2nd edition (2006): algorithm 7.4 for the directions, conditions (3.7) for
the steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch

from identify_core.contexts.context import Context
from identify_core.errors import OptionsError
from identify_core.replicates import Batch, Loss, Replicates
from identify_core.training.courses import Course, PolishResult, Reason, widen

Objective = Callable[[torch.Tensor, torch.Tensor], "torch.Tensor | tuple[torch.Tensor, torch.Tensor]"]
_Evaluate = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
_DECREASE, _CURVATURE = 1e-4, 0.9  # c₁ and c₂
_TRIALS = 30


@attrs.frozen(kw_only=True, eq=False)
class Minima:
    """What `minimise` found; all tensors are on the device of its start.

    Args:
        points: where each row ended, (M, K).
        values: of the objective there, (M,).
        gradient_norms: the length of its gradient there, (M,).
        iterations: how many each row made, (M,), int64.
        reasons: `converged` (its value fell below the bound), `stationary` (its gradient or its gain vanished),
            `iterations` (all of them were made), `diverged` (its value was not finite at the start, where it stays).
    """

    points: torch.Tensor
    values: torch.Tensor
    gradient_norms: torch.Tensor
    iterations: torch.Tensor
    reasons: tuple[Reason, ...]


def minimise(
    objective: Objective,
    start: torch.Tensor,
    *,
    context: Context | None = None,
    iterations: int = 200,
    stop_below: float | None = None,
    memory: int = 10,
    gradient_tolerance: float = 0.0,
    name: str = "minimise",
) -> Minima:
    """Minimise M functions of K numbers each, row by row: curves, probes, maps, matchings.

    The rows go on together, each with its own line search, memory and end. A row that has ended leaves the batch, and
    in a line search the objective is asked for those rows alone that still search. Numbers are in the type of `start`.

    Args:
        objective: `objective(points (m, K), rows (m,)) -> values (m,)`, by tensor operations that autograd can go back
            through, and without one row touching another; or `(values, gradients (m, K))`. `rows` are int64 and say
            which of the M functions are asked for.
        start: (M, K).
        context: of a run: then there is a progress bar, the history gets `<name>-value` and `<name>-gradient-norm`,
            means over all rows, and the work can be interrupted and resumed.
        iterations: how many at most.
        stop_below: a row whose value falls below it has converged.
        memory: how many past steps shape a direction.
        gradient_tolerance: a row is stationary when its gradient is no longer than this; at 0 it is when neither its
            value nor its gradient gains any more, whatever the scale of the function.
        name: told apart where a run minimises several times.

    Raises:
        OptionsError: settings that cannot be, or values of another shape.
        Interrupted: the user stopped the run; a checkpoint was written.

    Example:
        >>> import torch
        >>> ends = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
        >>> found = minimise(lambda points, rows: (points - ends[rows]).square().sum(1), torch.zeros_like(ends))
        >>> bool(torch.allclose(found.points, ends)), found.reasons
        (True, ('stationary', 'stationary'))
    """
    if start.ndim != 2 or not start.is_floating_point():
        raise OptionsError(f"the start is {tuple(start.shape)}, {start.dtype}; it needs floating-point numbers, (M, K)")
    evaluate = functools.partial(_with_gradients, objective)
    course = _begin(evaluate, start.detach().clone(), memory)
    iterate = functools.partial(_iterate, evaluate=evaluate, gradient_tolerance=gradient_tolerance)
    course.follow(iterate, iterations=iterations, stop_below=stop_below, context=context, name=name, log=_log_means)
    return Minima(
        points=course.vectors,
        values=course.values,
        gradient_norms=course.slopes,
        iterations=course.taken,
        reasons=course.why(),
    )


def polish(
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
    evaluate = _loss_of(*widen(replicates, columns), loss, batch_size)
    course = _begin(evaluate, replicates.vectors().to(torch.float64), memory)
    iterate = functools.partial(_iterate, evaluate=evaluate, gradient_tolerance=gradient_tolerance)
    course.follow(iterate, iterations=iterations, stop_below=stop_below, context=context, name=name)
    everyone = torch.arange(replicates.count, device=course.vectors.device)
    return course.finish(replicates, lambda vectors: evaluate(vectors, everyone)[0], context, name)


def _with_gradients(
    objective: Objective, points: torch.Tensor, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Values (m,) and gradients (m, K), the latter by autograd where the objective gives none.

    Raises:
        OptionsError: the objective gives something else than one number a row.
    """
    with torch.enable_grad():
        leaf = points.detach().requires_grad_()
        result: Any = objective(leaf, rows)
        values, gradients = result if isinstance(result, tuple) else (result, None)
        if not isinstance(values, torch.Tensor) or values.shape != rows.shape:
            found = tuple(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
            raise OptionsError(f"the objective gave {found} for {len(rows)} rows; it gives one number a row, (m,)")
        if gradients is None:
            (gradients,) = torch.autograd.grad(values.sum(), leaf)
    return values.detach().to(points.dtype), gradients.detach()


def _loss_of(replicates: Replicates, columns: Batch, loss: Loss, batch_size: int | None) -> _Evaluate:
    """The loss of replicates as an objective; all of them are computed, so that each keeps its bits."""
    count = len(next(iter(columns.values())))
    size = batch_size or count

    def evaluate(points: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        replicates.matrix[rows] = points
        values, gradients = points.new_zeros(replicates.count), torch.zeros_like(replicates.matrix)
        for start in range(0, count, size):
            batch = {name: column[start : start + size] for name, column in columns.items()}
            share = min(size, count - start) / count
            part, slope, _ = replicates.loss_vectors(loss, batch)
            values, gradients = values + share * part, gradients + share * slope
        return values[rows], gradients[rows]

    return evaluate


def _log_means(course: Course, _further: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"value": course.values.mean(), "gradient-norm": course.slopes.mean()}


def _begin(evaluate: _Evaluate, vectors: torch.Tensor, memory: int) -> Course:
    values, gradients = evaluate(vectors, torch.arange(len(vectors), device=vectors.device))
    count, size = vectors.shape
    past = vectors.new_zeros(count, memory, size)
    course = Course.begin(
        vectors,
        values,
        {"gradients": gradients, "steps": past, "changes": past.clone(), "weights": vectors.new_zeros(count, memory)},
    )
    course.slopes = torch.linalg.vector_norm(gradients, dim=1)
    return course


def _iterate(whole: Course, *, evaluate: _Evaluate, gradient_tolerance: float) -> Mapping[str, torch.Tensor]:
    """One iteration of the rows that go on; the others are not touched."""
    rows = whole.active.nonzero().flatten()
    course = whole if len(rows) == len(whole.active) else whole.select(rows)
    memory = course.memory
    direction = -_smoothed(memory["gradients"], memory["steps"], memory["changes"], memory["weights"])
    slope = (direction * memory["gradients"]).sum(1)
    uphill = ~(slope < 0)
    direction = torch.where(uphill[:, None], -memory["gradients"], direction)
    first = memory["weights"].any(1).logical_not() | uphill
    length = torch.where(first, 1 / torch.linalg.vector_norm(direction, dim=1).clamp_min(1.0), 1.0)
    values, gradients, length = _search(course, direction, length, evaluate, rows)
    moved = length > 0
    before, slopes = course.values, course.slopes
    step = length[:, None] * direction
    vectors = torch.where(moved[:, None], course.vectors + step, course.vectors)
    _remember(memory, vectors - course.vectors, gradients - memory["gradients"], moved)
    course.vectors, course.values = vectors, values
    memory["gradients"] = gradients
    course.slopes = torch.linalg.vector_norm(gradients, dim=1)
    # At a minimum the value ends in rounding before the gradient does: who gains in neither would wander for ever.
    level = before - course.values <= 4 * torch.finfo(before.dtype).eps * before.abs()
    ended = ~moved | (course.slopes <= gradient_tolerance) | (level & (course.slopes > slopes / 2))
    course.stop(ended, "stationary")
    shown = torch.full_like(whole.values, torch.nan)
    shown[rows] = torch.where(moved, length, torch.nan)
    if course is not whole:
        whole.write(rows, course)
    return {"step-length": shown}


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
    # Relative to both, so that it does not depend on the scale of the function or of its arguments.
    counts = moved & (
        curvature > 1e-10 * torch.linalg.vector_norm(step, dim=1) * torch.linalg.vector_norm(change, dim=1)
    )
    who = counts[:, None, None]
    for name, new in (("steps", step), ("changes", change)):
        shifted = torch.cat([memory[name][:, 1:], new[:, None]], dim=1)
        memory[name] = torch.where(who, shifted, memory[name])
    weight = torch.where(counts, 1 / torch.where(counts, curvature, 1.0), 0.0)
    shifted = torch.cat([memory["weights"][:, 1:], weight[:, None]], dim=1)
    memory["weights"] = torch.where(counts[:, None], shifted, memory["weights"])


def _search(
    course: Course, direction: torch.Tensor, length: torch.Tensor, evaluate: _Evaluate, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Step lengths that meet the strong Wolfe conditions, by doubling and bisection, each row's for itself.

    Args:
        course: of the rows that go on.
        direction: (m, K), downhill.
        length: the first trial, (m,).
        evaluate: values and gradients at points of some rows.
        rows: which of all rows they are, (m,).

    Returns:
        values, gradients and lengths of the best trial; where none went downhill the length is 0.
    """
    before, slope = course.values, (direction * course.memory["gradients"]).sum(1)
    low, high = torch.zeros_like(length), torch.full_like(length, torch.inf)
    best_length, best_value = torch.zeros_like(length), before.clone()
    best_gradient = course.memory["gradients"].clone()
    who = torch.arange(len(rows), device=rows.device)
    for _ in range(_TRIALS):
        trial, ahead, downhill = length[who], direction[who], slope[who]
        value, gradient = evaluate(course.vectors[who] + trial[:, None] * ahead, rows[who])
        along = (gradient * ahead).sum(1)
        enough = (value <= before[who] + _DECREASE * trial * downhill) & value.isfinite() & gradient.isfinite().all(1)
        better = enough & (value <= best_value[who])
        best_length[who] = torch.where(better, trial, best_length[who])
        best_value[who] = torch.where(better, value, best_value[who])
        best_gradient[who] = torch.where(better[:, None], gradient, best_gradient[who])
        high[who] = torch.where(~enough | (along > 0), trial, high[who])
        low[who] = torch.where(enough & (along <= 0), trial, low[who])
        length[who] = torch.where(high[who].isfinite(), (low[who] + high[who]) / 2, 2 * trial)
        who = who[~(enough & (along.abs() <= _CURVATURE * downhill.abs()))]
        if not len(who):
            break
    return best_value, best_gradient, best_length
