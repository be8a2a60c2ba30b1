"""Adam: the study's loop step by step, with a normal distribution a row and autograd; resuming; what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from identify_core import Interrupted
from identify_core.testing.contexts import make_context
from identify_mtlcm.causal import adam
from identify_mtlcm.causal.adam import fit_by_adam
from identify_mtlcm.causal.likelihood import DefinitenessError, negative_log_likelihood
from identify_mtlcm.causal.model import CausalModel
from identify_mtlcm.causal.pairs import shuffled
from identify_mtlcm.options.causal import AdamOptions, CausalOptions
from identify_mtlcm.tasks import TaskRows

FLOAT = torch.float64


def rows_of(data: Any) -> TaskRows:
    return TaskRows(targets=data.y, task=data.task, count=data.count, names=())


def fit(data: Any, rows: TaskRows | None = None, context: Any = None, **settings: Any) -> CausalModel:
    more = {
        name: settings.pop(name)
        for name in list(settings)
        if name in {"spurious_noise", "observation_noise", "standardise"}
    }
    options = CausalOptions(
        solver="adam", centring="none", adam=AdamOptions(**settings), **{"observation_noise": 0.01, **more}
    )
    stream = torch.Generator().manual_seed(3)
    return fit_by_adam(data.h, rows or rows_of(data), options, generator=stream, context=context)


def study(
    data: Any, rows: TaskRows, settings: AdamOptions, learned: bool = False, sigma_o: float = 0.01
) -> dict[str, Any]:
    """train_A of the study in float64: every row's distribution, torch's Adam and scheduler."""
    stream = torch.Generator().manual_seed(3)
    d, count = data.h.shape[1], rows.count

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=FLOAT, generator=stream)

    A = ((2 * torch.rand(d, d, dtype=FLOAT, generator=stream) - 1) / d**0.5).requires_grad_()
    logits, gamma = normal(count, d).requires_grad_(), normal(count, d).requires_grad_()
    sigma = (normal(1, 1) if learned else torch.full((1, 1), 0.1, dtype=FLOAT)).requires_grad_(learned)
    leaves = [A, logits, gamma, *([sigma] if learned else [])]
    optimiser = torch.optim.Adam(leaves, lr=settings.learning_rate)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser,
        "min",
        patience=settings.patience,
        factor=settings.factor,
        threshold=1e-4,
        min_lr=settings.lowest_rate,
    )
    every = rows.task is None
    pairs = len(data.h) * (count if every else 1)
    losses, rates = [], []
    for epoch in range(settings.epochs):
        gamma.requires_grad_(epoch >= settings.gamma_warm_up)
        total = []
        for numbers in shuffled(pairs, settings.batch_size, stream) if settings.batch_size else [torch.arange(pairs)]:
            row, task = (numbers // count, numbers % count) if every else (numbers, rows.task[numbers])
            y = rows.targets[row, task] if every else rows.targets[row]
            keep = ~y.isnan()
            row, task, y = row[keep], task[keep], y[keep]
            c = logits.sigmoid()[task]
            covariances = A @ torch.diag_embed(sigma**2 * (1 - c) + c) @ A.T + sigma_o**2 * torch.eye(d, dtype=FLOAT)
            means = (gamma[task] * (1 - c) * y[:, None]) @ A.T
            loss = -torch.distributions.MultivariateNormal(means, covariances).log_prob(data.h[row]).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total.append(loss.detach())
        losses.append(float(torch.stack(total).mean()))
        scheduler.step(losses[-1])
        rates.append(optimiser.param_groups[0]["lr"])
    return {"A": A.detach(), "c": logits.detach().sigmoid(), "sigma": sigma.detach(), "losses": losses, "rates": rates}


def assert_same(model: CausalModel, expected: dict[str, Any]) -> None:
    """Up to the order and the signs that a CausalModel gives to its latents."""
    products = torch.linalg.inv(model.mixing) @ expected["A"]
    order = products.abs().argmax(0)
    signs = torch.sign(products.gather(0, order[None])[0])
    torch.testing.assert_close(model.mixing[:, order] * signs, expected["A"], rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(model.probabilities[:, order], expected["c"], rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 3, "batch_size": 100},
        {"epochs": 40, "batch_size": None, "patience": 2, "factor": 0.3, "learning_rate": 0.5},
        {"epochs": 4, "batch_size": 64, "gamma_warm_up": 2},
    ],
)
@pytest.mark.parametrize("learned", [False, True])
def test_it_goes_step_by_step_where_the_study_goes(
    generated: Callable[..., Any], settings: Any, learned: bool, tmp_path: Path
) -> None:
    data = generated(0, d=3, tasks=8, n=30)
    context = make_context(tmp_path)
    model = fit(data, context=context, spurious_noise="learned" if learned else 0.1, **settings)
    expected = study(data, rows_of(data), AdamOptions(**settings), learned)
    assert_same(model, expected)
    torch.testing.assert_close(model.spurious_noise, expected["sigma"].abs(), rtol=1e-8, atol=1e-10)
    assert model.notes["last-loss"] == pytest.approx(expected["losses"][-1], rel=1e-9)
    series = context.history.series()
    _, values = series["causal-adam-loss"]
    np.testing.assert_allclose(np.ravel(values), expected["losses"], rtol=1e-9)
    _, rates = series["causal-adam-learning-rate"]
    np.testing.assert_allclose(np.ravel(rates), expected["rates"])
    if "patience" in settings:
        assert min(expected["rates"]) < 0.5


def test_missing_targets_of_rows_that_every_task_sees_are_left_out(generated: Callable[..., Any]) -> None:
    data = generated(0, d=3, tasks=4, n=15)
    stream = torch.Generator().manual_seed(9)
    y = torch.randn(60, 5, dtype=FLOAT, generator=stream)
    y[torch.rand(60, 5, generator=stream) < 0.2] = torch.nan
    rows = TaskRows(targets=y, task=None, count=5, names=())
    settings = {"epochs": 3, "batch_size": 50}
    assert_same(fit(data, rows, **settings), study(data, rows, AdamOptions(**settings)))


@pytest.mark.slow
def test_the_study_s_budget_ends_where_the_likelihood_does(
    generated: Callable[..., Any], matched: Callable[..., Any]
) -> None:
    data = generated(1, d=5, tasks=60, n=50, k=2, mixing="orthogonal", observation_noise=0.01)
    score, _, _ = matched(fit(data, epochs=1000, batch_size=512, standardise="zca").latents(data.h), data.z)
    assert score > 0.99


def test_a_noise_for_each_task_is_trained(generated: Callable[..., Any]) -> None:
    model = fit(generated(0, d=2, tasks=4, n=20), epochs=5, spurious_noise="per-task")
    assert model.spurious_noise.shape == (4, 1)
    assert len(model.spurious_noise.unique()) == 4


@pytest.mark.parametrize("batch_size", [64, None])
def test_a_stopped_training_is_resumed_to_the_same_numbers(
    generated: Callable[..., Any], tmp_path: Path, batch_size: int | None
) -> None:
    data = generated(0, d=3, tasks=8, n=30)
    settings = {
        "epochs": 7,
        "batch_size": batch_size,
        "patience": 0,
        "threshold": 0.5,  # the rate falls in every epoch but the first, if it is known what the best loss was
        "gamma_warm_up": 2,
        "spurious_noise": "learned",
    }
    through = fit(data, context=make_context(tmp_path / "through"), **settings)
    for stop_at in (1, 4):
        folder = tmp_path / f"stopped-{stop_at}"
        asked = iter([False] * (stop_at - 1) + [True])
        with pytest.raises(Interrupted, match=f"stopped at epoch {stop_at} of 'causal-adam'"):
            fit(data, context=make_context(folder, stop_requested=lambda asked=asked: next(asked)), **settings)
        again = fit(data, context=make_context(folder), **settings)
        for field in attrs.fields(CausalModel):
            a, b = getattr(through, field.name), getattr(again, field.name)
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, field.name


def fragile(needed: float) -> Callable[..., Any]:
    """A likelihood whose covariances need a jitter."""

    def likelihood(parameters: Any, moments: Any, *, jitter: float = 0.0) -> Any:
        if jitter < needed:
            raise DefinitenessError("lost")
        return negative_log_likelihood(parameters, moments, jitter=jitter)

    return likelihood


@pytest.mark.parametrize(("needed", "skipped"), [(1e-7, 0), (1e-3, 4)])
def test_batches_whose_covariances_lose_definiteness_are_counted(
    generated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, needed: float, skipped: int
) -> None:
    monkeypatch.setattr(adam, "negative_log_likelihood", fragile(needed))
    model = fit(generated(0, d=2, tasks=4, n=25), epochs=2 if not skipped else 1, batch_size=50 if not skipped else 25)
    assert model.notes["batches-retried"] == 4
    assert model.notes["batches-skipped"] == skipped
    assert model.warnings[0] == (
        "the covariances of 4 batches of the solver 'adam' lost their definiteness: each was tried again with 1e-06 on "
        f"the diagonal, and {skipped} were skipped"
    )


def test_an_unfinished_training_is_said_to_be(generated: Callable[..., Any]) -> None:
    model = fit(generated(0, d=4, tasks=10, n=30), epochs=1)
    assert not model.notes["converged"]
    assert any(
        "the solver 'adam' stopped before it converged" in each and "raise adam.epochs" in each
        for each in model.warnings
    )


def test_separation_is_judged_at_a_maximum(generated: Callable[..., Any]) -> None:
    data = generated(0, d=4, tasks=40, n=60)
    assert not bool(fit(data, epochs=1).unseparated.any())
