"""The bound of the identifiable autoencoder against exact answers, and what training it gains."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from identify_core import Interrupted, Latents, OptionsError
from identify_core.testing.contexts import make_context
from identify_mtlcm.networks.conditional_autoencoder import ConditionalAutoencoder
from identify_mtlcm.objectives.elbo import evidence_lower_bound
from identify_mtlcm.objectives.ivae import train
from identify_mtlcm.options.baselines import IvaeOptions

QUICK = IvaeOptions(latent_dim=2, hidden=16, layers=1, epochs=2, batch_size=64)


def test_at_the_exact_posterior_the_bound_is_the_evidence() -> None:
    """x = D z + noise with orthogonal columns of D and a diagonal prior: the posterior is diagonal Gaussian."""
    generator = torch.Generator().manual_seed(1)
    D, s, sigma = 4, torch.tensor([0.5, 2.0], dtype=torch.float64), 0.3
    matrix = torch.linalg.qr(torch.randn(D, 2, generator=generator, dtype=torch.float64))[0]
    m = torch.tensor([1.0, -2.0], dtype=torch.float64)
    x = torch.randn(5, D, generator=generator, dtype=torch.float64)
    covariance = matrix @ s.square().diag() @ matrix.T + sigma**2 * torch.eye(D, dtype=torch.float64)
    evidence = torch.distributions.MultivariateNormal(matrix @ m, covariance).log_prob(x).mean()
    precision = 1 / sigma**2 + 1 / s.square()
    mean = (x @ matrix / sigma**2 + m / s.square()) / precision
    posterior = (mean, (1 / precision).log().expand(5, 2))
    prior = (m.expand(5, 2), s.square().log().expand(5, 2))
    draws = 20000
    z = mean + (posterior[1] / 2).exp() * torch.randn(draws, 5, 2, generator=generator, dtype=torch.float64)
    fit, kl = evidence_lower_bound(
        x.repeat(draws, 1), (z @ matrix.T).reshape(-1, D), torch.tensor(math.log(sigma)), posterior, prior
    )
    assert float(fit - kl) == pytest.approx(float(evidence), abs=0.02)
    wrong = (mean + 0.1, posterior[1])
    fit, kl = evidence_lower_bound(
        x.repeat(draws, 1), ((z + 0.1) @ matrix.T).reshape(-1, D), torch.tensor(math.log(sigma)), wrong, prior
    )
    assert float(fit - kl) < float(evidence) - 0.05


def test_missing_targets_are_told_apart_from_zeros() -> None:
    torch.manual_seed(0)
    network = ConditionalAutoencoder(
        inputs=3, tasks=2, one_task=False, latents=2, hidden=[5], activation="tanh", noise=0.1
    )
    x, zero = torch.randn(4, 3), torch.zeros(4, 2)
    with torch.no_grad():
        known, missing = (network.posterior(x, y, None)[0] for y in (zero, torch.full((4, 2), torch.nan)))
    assert bool(missing.isfinite().all())
    assert not torch.allclose(known, missing)
    assert not network.log_noise.requires_grad


@pytest.mark.parametrize("wide", [False, True])
def test_training_raises_the_bound_and_finds_the_latents_space(
    tmp_path: Path, make_regression: Any, explained: Any, wide: bool
) -> None:
    samples = make_regression(wide=wide, latents=2, tasks=6)
    bounds, spaces = [], []
    truth = torch.stack([torch.from_numpy(each.values) for each in samples.factors.values()], 1)[500:]
    for epochs in (0, 60):
        options = IvaeOptions(
            latent_dim=2, hidden=32, layers=1, epochs=epochs, batch_size=64, learning_rate=5e-3, keep="test"
        )
        context = make_context(tmp_path / str(epochs), count=2)
        finding, latents = train(options, None, samples, context)
        assert isinstance(latents, Latents)
        spaces.append(min(explained(each, truth) for each in latents.values))
        history = context.history.series()
        bounds.append(-history["loss"][1][-1].max() if epochs else None)
        first = -history["loss"][1][0].max() if epochs else None
    assert bounds[1] > first + 1
    assert spaces[1] > 0.9 > spaces[0]
    assert latents.identified_up_to == "permutation-monotone"
    assert finding.scalars["bound"] > first  # type: ignore[union-attr]


def test_a_replicate_does_not_depend_on_how_many_there_are(tmp_path: Path, make_regression: Any) -> None:
    samples = make_regression()
    found = {
        count: list(train(QUICK, None, samples, make_context(tmp_path / str(count), count=count)))[1].values
        for count in (1, 2)
    }
    assert torch.equal(found[1][0], found[2][0])
    assert not torch.equal(found[2][0], found[2][1])


def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path, make_regression: Any) -> None:
    samples = make_regression()
    expected = list(train(QUICK, None, samples, make_context(tmp_path / "whole", count=2)))[1].values
    calls = iter(range(1, 100))
    stopped = make_context(tmp_path / "stopped", count=2, stop_requested=lambda: next(calls) == 7)
    with pytest.raises(Interrupted):
        list(train(QUICK, None, samples, stopped))
    again = list(train(QUICK, None, samples, make_context(tmp_path / "stopped", count=2)))[1].values
    assert torch.equal(again, expected)


def test_refusals(tmp_path: Path, make_problem: Any, make_regression: Any) -> None:
    problem = make_problem(samples=make_regression(), latents=3)
    context = problem.context(tmp_path)
    with pytest.raises(OptionsError, match="ivae brings an encoder of its own"):
        list(train(QUICK, problem.replicates(context), problem.samples, context))
