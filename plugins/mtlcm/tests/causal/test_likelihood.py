"""The likelihood: value and gradient against one multivariate normal distribution a row, in float64, by autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import torch

from identify_mtlcm.causal.likelihood import (
    CausalParameters,
    DefinitenessError,
    negative_log_likelihood,
    residual_likelihood,
)
from identify_mtlcm.causal.residuals import residuals_of
from identify_mtlcm.causal.statistics import Moments, gather_statistics


def parameters_of(seed: int, count: int, d: int, *, per_task: bool = False, noise: float = 0.05) -> CausalParameters:
    stream = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=stream, dtype=torch.float64)

    return CausalParameters(
        mixing=normal(d, d),
        logits=normal(count, d),
        gamma=normal(count, d),
        spurious_noise=0.1 + 0.1 * normal(count, 1).abs() if per_task else torch.full((1, 1), 0.1, dtype=torch.float64),
        noise_covariance=noise**2 * torch.eye(d, dtype=torch.float64),
    )


def row_by_row(parameters: CausalParameters, h: torch.Tensor, y: torch.Tensor, task: torch.Tensor) -> dict[str, Any]:
    """The study's form: Σ and μ of every row, torch.distributions, autograd."""
    names = ("mixing", "logits", "gamma", "spurious_noise")
    leaves = {name: getattr(parameters, name).clone().requires_grad_() for name in names}
    c = leaves["logits"].sigmoid()[task]
    noise = leaves["spurious_noise"].expand(len(parameters.logits), 1)[task]
    variances = noise**2 * (1 - c) + c
    A = leaves["mixing"]
    covariances = A @ torch.diag_embed(variances) @ A.T + parameters.noise_covariance
    means = (leaves["gamma"][task] * (1 - c) * y[:, None]) @ A.T
    value = -torch.distributions.MultivariateNormal(means, covariances).log_prob(h).mean()
    value.backward()
    return {"value": value.detach(), **{name: leaf.grad for name, leaf in leaves.items()}}


@pytest.mark.parametrize("per_task", [False, True])
def test_value_and_gradient_are_those_of_a_normal_distribution_a_row(
    generated: Callable[..., Any], per_task: bool
) -> None:
    data = generated(d=5, tasks=12, n=30)
    parameters = parameters_of(1, 12, 5, per_task=per_task)
    own = negative_log_likelihood(parameters, data.statistics().moments("none"))
    expected = row_by_row(parameters, data.h, data.y, data.task)
    for name, value in expected.items():
        torch.testing.assert_close(getattr(own, name), value, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("missing", [False, True])
def test_rows_that_every_task_sees_count_once_in_each(generated: Callable[..., Any], missing: bool) -> None:
    data = generated(d=3, tasks=4, n=20)
    y = torch.randn(80, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    if missing:
        y[3, 1] = torch.nan
    statistics = gather_statistics([(data.h[:50], y[:50], None), (data.h[50:], y[50:], None)], 4)
    assert statistics.shared == (not missing)
    parameters = parameters_of(3, 4, 3)
    own = negative_log_likelihood(parameters, statistics.moments("none"))
    rows, tasks = (~y.isnan()).nonzero().T
    expected = row_by_row(parameters, data.h[rows], y[rows, tasks], tasks)
    for name, value in expected.items():
        torch.testing.assert_close(getattr(own, name), value, rtol=1e-10, atol=1e-10)


def test_tasks_may_be_worked_on_in_parts(generated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    data = generated(d=4, tasks=10, n=20)
    parameters, moments = parameters_of(1, 10, 4), data.statistics().moments("none")
    whole = negative_log_likelihood(parameters, moments)
    monkeypatch.setattr("identify_mtlcm.causal.likelihood._NUMBERS", 3 * 16)
    parts = negative_log_likelihood(parameters, moments)
    for field in attrs.fields(type(whole)):
        torch.testing.assert_close(getattr(parts, field.name), getattr(whole, field.name), rtol=1e-12, atol=1e-14)


def test_effects_of_regression_are_the_maximum_whatever_the_covariances_are(generated: Callable[..., Any]) -> None:
    data = generated(d=3, tasks=6, n=40)
    moments = data.statistics().moments("none")
    residuals = residuals_of(moments)
    parameters = parameters_of(4, 6, 3)
    effects = residuals.slopes @ torch.linalg.inv(parameters.mixing).T
    best = attrs.evolve(parameters, gamma=effects / (1 - parameters.probabilities))
    found = negative_log_likelihood(best, moments)
    assert float(found.gamma.abs().max()) < 1e-12
    value, d_mixing, d_variances = residual_likelihood(best.mixing, best.variances, best.noise_covariance, residuals)
    constant = 0.5 * 3 * torch.log(torch.tensor(2 * torch.pi, dtype=torch.float64))
    torch.testing.assert_close(found.value, value + constant, rtol=1e-12, atol=1e-12)
    A, variances = best.mixing.clone().requires_grad_(), best.variances.clone().requires_grad_()
    residual_by_hand(A, variances, best.noise_covariance, moments, residuals.slopes).backward()
    torch.testing.assert_close(d_mixing, A.grad, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(d_variances, variances.grad, rtol=1e-10, atol=1e-12)


def residual_by_hand(
    A: torch.Tensor, variances: torch.Tensor, noise: torch.Tensor, moments: Moments, slopes: torch.Tensor
) -> torch.Tensor:
    total = A.new_zeros(())
    for t in range(len(variances)):
        covariance = A @ torch.diag(variances[t]) @ A.T + noise
        spread = moments.second[t] - torch.outer(slopes[t], slopes[t]) * moments.energy[t]
        fit = moments.counts[t] * torch.logdet(covariance) + torch.trace(torch.linalg.inv(covariance) @ spread)
        total = total + fit / 2
    return total / moments.counts.sum()


def test_jitter_is_noise_on_every_feature(generated: Callable[..., Any]) -> None:
    moments = generated(d=3, tasks=5).statistics().moments("none")
    parameters = parameters_of(1, 5, 3)
    more = attrs.evolve(
        parameters, noise_covariance=parameters.noise_covariance + 0.01 * torch.eye(3, dtype=torch.float64)
    )
    shifted, expected = (
        negative_log_likelihood(parameters, moments, jitter=0.01),
        negative_log_likelihood(more, moments),
    )
    torch.testing.assert_close(shifted.value, expected.value)
    torch.testing.assert_close(shifted.mixing, expected.mixing)


def test_a_covariance_without_a_factor_is_an_error_of_its_own(generated: Callable[..., Any]) -> None:
    moments = generated(d=3, tasks=5).statistics().moments("none")
    singular = attrs.evolve(parameters_of(1, 5, 3, noise=0.0), mixing=torch.zeros(3, 3, dtype=torch.float64))
    with pytest.raises(DefinitenessError, match="5 of 5 covariances are not positive definite"):
        negative_log_likelihood(singular, moments)
