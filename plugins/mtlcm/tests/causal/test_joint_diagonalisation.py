"""Joint diagonalisation: exact where the matrices can be diagonalised, equivariant, downhill, at a stationary point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from identify_mtlcm.causal.joint_diagonalisation import curvatures, diagonalise, slope_of, whitening
from identify_mtlcm.causal.residuals import Residuals, residuals_of
from identify_mtlcm.causal.statistics import gather_statistics

FLOAT = torch.float64


def residuals_with(covariances: torch.Tensor, weights: torch.Tensor | None = None) -> Residuals:
    count, d = covariances.shape[:2]
    return Residuals(
        weights=torch.full((count,), 1 / count, dtype=FLOAT) if weights is None else weights,
        freedom=torch.full((count,), 100.0, dtype=FLOAT),
        lent=torch.zeros(count, dtype=FLOAT),
        base=covariances,
        loadings=None,
        slopes=torch.zeros(count, d, dtype=FLOAT),
        powers=torch.ones(count, dtype=FLOAT),
    )


def diagonalisable(seed: int, d: int, count: int, condition: float | None = None) -> tuple[torch.Tensor, Residuals]:
    stream = torch.Generator().manual_seed(seed)
    A = torch.randn(d, d, generator=stream, dtype=FLOAT)
    if condition is not None:
        u, _, v = torch.linalg.svd(A)
        A = (u * torch.logspace(0, -torch.log10(torch.tensor(condition)).item(), d, dtype=FLOAT)) @ v
    variances = 0.1 + torch.rand(count, d, generator=stream, dtype=FLOAT)
    return A, residuals_with((A * variances[:, None, :]) @ A.T)


def assert_permutation_with_scaling(matrix: torch.Tensor, tolerance: float) -> None:
    scaled = (matrix / matrix.abs().amax(1, keepdim=True)).abs()
    assert (scaled > 0.5).sum(0).tolist() == [1] * len(matrix)
    assert float((scaled - (scaled > 0.5).to(scaled)).abs().max()) < tolerance


def criterion(W: torch.Tensor, residuals: Residuals) -> torch.Tensor:
    """Pham's criterion, written out."""
    total = -torch.linalg.slogdet(W).logabsdet
    for t in range(residuals.count):
        R = residuals.covariances(t, t + 1)[0]
        total = total + 0.5 * residuals.weights[t] * torch.log(torch.diagonal(W @ R @ W.T)).sum()
    return total


@pytest.mark.parametrize(("d", "condition", "tolerance"), [(2, None, 1e-9), (6, None, 1e-9), (6, 1e5, 1e-3)])
def test_exactly_diagonalisable_matrices_are_diagonalised(d: int, condition: float | None, tolerance: float) -> None:
    A, residuals = diagonalisable(0, d, 15, condition)
    found = diagonalise(residuals, whitening(residuals), tolerance=1e-11)
    assert found.converged
    assert_permutation_with_scaling(found.unmixing @ A, tolerance)
    # Hadamard's inequality is an equality for diagonal matrices: the least that the criterion can be
    least = 0.5 * sum(residuals.weights[t] * torch.logdet(residuals.covariances(t, t + 1)[0]) for t in range(15))
    assert found.criterion - 0.5 * d == pytest.approx(float(least), abs=1e-8 if condition is None else 1e-6)
    torch.testing.assert_close(residuals.weights @ found.variances, torch.ones(d, dtype=FLOAT))


def test_two_matrices_are_diagonalised_in_closed_form() -> None:
    A, _ = diagonalisable(3, 5, 2)
    variances = torch.tensor([[1.0, 1.0, 1.0, 1.0, 1.0], [0.1, 0.3, 0.7, 1.5, 4.0]], dtype=FLOAT)
    residuals = residuals_with((A * variances[:, None, :]) @ A.T)
    first, second = residuals.covariances(0, 2)
    _, vectors = torch.linalg.eig(torch.linalg.solve(second, first))
    closed_form = vectors.real.T  # rows: generalised eigenvectors
    found = diagonalise(residuals, whitening(residuals), tolerance=1e-11)
    assert_permutation_with_scaling(found.unmixing @ torch.linalg.inv(closed_form), 1e-8)


def test_the_result_for_a_mixed_representation_is_the_result_mixed(generated: Callable[..., Any]) -> None:
    data = generated(d=5, tasks=20, n=60, k=2)
    M = torch.randn(5, 5, generator=torch.Generator().manual_seed(7), dtype=FLOAT)
    ends = []
    for each in (data, data.seen_through(M)):
        residuals = residuals_of(each.statistics().moments("per-task"))
        ends.append(diagonalise(residuals, whitening(residuals), tolerance=1e-11))
    assert_permutation_with_scaling(ends[1].unmixing @ M @ torch.linalg.inv(ends[0].unmixing), 1e-7)
    offset = float(torch.linalg.slogdet(M).logabsdet)
    assert ends[1].criterion == pytest.approx(ends[0].criterion + offset, abs=1e-9)


