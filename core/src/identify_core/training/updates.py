"""What an optimiser does to the parameters of all replicates at once: pure functions on matrices (R, P)."""

from __future__ import annotations

import math
from typing import Protocol

import torch

from identify_core.training.optimisers import Adam, Adamax, Optimiser, Sgd

State = tuple[torch.Tensor, ...]
Factor = float | torch.Tensor


class Update(Protocol):
    """One step of an optimiser."""

    def __call__(
        self, parameters: torch.Tensor, gradients: torch.Tensor, state: State, factor: Factor = 1.0
    ) -> tuple[torch.Tensor, State]:
        """New parameters and memory from parameters (R, P), gradients (R, P), memory and a factor on the rate.

        The factor is one number, or one a replicate, (R, 1).
        """
        ...


def initial_state(optimiser: Optimiser, parameters: torch.Tensor) -> State:
    """What the optimiser remembers before the first step: tensors with a leading axis R.

    Args:
        optimiser: its settings.
        parameters: (R, P).
    """
    if isinstance(optimiser, (Adam, Adamax)):
        steps = torch.zeros(len(parameters), 1, dtype=parameters.dtype, device=parameters.device)
        return steps, torch.zeros_like(parameters), torch.zeros_like(parameters)
    return (torch.zeros_like(parameters),) if optimiser.momentum else ()


def update_of(optimiser: Optimiser) -> Update:
    """The optimiser's step as `update(parameters, gradients, state, factor=1.0) -> (parameters, state)`; pure.

    Parameters and gradients are (R, P); the factor multiplies the learning rate.
    """
    if isinstance(optimiser, Adam):
        return _adam(optimiser)
    return _adamax(optimiser) if isinstance(optimiser, Adamax) else _sgd(optimiser)


def _sgd(settings: Sgd) -> Update:
    def update(
        parameters: torch.Tensor, gradients: torch.Tensor, state: State, factor: Factor = 1.0
    ) -> tuple[torch.Tensor, State]:
        if settings.weight_decay:
            gradients = gradients.add(parameters, alpha=settings.weight_decay)
        if settings.momentum:
            velocity = state[0].mul(settings.momentum).add_(gradients)
            gradients = gradients.add(velocity, alpha=settings.momentum) if settings.nesterov else velocity
            state = (velocity,)
        return _stepped(parameters, gradients, settings.learning_rate * factor), state

    return update


def _adam(settings: Adam) -> Update:
    first, second = settings.betas

    def update(
        parameters: torch.Tensor, gradients: torch.Tensor, state: State, factor: Factor = 1.0
    ) -> tuple[torch.Tensor, State]:
        steps, mean, square = state
        if settings.weight_decay and settings.decoupled:
            parameters = parameters * (1 - settings.learning_rate * factor * settings.weight_decay)
        elif settings.weight_decay:
            gradients = gradients.add(parameters, alpha=settings.weight_decay)
        steps = steps + 1
        mean = mean.lerp(gradients, 1 - first)
        square = square.mul(second).addcmul_(gradients, gradients, value=1 - second)
        # Each replicate counts its own steps.
        bias_of_mean = one_minus_power(first, steps)
        bias_of_square = one_minus_power(second, steps).sqrt_()
        denominator = square.sqrt().div_(bias_of_square).add_(settings.epsilon)
        step = mean.div(bias_of_mean).div_(denominator)
        return _stepped(parameters, step, settings.learning_rate * factor), (steps, mean, square)

    return update


def _adamax(settings: Adamax) -> Update:
    first, second = settings.betas

    def update(
        parameters: torch.Tensor, gradients: torch.Tensor, state: State, factor: Factor = 1.0
    ) -> tuple[torch.Tensor, State]:
        steps, mean, largest = state
        if settings.weight_decay:
            gradients = gradients.add(parameters, alpha=settings.weight_decay)
        steps = steps + 1
        mean = mean.lerp(gradients, 1 - first)
        largest = torch.maximum(largest * second, gradients.abs().add_(settings.epsilon))
        step = mean.div(one_minus_power(first, steps)).div_(largest)
        return _stepped(parameters, step, settings.learning_rate * factor), (steps, mean, largest)

    return update


def _stepped(parameters: torch.Tensor, direction: torch.Tensor, rate: Factor) -> torch.Tensor:
    """Parameters minus the rate times the direction."""
    if isinstance(rate, torch.Tensor):
        return parameters.addcmul(direction, rate, value=-1)
    return parameters.add(direction, alpha=-rate)


def one_minus_power(beta: float, steps: torch.Tensor) -> torch.Tensor:
    """1 - beta**steps; in float32 the difference itself would lose four digits at the first step."""
    return torch.ones_like(steps) if beta == 0 else torch.expm1(steps * math.log(beta)).neg_()
