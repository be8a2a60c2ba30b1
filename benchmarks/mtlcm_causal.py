"""The linear causal model against the study's form of it: a normal distribution a row, autograd, Adam.

Every fit must also recover the true latents: the pooled Pearson MCC that is promised is checked with every row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from benchmarks.case import Case
from scipy.optimize import linear_sum_assignment

from identify_core.testing.contexts import make_context
from identify_mtlcm.causal.fitting import fit_causal_model
from identify_mtlcm.causal.likelihood import CausalParameters, Gradient, negative_log_likelihood
from identify_mtlcm.causal.statistics import Moments, gather_statistics
from identify_mtlcm.options.causal import CausalOptions
from identify_mtlcm.options.synthetic import LinearOptions
from identify_mtlcm.synthetic.datasets import make_linear

MIXINGS = ("identity", "orthogonal", "random")
NOISE = 0.01
EPOCHS, BATCH = 1000, 1024  # of the study's training


class Data(NamedTuple):
    """Training rows of the dataset `linear`: h (n, d), y (n,), task (n,), true latents, what A⁻¹ h gives; the tasks."""

    h: torch.Tensor
    y: torch.Tensor
    task: torch.Tensor
    latents: np.ndarray[Any, Any]
    noisy: np.ndarray[Any, Any]
    tasks: int


@cache
def data(seed: int, mixing: str, d: int, tasks: int, points: int, k: int) -> Data:
    """The study's linear data."""
    options = LinearOptions(
        latents=d,
        tasks=tasks,
        points=points,
        test_points=2,
        causal_factors=k,
        mixing=mixing,  # type: ignore[arg-type]
        observation_noise=NOISE,
    )
    with tempfile.TemporaryDirectory() as folder:
        samples = make_linear(options, make_context(Path(folder), seed=seed, dtype=torch.float64)).split("train")
    return Data(
        h=samples.tensor("x").double(),
        y=samples.tensor("y").double().flatten(),
        task=samples.tensor("task"),
        latents=np.stack([samples.factors[f"z-{j + 1}"].values for j in range(d)], axis=1),
        noisy=samples.tensor("noisy-latents").double().numpy(),
        tasks=tasks,
    )


def parameters(d: int, count: int) -> CausalParameters:
    """As the study begins."""
    stream = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=stream)

    return CausalParameters(
        mixing=normal(d, d),
        logits=normal(count, d),
        gamma=normal(count, d),
        spurious_noise=torch.full((1, 1), 0.1, dtype=torch.float64),
        noise_covariance=NOISE**2 * torch.eye(d, dtype=torch.float64),
    )


def row_by_row(p: CausalParameters, h: torch.Tensor, y: torch.Tensor, task: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Value and gradient as the study has them: one multivariate normal distribution a row, autograd."""
    A, logits, gamma = (each.clone().requires_grad_() for each in (p.mixing, p.logits, p.gamma))
    c = logits.sigmoid()[task]
    covariances = A @ torch.diag_embed(0.01 * (1 - c) + c) @ A.T + p.noise_covariance
    means = (gamma[task] * (1 - c) * y[:, None]) @ A.T
    value = -torch.distributions.MultivariateNormal(means, covariances).log_prob(h).mean()  # type: ignore[no-untyped-call]
    return (value.detach(), *torch.autograd.grad(value, (A, logits, gamma)))


def same_step(ours: Gradient, theirs: tuple[torch.Tensor, ...]) -> None:
    """Value and gradients agree to 1e-10."""
    for own, other in zip((ours.value, ours.mixing, ours.logits, ours.gamma), theirs, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-10, atol=1e-10)


def pooled_mcc(found: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> float:
    """Pearson, one assignment for all tasks."""
    d = truth.shape[1]
    correlations = np.abs(np.corrcoef(truth.T, found.T)[:d, d:])
    return float(correlations[linear_sum_assignment(-correlations)].mean())


def fit(rows: Data) -> float:
    """Statistics, the default solver and the read-out; the MCC with the true latents."""
    statistics = gather_statistics([(rows.h, rows.y, rows.task)], rows.tasks)
    stream = torch.Generator().manual_seed(0)
    model = fit_causal_model(statistics, CausalOptions(observation_noise=NOISE), generator=stream)
    return pooled_mcc(model.latents(rows.h).numpy(), rows.latents)


def recovered(found: float, rows: Data, least: float) -> None:
    """The MCC that is promised, or what the true A reads out where the noise drowns more than that."""
    ceiling = pooled_mcc(rows.noisy, rows.latents)
    if found < min(least, ceiling - 5e-4):
        raise AssertionError(f"pooled MCC {found:.5f} is below {least} and the ceiling {ceiling:.5f}")


def some_steps(rows: Data, steps: int) -> None:
    """Some steps of the study's training."""
    p = parameters(rows.h.shape[1], rows.tasks)
    leaves = [each.clone().requires_grad_() for each in (p.mixing, p.logits, p.gamma)]
    optimiser = torch.optim.Adam(leaves, lr=0.1)
    order = torch.randperm(len(rows.h), generator=torch.Generator().manual_seed(0))
    for index in torch.split(order, BATCH)[:steps]:
        now = CausalParameters(
            mixing=leaves[0].detach(),
            logits=leaves[1].detach(),
            gamma=leaves[2].detach(),
            spurious_noise=p.spurious_noise,
            noise_covariance=p.noise_covariance,
        )
        _, *gradients = row_by_row(now, rows.h[index], rows.y[index], rows.task[index])
        for leaf, gradient in zip(leaves, gradients, strict=True):
            leaf.grad = gradient
        optimiser.step()


def fitted(d: int, tasks: int, points: int, k: int, least: float, seed: int, mixing: str) -> Case:
    """A fit from statistics to latents next to the study's training, timed on a few of its steps."""
    steps = 20 if d == 10 else 2

    def rows() -> Data:
        return data(seed, mixing, d, tasks, points, k)

    return Case(
        name=f"causal model: fit, d {d}, T {tasks}, n {points}, k {k}, {mixing}, seed {seed}",
        baseline_name=f"the study's {EPOCHS} epochs, a normal distribution a row",
        ours=lambda: fit(rows()),
        baseline=lambda: some_steps(rows(), steps),
        baseline_fraction=steps / (EPOCHS * -(-tasks * points // BATCH)),
        expected=500,
        agree=lambda ours, _: recovered(ours, rows(), least),
        repeats=3,
        note=f"pooled MCC ≥ {least} checked",
    )


def cases() -> Iterable[Case]:
    """The rows of the table that belong to this model."""
    start = parameters(10, 200)

    def rows() -> Data:
        return data(0, "random", 10, 200, 100, 2)

    @cache
    def moments() -> Moments:
        return gather_statistics([(rows().h, rows().y, rows().task)], 200).moments("none")

    yield Case(
        name="causal model: value and gradient, d 10, T 200, n 100",
        baseline_name="a normal distribution a row, autograd, float64",
        ours=lambda: negative_log_likelihood(start, moments()),
        baseline=lambda: row_by_row(start, rows().h, rows().y, rows().task),
        expected=100,
        agree=same_step,
        repeats=20,
        note="agree to 1e-10",
    )
    for mixing in MIXINGS:
        yield from (fitted(10, 200, 100, 2, 0.999, seed, mixing) for seed in range(5))
    yield from (fitted(20, 500, 200, 4, 0.998, 0, mixing) for mixing in MIXINGS)
    yield from (fitted(50, 500, 200, 10, 0.97, 0, mixing) for mixing in MIXINGS)
