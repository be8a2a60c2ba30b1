"""Updates on manifolds: a parameter that carries a `manifold` moves by its methods.

Any object with the methods of `Manifold` will do, such as those of geoopt, which is not imported here. The steps are
those of its RiemannianSGD and RiemannianAdam (Bécigneul & Ganea, Riemannian Adaptive Optimization Methods, ICLR 2019).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol

import torch

from identify_core.errors import OptionsError
from identify_core.replicates import Replicates
from identify_core.training.optimisers import Adam, Optimiser, Sgd
from identify_core.training.updates import Factor, State, Update, one_minus_power

_METHODS = ("egrad2rgrad", "retr", "retr_transp", "component_inner")


class Manifold(Protocol):
    """What a manifold can do with points and vectors (*shape)."""

    def egrad2rgrad(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """The Riemannian gradient at x of a function with the Euclidean gradient u."""

    def retr(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """Where the tangent vector u leads from x."""

    def retr_transp(self, x: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where u leads from x, and the tangent vector v carried there."""

    def component_inner(self, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """The squared length of u at x, for each component of the manifold, to be broadcast over it."""


def manifold_of(replicates: Replicates, name: str, optimiser: Optimiser) -> Manifold | None:
    """The manifold of a parameter on the device of the replicates; None for a parameter that has none.

    Raises:
        OptionsError: the manifold lacks a method, or the optimiser cannot move on one.
    """
    manifold: Any = replicates.manifolds.get(name)
    if manifold is None:
        return None
    lacking = [method for method in _METHODS if not callable(getattr(manifold, method, None))]
    if lacking:
        raise OptionsError(
            f"the parameter {name!r} lies on {_name(manifold)}, which lacks {', '.join(lacking)}",
            hint=f"a manifold has the methods {', '.join(_METHODS)}, as those of geoopt do",
        )
    if not isinstance(optimiser, (Sgd, Adam)) or (isinstance(optimiser, Adam) and optimiser.decoupled):
        what = "Adam with decoupled weight decay" if isinstance(optimiser, Adam) else type(optimiser).__name__
        raise OptionsError(
            f"the parameter {name!r} lies on {_name(manifold)}, where {what} cannot move it",
            hint="Sgd can, and Adam without decoupled weight decay; give the parameter a group of its own",
        )
    manifold = copy.deepcopy(manifold)
    move = getattr(manifold, "to", None)
    there: Manifold = move(replicates.device) if callable(move) else manifold
    return there


def initial_state_on(optimiser: Optimiser, parameters: torch.Tensor) -> State:
    """What the optimiser remembers before the first step, (R, P) and the steps (R, 1)."""
    steps = torch.zeros(len(parameters), 1, dtype=parameters.dtype, device=parameters.device)
    if isinstance(optimiser, Adam):
        return steps, torch.zeros_like(parameters), torch.zeros_like(parameters)
    return (steps, torch.zeros_like(parameters)) if isinstance(optimiser, Sgd) and optimiser.momentum else ()


def update_on(manifold: Manifold, optimiser: Optimiser, shape: Sequence[int]) -> Update:
    """The optimiser's step for a parameter on a manifold, on rows (R, P) of points (*shape).

    The rows go one after the other: a manifold's own arithmetic need not be the same for many points at once (geoopt's
    transport of positive definite matrices differs by 5e-10), and no replicate may depend on who is next to it.
    """
    step = _adam if isinstance(optimiser, Adam) else _sgd

    def update(
        parameters: torch.Tensor, gradients: torch.Tensor, state: State, factor: Factor = 1.0
    ) -> tuple[torch.Tensor, State]:
        points, memory = [], []
        for row, (point, gradient) in enumerate(zip(parameters, gradients, strict=True)):
            own = tuple(each[row].reshape(shape) if each.shape == parameters.shape else each[row] for each in state)
            rate = optimiser.learning_rate * (factor[row] if isinstance(factor, torch.Tensor) else factor)
            moved, after = step(manifold, optimiser, point.reshape(shape), gradient.reshape(shape), own, rate)
            points.append(moved.reshape(-1))
            memory.append(tuple(each.reshape(-1) for each in after))
        return torch.stack(points), tuple(torch.stack(each) for each in zip(*memory, strict=True))

    return update


def _sgd(
    manifold: Manifold, settings: Any, point: torch.Tensor, gradient: torch.Tensor, state: State, rate: Factor
) -> tuple[torch.Tensor, State]:
    slope = manifold.egrad2rgrad(point, gradient.add(point, alpha=settings.weight_decay))
    if not settings.momentum:
        return manifold.retr(point, -rate * slope), ()
    steps, velocity = state
    # geoopt's buffer begins as the first Euclidean gradient.
    velocity = torch.where(steps == 0, gradient, velocity).mul(settings.momentum).add(slope)
    step = slope.add(velocity, alpha=settings.momentum) if settings.nesterov else velocity
    point, velocity = manifold.retr_transp(point, -rate * step, velocity)
    return point, (steps + 1, velocity)


def _adam(
    manifold: Manifold, settings: Any, point: torch.Tensor, gradient: torch.Tensor, state: State, rate: Factor
) -> tuple[torch.Tensor, State]:
    first, second = settings.betas
    steps, mean, square = state
    slope = manifold.egrad2rgrad(point, gradient.add(point, alpha=settings.weight_decay))
    steps = steps + 1
    mean = mean.mul(first).add(slope, alpha=1 - first)
    square = square.mul(second).add(manifold.component_inner(point, slope), alpha=1 - second)
    length = (square / _one_minus_power(second, steps)).sqrt() + settings.epsilon
    step = mean / _one_minus_power(first, steps) / length
    point, mean = manifold.retr_transp(point, -rate * step, mean)
    return point, (steps, mean, square)


def _one_minus_power(beta: float, steps: torch.Tensor) -> torch.Tensor:
    """1 - beta**steps: in float64 as geoopt rounds it, in fewer digits without losing four of them."""
    return 1 - beta**steps if steps.dtype == torch.float64 else one_minus_power(beta, steps)


def _name(manifold: object) -> str:
    return str(getattr(manifold, "name", None) or type(manifold).__name__)