def test_the_relative_gradient_is_that_of_autograd_and_vanishes_at_the_end(generated: Callable[..., Any]) -> None:
    residuals = residuals_of(generated(d=4, tasks=12, n=40).statistics().moments("per-task"))
    start = whitening(residuals)
    found = diagonalise(residuals, start, tolerance=1e-11)
    for W in (start, found.unmixing):
        E = torch.zeros(4, 4, dtype=FLOAT, requires_grad=True)
        criterion((torch.eye(4, dtype=FLOAT) + E) @ W, residuals).backward()
        seen = residuals.seen_through(W)
        own = seen.weighted(1 / seen.variances()) - torch.eye(4, dtype=FLOAT)
        torch.testing.assert_close(own, E.grad, atol=1e-12, rtol=1e-9)
        assert slope_of(seen, seen.variances()) == pytest.approx(float(own.abs().max()))
    assert float(own.abs().max()) < 1e-9
    assert float(criterion(found.unmixing, residuals)) < float(criterion(start, residuals))


def test_curvatures_are_second_derivatives_where_the_covariances_are_diagonal() -> None:
    A, residuals = diagonalisable(1, 4, 9)
    W = torch.linalg.inv(A)
    found = curvatures(residuals.seen_through(W), residuals.seen_through(W).variances())

    def shifted(vector: torch.Tensor) -> torch.Tensor:
        return criterion((torch.eye(4, dtype=FLOAT) + vector.view(4, 4)) @ W, residuals)

    hessian = torch.autograd.functional.hessian(shifted, torch.zeros(16, dtype=FLOAT)).view(4, 4, 4, 4)
    for i in range(4):
        for j in range(4):
            if i != j:
                assert float(hessian[i, j, i, j]) == pytest.approx(float(found[i, j]))
                assert float(hessian[i, j, j, i]) == pytest.approx(1.0)


def test_bounded_variances_are_the_likelihood_without_observation_noise(generated: Callable[..., Any]) -> None:
    data = generated(d=3, tasks=10, n=50)
    residuals = residuals_of(data.statistics().moments("per-task"))
    lowest = torch.full((1, 1), 0.01, dtype=FLOAT)

    def value(W: torch.Tensor) -> torch.Tensor:
        D = torch.stack([torch.diagonal(W @ R @ W.T) for R in residuals.covariances(0, 10)])
        clipped = D.detach().clamp(0.01, 1.0)
        fit = (residuals.weights[:, None] * (clipped.log() + D / clipped)).sum()
        return 0.5 * fit - torch.linalg.slogdet(W).logabsdet

    start = diagonalise(residuals, whitening(residuals)).unmixing
    found = diagonalise(residuals, start, lowest=lowest, tolerance=1e-10)
    assert found.converged
    assert bool((found.variances >= 0.01).all())
    assert bool((found.variances <= 1).all())
    assert found.criterion == pytest.approx(float(value(found.unmixing)))
    W = found.unmixing.clone().requires_grad_()
    value(W).backward()
    assert W.grad is not None
    assert float((W.grad @ W.detach().T).abs().max()) < 1e-8
    stream = torch.Generator().manual_seed(0)
    for _ in range(20):
        E = 0.1 * torch.randn(3, 3, generator=stream, dtype=FLOAT)
        assert float(value((torch.eye(3, dtype=FLOAT) + E) @ found.unmixing)) > found.criterion


def test_shared_rows_are_diagonalised_as_repeated_rows_are() -> None:
    stream = torch.Generator().manual_seed(0)
    h = torch.randn(200, 4, generator=stream, dtype=FLOAT) @ torch.randn(4, 4, generator=stream, dtype=FLOAT)
    y = h @ torch.randn(4, 9, generator=stream, dtype=FLOAT).pow(3) + torch.randn(200, 9, generator=stream, dtype=FLOAT)
    shared = residuals_of(gather_statistics([(h, y, None)], 9).moments("per-task"))
    repeated = gather_statistics([(h.repeat_interleave(9, 0), y.flatten(), torch.arange(9).repeat(200))], 9)
    own = residuals_of(repeated.moments("per-task"))
    first, second = (diagonalise(each, whitening(own), tolerance=1e-10) for each in (shared, own))
    torch.testing.assert_close(first.unmixing, second.unmixing, rtol=1e-7, atol=1e-7)


def test_latents_that_no_task_separates_do_not_stop_it() -> None:
    identity = torch.eye(3, dtype=FLOAT).expand(6, -1, -1).clone()
    found = diagonalise(residuals_with(identity), torch.eye(3, dtype=FLOAT))
    assert found.converged
    assert found.iterations == 0
    A, residuals = diagonalisable(0, 3, 6)
    same = residuals.covariances(0, 1).expand(6, -1, -1)
    assert diagonalise(residuals_with(same), torch.linalg.inv(A).flip(0) + 0.1).converged


def test_a_latent_that_a_target_determines_has_a_finite_criterion() -> None:
    _, residuals = diagonalisable(0, 3, 6)
    base = residuals.base.clone()
    base[2] = torch.diag(torch.tensor([0.0, 1.0, 1.0], dtype=FLOAT))
    found = diagonalise(residuals_with(base), whitening(residuals_with(base)))
    assert found.converged
    assert torch.isfinite(found.unmixing).all()
    assert found.criterion > 1 / 12 * torch.log(torch.tensor(1e-11)).item()
    # One latent is the direction that the target determines: its row has no part in the others.
    row = found.unmixing[found.residuals.variances()[2].argmin()]
    assert float(row[1:].abs().max()) < 1e-3 * float(row[0].abs())


def test_iterations_are_limited_and_it_says_so() -> None:
    _, residuals = diagonalisable(0, 6, 15)
    found = diagonalise(residuals, whitening(residuals), iterations=1)
    assert found.iterations == 1
    assert not found.converged
