"""Scales: the closed form against every set of causal tasks, and what is learned against what was drawn."""

from __future__ import annotations

import itertools

import pytest
import torch

from identify_mtlcm.causal.scales import scale_latents, scales_given

FLOAT = torch.float64


def brute_force(D: torch.Tensor, E: torch.Tensor, w: torch.Tensor, noise: torch.Tensor) -> tuple[float, float]:
    """One latent: the least cost over all 2^T sets of causal tasks, each with its best scale; that scale."""
    best = (float("inf"), float("nan"))
    square = noise.square().expand(len(D), 1)[:, 0]
    for chosen in itertools.product([False, True], repeat=len(D)):
        causal = torch.tensor(chosen)
        if bool(causal.all()) or not bool(causal.any()):
            continue
        precision = torch.where(causal, w * (D + E), w * D / square).sum()
        s = precision.rsqrt()
        fit = torch.where(causal, s**2 * (D + E), square.log() + s**2 * D / square)
        cost = 0.5 * (w * fit).sum() - s.log()
        best = min(best, (float(cost), float(s)))
    return best


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("per_task", [False, True])
def test_the_best_scale_is_that_of_the_best_set_of_causal_tasks(seed: int, per_task: bool) -> None:
    stream = torch.Generator().manual_seed(seed)
    count = 7
    causal = torch.rand(count, 3, generator=stream) < 0.4
    causal[0], causal[1] = True, False
    D = 7.0 * torch.where(causal, 1.0, 0.01) * (0.5 + torch.rand(count, 3, generator=stream, dtype=FLOAT))
    E = torch.where(causal, 0.1, 1.0) * D * torch.rand(count, 3, generator=stream, dtype=FLOAT)
    w = torch.rand(count, generator=stream, dtype=FLOAT)
    w = w / w.sum()
    noise = (
        0.05 + 0.1 * torch.rand(count, 1, generator=stream, dtype=FLOAT)
        if per_task
        else torch.full((1, 1), 0.1, dtype=FLOAT)
    )
    found = scales_given(D, E, w, noise)
    assert not bool(found.one_kind.any())
    for j in range(3):
        _, scale = brute_force(D[:, j], E[:, j], w, noise)
        assert float(found.factors[j]) == pytest.approx(scale)
    assert bool((found.causal == causal).all())


def drawn(noise: torch.Tensor, count: int = 200, d: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(0)
    causal = torch.rand(count, d, generator=stream) < 0.3
    freedom = 100
    chi = torch.randn(count, d, freedom, generator=stream, dtype=FLOAT).square().mean(2)
    scales = torch.tensor([0.1, 1.0, 30.0, 5.0, 0.7], dtype=FLOAT)[:d]
    D = torch.where(causal, 1.0, noise.square()) * chi * scales.square()
    E = torch.where(causal, 0.0, 1.0) * scales.square() * torch.rand(count, d, generator=stream, dtype=FLOAT)
    return D, E, causal


def test_one_learned_spurious_noise_is_the_one_of_the_data() -> None:
    D, E, causal = drawn(torch.tensor(0.2, dtype=FLOAT))
    found = scale_latents(D, E, torch.full((200,), 1 / 200, dtype=FLOAT), "learned")
    assert found.spurious_noise.shape == (1, 1)
    assert float(found.spurious_noise) == pytest.approx(0.2, rel=0.02)
    assert bool((found.causal == causal).all())
    truth = torch.tensor([0.1, 1.0, 30.0, 5.0, 0.7], dtype=FLOAT)
    torch.testing.assert_close(found.factors, 1 / truth, rtol=0.02, atol=0)


def test_a_spurious_noise_for_each_task_is_the_one_of_the_data() -> None:
    noise = torch.linspace(0.05, 0.3, 200, dtype=FLOAT)[:, None]
    D, E, causal = drawn(noise)
    causal_everywhere = causal.all(1)
    found = scale_latents(D, E, torch.full((200,), 1 / 200, dtype=FLOAT), "per-task")
    assert found.spurious_noise.shape == (200, 1)
    ratio = (found.spurious_noise / noise)[~causal_everywhere]
    assert float((ratio.log()).abs().mean()) < 0.1
    assert float((found.causal == causal).double().mean()) > 0.999


def test_a_latent_of_one_kind_is_told_by_what_the_target_leaves_of_it() -> None:
    D = torch.ones(20, 2, dtype=FLOAT)
    E = torch.tensor([0.2, 200.0], dtype=FLOAT).expand(20, 2)
    found = scale_latents(D, E, torch.full((20,), 0.05, dtype=FLOAT), 0.1)
    assert found.one_kind.tolist() == [True, True]
    assert found.causal.all(0).tolist() == [True, False]
    assert float(found.factors[0]) == pytest.approx(1.2**-0.5)  # variance 1, as of a causal latent
    assert float(found.factors[1]) == pytest.approx(0.1)  # residual variance σ_s², as of a spurious one
