"""The loss against a loop over rows and tasks; what the covariance penalty does and does not see."""

from __future__ import annotations

import pytest
import torch

from identify_core import dense_network
from identify_mtlcm.networks.heads import MultiTaskNetwork, TaskHeads
from identify_mtlcm.objectives.loss import covariance_penalty, half_squared_error, regression_loss
from identify_mtlcm.objectives.sparsity import Ridge


def test_missing_targets_neither_add_nor_count() -> None:
    generator = torch.Generator().manual_seed(0)
    predictions, targets = torch.randn(2, 9, 4, generator=generator, dtype=torch.float64)
    targets[torch.rand(9, 4, generator=generator) < 0.4] = torch.nan
    terms = [
        (float(predictions[i, t]) - float(targets[i, t])) ** 2 / 2
        for i in range(9)
        for t in range(4)
        if not targets[i, t].isnan()
    ]
    assert len(terms) < 30
    assert float(half_squared_error(predictions, targets)) == pytest.approx(sum(terms) / len(terms))


def test_missing_targets_have_no_gradient() -> None:
    predictions = torch.zeros(3, requires_grad=True)
    half_squared_error(predictions, torch.tensor([1.0, torch.nan, 3.0])).backward()
    assert predictions.grad is not None
    assert predictions.grad.tolist() == [-0.5, 0.0, -1.5]


def test_a_batch_without_any_target_is_no_nan() -> None:
    assert float(half_squared_error(torch.ones(3), torch.full((3,), torch.nan))) == 0.0


def test_whitened_rows_have_no_covariance_penalty_and_others_have() -> None:
    h = torch.randn(50, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    centred = h - h.mean(0)
    white = centred @ torch.linalg.inv(torch.linalg.cholesky(centred.T @ centred / 50)).T
    assert float(covariance_penalty(white, centred=True)) == pytest.approx(0.0, abs=1e-25)
    assert float(covariance_penalty(2 * white, centred=True)) == pytest.approx(9 / 4)
    assert float(covariance_penalty(white + 1, centred=True)) == pytest.approx(1 / 4)
    root = torch.linalg.inv(torch.linalg.cholesky(h.T @ h / 50)).T
    assert float(covariance_penalty(h @ root, centred=False)) == pytest.approx(0.0, abs=1e-25)


def test_the_loss_is_the_sum_of_its_parts() -> None:
    torch.manual_seed(0)
    network = MultiTaskNetwork(
        dense_network([4, 5, 3]), TaskHeads(6, 3, biases=True), Ridge(strength=0.3).value, dense_network([3, 7, 4])
    )
    batch = {"x": torch.randn(20, 4), "y": torch.randn(20), "task": torch.randint(0, 6, (20,))}
    value, extras = regression_loss(covariance=0.7, encoder=0.2, biases=True, reconstruction=0.4)(network, batch)  # type: ignore[misc]
    h = network.encoder(batch["x"])
    error = half_squared_error(network.heads(h, batch["task"]), batch["y"])
    squares = sum(each.square().sum() for each in network.encoder.parameters() if each.ndim > 1)
    expected = error + 0.7 * covariance_penalty(h, centred=True) + 0.1 * squares
    expected = expected + 0.2 * (network.decoder(h) - batch["x"]).square().mean()  # type: ignore[misc]
    expected = expected + 0.15 * network.heads.weight.square().sum()
    assert torch.allclose(value, expected)
    assert torch.allclose(extras["half-squared-error"], error)
