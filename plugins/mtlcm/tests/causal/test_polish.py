"""Polish: at a stationary point of the exact likelihood, never above its start, in any coordinates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from identify_mtlcm.causal.joint_diagonalisation import diagonalise, whitening
from identify_mtlcm.causal.likelihood import DefinitenessError, residual_likelihood
from identify_mtlcm.causal.polish import polish
from identify_mtlcm.causal.residuals import residuals_of

FLOAT = torch.float64
LOWEST = torch.full((1, 1), 0.01, dtype=FLOAT)


def noise(size: float, d: int) -> torch.Tensor:
    return size**2 * torch.eye(d, dtype=FLOAT)


def test_it_ends_where_the_gradient_in_the_mixing_vanishes_and_variances_are_at_their_bounds(
    generated: Callable[..., Any],
) -> None:
    data = generated(d=4, tasks=15, n=60, observation_noise=0.05)
    residuals = residuals_of(data.statistics().moments("per-task"))
    start = 3 * diagonalise(residuals, whitening(residuals)).unmixing
    found = polish(residuals, start, torch.full((15, 4), 0.3, dtype=FLOAT), lowest=LOWEST, noise=noise(0.05, 4))
    assert found.converged
    A = torch.linalg.inv(found.unmixing)
    value, d_mixing, d_variances = residual_likelihood(A, found.variances, noise(0.05, 4), residuals)
    assert found.value == pytest.approx(float(value), abs=1e-10)
    assert found.gained > 0
    assert float((A.T @ d_mixing).abs().max()) < 1e-6
    scaled = 15 * d_variances * found.variances
    inside = (found.variances > 0.01 * (1 + 1e-9)) & (found.variances < 1 - 1e-9)
    assert bool(inside.any())
    assert float(scaled[inside].abs().max()) < 1e-5
    assert bool((scaled[found.variances <= 0.01 * (1 + 1e-9)] > -1e-5).all())
    assert bool((scaled[found.variances >= 1 - 1e-9] < 1e-5).all())


def test_without_observation_noise_it_agrees_with_bounded_joint_diagonalisation(generated: Callable[..., Any]) -> None:
    residuals = residuals_of(generated(d=4, tasks=15, n=60).statistics().moments("per-task"))
    free = diagonalise(residuals, whitening(residuals))
    bounded = diagonalise(residuals, 2 * free.unmixing, lowest=LOWEST, tolerance=1e-11)
    found = polish(residuals, 2 * free.unmixing, free.variances.clamp(0.01, 1), lowest=LOWEST, noise=noise(0, 4))
    assert found.value == pytest.approx(bounded.criterion, abs=1e-9)
    again = polish(residuals, bounded.unmixing, bounded.variances, lowest=LOWEST, noise=noise(0, 4))
    assert again.gained == pytest.approx(0, abs=1e-9)


def test_observation_noise_is_told_apart_from_latents(generated: Callable[..., Any]) -> None:
    """With noise that matters, A from the exact likelihood is closer to the truth than from joint diagonalisation."""
    data = generated(1, d=4, tasks=60, n=200, observation_noise=0.3)
    residuals = residuals_of(data.statistics().moments("per-task"))
    free = diagonalise(residuals, whitening(residuals))
    found = polish(residuals, free.unmixing, free.variances.clamp(0.01, 1), lowest=LOWEST, noise=noise(0.3, 4))

    def worst(unmixing: torch.Tensor) -> float:
        product = (unmixing @ torch.as_tensor(data.mixing)).abs()
        product = product / product.amax(1, keepdim=True)
        return float((product.sum(1) - 1).max())

    assert worst(found.unmixing) < 0.6 * worst(free.unmixing)


def test_one_latent_in_one_task_has_a_closed_form(generated: Callable[..., Any]) -> None:
    data = generated(d=1, tasks=1, n=200, k=1)
    residuals = residuals_of(data.statistics().moments("per-task"))
    found = polish(
        residuals,
        whitening(residuals),
        torch.ones(1, 1, dtype=FLOAT),
        lowest=torch.full((1, 1), 0.998001, dtype=FLOAT),
        noise=noise(0.2, 1),
    )
    # Σ = A² λ + σ_o² is the residual variance at the maximum
    total = found.unmixing.item() ** -2 * found.variances.item() + 0.04
    assert total == pytest.approx(residuals.variances().item())


def test_a_start_without_definite_covariances_is_an_error(generated: Callable[..., Any]) -> None:
    residuals = residuals_of(generated(d=3, tasks=5).statistics().moments("per-task"))
    with pytest.raises(DefinitenessError, match="where the likelihood's search starts"):
        polish(residuals, torch.eye(3, dtype=FLOAT), torch.ones(5, 3, dtype=FLOAT), lowest=LOWEST, noise=-noise(2.0, 3))
