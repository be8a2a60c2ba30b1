"""Scales: the closed form against every set of causal tasks, and what is learned against what was drawn."""

from __future__ import annotations

import itertools

import pytest
import torch

from identify_mtlcm.causal.scales import scale_latents, scales_given

FLOAT = torch.float64


def brute_force(D: torch.Tensor, E: torch.Tensor, w: torch.Tensor, noise: torch.Tensor) -> float:
    """One latent: the best scale of the best of all sets of causal tasks but none and all."""
    square = noise.square().expand(len(D), 1)[:, 0]
    sets = torch.tensor(list(itertools.product([False, True], repeat=len(D))))[1:-1]
    precisions = torch.where(sets, w * (D + E), w * D / square).sum(1)
    costs = (1 + torch.where(sets, 0.0, w * square.log()).sum(1) + precisions.log()) / 2
    return float(precisions[costs.argmin()].rsqrt())


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
        assert float(found.factors[j]) == pytest.approx(brute_force(D[:, j], E[:, j], w, noise))
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


def test_the_best_set_is_found_where_kinds_are_anything_but_clear() -> None:
    stream = torch.Generator().manual_seed(0)
    compared = 0
    for _ in range(100):
        D = (torch.rand(6, 4, generator=stream, dtype=FLOAT) * 8 - 6).exp()
        E = (torch.rand(6, 4, generator=stream, dtype=FLOAT) * 9 - 6).exp()
        w = torch.rand(6, generator=stream, dtype=FLOAT)
        w = w / w.sum()
        noise = (torch.rand(6, 1, generator=stream, dtype=FLOAT) * 4 - 4.5).exp()
        found = scales_given(D, E, w, noise)
        for j in (~found.one_kind).nonzero().flatten().tolist():
            compared += 1
            assert float(found.factors[j]) == pytest.approx(brute_force(D[:, j], E[:, j], w, noise))
    assert compared > 200
