"""Fitting: the truth is recovered, the solution moves with the representation, and everything odd has an answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from identify_core import Interrupted, OptionsError
from identify_core.testing.contexts import make_context
from identify_mtlcm.causal.fitting import fit_causal_model
from identify_mtlcm.causal.likelihood import negative_log_likelihood
from identify_mtlcm.causal.model import CausalModel
from identify_mtlcm.causal.statistics import gather_statistics
from identify_mtlcm.options.causal import CausalOptions

FLOAT = torch.float64


def fit(data: Any, seed: int = 0, context: Any = None, **options: Any) -> CausalModel:
    stream = torch.Generator().manual_seed(seed)
    return fit_causal_model(data.statistics(), CausalOptions(**options), generator=stream, context=context)


@pytest.mark.parametrize("mixing", ["identity", "orthogonal", "random"])
@pytest.mark.parametrize("seed", range(5))
def test_the_study_s_linear_data_are_recovered(
    generated: Callable[..., Any], matched: Callable[..., Any], mixing: str, seed: int
) -> None:
    data = generated(seed, d=10, tasks=200, n=100, k=2, mixing=mixing, standardised=True, observation_noise=0.01)
    model = fit(data, observation_noise=0.01)
    score, _, _ = matched(model.latents(data.h), data.z)
    # An ill-conditioned mixing drowns latents in the observation noise: no A reads them out better than the truth.
    ceiling, _, _ = matched(data.h @ torch.linalg.inv(torch.as_tensor(data.mixing)).T, data.z)
    assert score >= min(0.999, ceiling - 2e-4)
    assert model.notes["converged"]
    assert not bool(model.unseparated.any())


@pytest.mark.slow
@pytest.mark.parametrize(("d", "k", "least"), [(20, 4, 0.998), (50, 10, 0.97)])
@pytest.mark.parametrize("mixing", ["identity", "orthogonal", "random"])
def test_larger_data_are_recovered(
    generated: Callable[..., Any], matched: Callable[..., Any], d: int, k: int, least: float, mixing: str
) -> None:
    data = generated(0, d=d, tasks=500, n=200, k=k, mixing=mixing, standardised=True, observation_noise=0.01)
    score, _, _ = matched(fit(data, observation_noise=0.01).latents(data.h), data.z)
    ceiling, _, _ = matched(data.h @ torch.linalg.inv(torch.as_tensor(data.mixing)).T, data.z)
    assert score >= min(least, ceiling - 5e-4)


@pytest.mark.parametrize("solver", ["default", "joint-diagonalisation", "likelihood"])
def test_every_solver_recovers_latents_kinds_and_gamma(
    generated: Callable[..., Any], matched: Callable[..., Any], solver: str
) -> None:
    data = generated(3, d=5, tasks=60, n=100, k=2, observation_noise=0.01)
    model = fit(data, solver=solver, observation_noise=0.01)
    z = model.latents(data.h)
    score, columns, signs = matched(z, data.z)
    assert score > 0.999
    assert ((model.probabilities.numpy()[:, columns] > 0.5) == data.causal).mean() > 0.98
    assert (model.kinds.numpy()[:, columns] == data.causal).mean() > 0.98
    in_units = model.units * model.effects
    gamma = np.where(data.causal, 0.0, in_units.numpy()[:, columns] * signs)
    assert np.abs(gamma - data.gamma)[~data.causal].mean() < 0.02
    causal = np.asarray((model.units * z).numpy()[:, columns])
    for j in range(5):
        rows = np.repeat(data.causal[:, j], 100)
        assert causal[rows, j].std() == pytest.approx(1, abs=0.08)


def test_likelihood_and_default_find_the_same_maximum(generated: Callable[..., Any]) -> None:
    data = generated(3, d=5, tasks=60, n=100, k=2, observation_noise=0.05)
    best, alone = (fit(data, solver=solver, observation_noise=0.05) for solver in ("default", "likelihood"))
    assert best.nll == pytest.approx(alone.nll, abs=1e-7)
    assert best.nll < fit(data, solver="joint-diagonalisation", observation_noise=0.05).nll
    torch.testing.assert_close(best.mixing, alone.mixing, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("standardise", ["none", "coordinates", "zca"])
def test_the_likelihood_is_that_of_the_rows(generated: Callable[..., Any], standardise: str) -> None:
    data = generated(1, d=3, tasks=20, n=50, observation_noise=0.1)
    model = fit(data, standardise=standardise, observation_noise=0.1, centring="none")
    parameters = model.parameters
    moments = data.statistics().moments("none")
    assert float(negative_log_likelihood(parameters, moments).value) == pytest.approx(model.nll, abs=1e-7)
    A, t = model.mixing, data.task
    covariances = A @ torch.diag_embed(parameters.variances[t]) @ A.T + parameters.noise_covariance
    means = (model.effects[t] * data.y[:, None]) @ A.T
    rows = torch.distributions.MultivariateNormal(means, covariances).log_prob(data.h)
    assert -float(rows.mean()) == pytest.approx(model.nll, abs=1e-7)


def test_the_solution_moves_with_the_representation(generated: Callable[..., Any], matched: Callable[..., Any]) -> None:
    data = generated(2, d=4, tasks=30, n=60)
    M = torch.randn(4, 4, generator=torch.Generator().manual_seed(1), dtype=FLOAT)
    Q = torch.linalg.qr(M).Q
    for matrix, noise in ((M, 0.0), (Q, 0.05)):
        first, second = fit(data, observation_noise=noise), fit(data.seen_through(matrix), observation_noise=noise)
        z, moved = first.latents(data.h), second.latents(data.seen_through(matrix).h)
        signs = torch.sign((z * moved).sum(0))
        assert float((z - signs * moved).abs().max()) < 1e-4
        torch.testing.assert_close(matrix @ first.mixing, second.mixing * signs, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(first.probabilities, second.probabilities, rtol=1e-3, atol=1e-5)
        offset = float(torch.linalg.slogdet(matrix).logabsdet)
        assert second.nll == pytest.approx(first.nll + offset, abs=1e-8)


def test_rows_in_another_order_and_in_other_blocks_give_the_same(generated: Callable[..., Any]) -> None:
    data = generated(2, d=4, tasks=30, n=60)
    order = torch.randperm(len(data.h), generator=torch.Generator().manual_seed(0))
    blocks = [(data.h[part], data.y[part], data.task[part]) for part in torch.split(order, 700)]
    stream = torch.Generator().manual_seed(0)
    again = fit_causal_model(gather_statistics(blocks, 30), CausalOptions(), generator=stream)
    torch.testing.assert_close(fit(data).mixing, again.mixing, rtol=1e-6, atol=1e-8)


def test_two_fits_with_one_generator_state_are_equal(generated: Callable[..., Any]) -> None:
    data = generated(2, d=4, tasks=30, n=60)
    first, second = fit(data, seed=5), fit(data, seed=5)
    for field in attrs.fields(CausalModel):
        a, b = getattr(first, field.name), getattr(second, field.name)
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, field.name


def test_float32_rows_with_a_mean_far_from_zero(generated: Callable[..., Any], matched: Callable[..., Any]) -> None:
    data = generated(2, d=4, tasks=30, n=60, standardised=True)
    far = attrs.evolve(data, h=(data.h + 300).float(), y=data.y.float())
    model = fit(far)
    z = model.latents(far.h)
    assert z.dtype is FLOAT
    assert matched(z, data.z)[0] == pytest.approx(matched(fit(data).latents(data.h), data.z)[0], abs=1e-5)
    torch.testing.assert_close(z.mean(0), torch.zeros(4, dtype=FLOAT), atol=1e-6, rtol=0)


def test_an_ill_conditioned_mixing_is_no_obstacle(generated: Callable[..., Any], matched: Callable[..., Any]) -> None:
    data = generated(2, d=4, tasks=30, n=60, mixing="orthogonal")
    bad = data.seen_through(torch.diag(torch.logspace(0, -5, 4, dtype=FLOAT)) @ torch.as_tensor(data.mixing))
    model = fit(bad, observation_noise=0.0)
    assert model.rank == 4
    assert matched(model.latents(bad.h), data.z)[0] > 0.999


def test_rows_that_every_task_sees_are_fitted_as_repeated_rows_are() -> None:
    stream = torch.Generator().manual_seed(0)
    z = torch.randn(300, 3, generator=stream, dtype=FLOAT)
    weights = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0.5]], dtype=FLOAT).T
    y = z @ weights + 0.3 * torch.randn(300, 6, generator=stream, dtype=FLOAT)
    h = z @ torch.randn(3, 3, generator=stream, dtype=FLOAT)
    shared = gather_statistics([(h, y, None)], 6)
    repeated = gather_statistics([(h.repeat_interleave(6, 0), y.flatten(), torch.arange(6).repeat(300))], 6)
    first, second = (
        fit_causal_model(each, CausalOptions(), generator=torch.Generator().manual_seed(0))
        for each in (shared, repeated)
    )
    assert shared.shared
    assert first.notes["shared-rows"]
    assert not second.notes["shared-rows"]
    assert first.nll == pytest.approx(second.nll, abs=1e-8)
    torch.testing.assert_close(first.mixing, second.mixing, rtol=1e-5, atol=1e-6)
    correlations = torch.corrcoef(torch.cat([first.latents(h), z], 1).T)[:3, 3:].abs()
    assert float(correlations.amax(1).min()) > 0.97


@pytest.mark.parametrize("spurious", ["learned", "per-task"])
def test_spurious_noise_is_learned(generated: Callable[..., Any], matched: Callable[..., Any], spurious: Any) -> None:
    truth = np.full(60, 0.25) if spurious == "learned" else np.linspace(0.1, 0.4, 60)
    data = generated(4, d=5, tasks=60, n=200, spurious_noise=truth)
    model = fit(data, spurious_noise=spurious)
    assert model.spurious_noise.shape == ((1, 1) if spurious == "learned" else (60, 1))
    found = model.spurious_noise[:, 0].expand(60).numpy()
    assert np.abs(np.log(found / truth)).mean() < 0.1
    score, columns, _ = matched(model.latents(data.h), data.z)
    assert score > 0.998
    assert ((model.probabilities.numpy()[:, columns] > 0.5) == data.causal).mean() > 0.98


def test_one_latent(generated: Callable[..., Any], matched: Callable[..., Any]) -> None:
    data = generated(0, d=1, tasks=6, n=50, causal=np.array([[True], [False]] * 3))
    for solver in ("default", "joint-diagonalisation", "likelihood"):
        model = fit(data, solver=solver)
        assert matched_one(model.latents(data.h), data.z) > 0.9999
        assert (model.probabilities[:, 0] > 0.5).tolist() == [True, False] * 3
        assert model.separation == "there is one latent: nothing to separate"


def matched_one(found: torch.Tensor, truth: Any) -> float:
    return abs(float(np.corrcoef(found[:, 0].numpy(), truth[:, 0])[0, 1]))


@pytest.mark.parametrize("causal", [False, True])
def test_all_or_no_latents_causal_are_said_to_stay_mixed(generated: Callable[..., Any], causal: bool) -> None:
    # Many weights of causal latents would correlate them given the target: small ones, as in the theory.
    data = generated(0, d=3, tasks=20, n=80, causal=np.full((20, 3), causal))
    if causal:
        data = attrs.evolve(data, y=torch.randn(len(data.y), generator=torch.Generator().manual_seed(0), dtype=FLOAT))
    model = fit(data)
    assert int(model.unseparated.sum()) == 6
    assert any("no task separates 3 of 3 pairs" in each for each in model.warnings)
    assert model.notes["latents-of-one-kind"] == 3
    assert bool(model.kinds.all()) == causal
    assert bool(model.kinds.any()) == causal


def test_fewer_tasks_than_latents_is_no_obstacle_where_they_differ(
    generated: Callable[..., Any], matched: Callable[..., Any]
) -> None:
    causal = np.array([[1, 0, 0, 0, 1, 1], [0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 1, 0]], dtype=bool)
    data = generated(0, d=6, tasks=3, n=2000, causal=causal)
    model = fit(data)
    assert matched(model.latents(data.h), data.z)[0] > 0.98
    assert not bool(model.unseparated.any())


def test_a_single_task_separates_by_no_more_than_its_two_kinds(generated: Callable[..., Any]) -> None:
    data = generated(0, d=3, tasks=1, n=200, k=1)
    model = fit(data)
    assert int(model.unseparated.sum()) == 6
    assert bool(torch.isfinite(model.mixing).all())


def test_tasks_shorter_than_the_representation_is_wide(
    generated: Callable[..., Any], matched: Callable[..., Any]
) -> None:
    data = generated(0, d=6, tasks=300, n=5, k=2)
    model = fit(data)
    assert matched(model.latents(data.h), data.z)[0] > 0.995
    assert model.notes["tasks-lent-rows"] == 300
    assert any(
        each.startswith(
            "300 of 300 tasks have fewer than 12 residual degrees of freedom, too few for a covariance of 6"
        )
        for each in model.warnings
    )


def test_a_task_of_one_row_changes_nothing_much(generated: Callable[..., Any], matched: Callable[..., Any]) -> None:
    data = generated(0, d=3, tasks=20, n=60)
    keep = (data.task != 0) | (torch.arange(len(data.task)) == 0)
    fewer = attrs.evolve(data, h=data.h[keep], y=data.y[keep], task=data.task[keep])
    assert matched(fit(fewer).latents(data.h), data.z)[0] > 0.999


def test_a_constant_target_is_named_and_harmless(generated: Callable[..., Any], matched: Callable[..., Any]) -> None:
    data = generated(0, d=3, tasks=20, n=60)
    y = data.y.clone()
    y[(data.task == 3) | (data.task == 7)] = 2.5
    model = fit(attrs.evolve(data, y=y))
    assert "the target of each of tasks 3, 7 does not vary: it tells nothing of the latents' means" in model.warnings
    assert float(model.effects[[3, 7]].abs().max()) == 0
    assert matched(model.latents(data.h), data.z)[0] > 0.999


def test_a_representation_of_lower_rank_has_latents_that_are_zero(
    generated: Callable[..., Any], matched: Callable[..., Any]
) -> None:
    data = generated(0, d=3, tasks=30, n=60)
    h = torch.cat([data.h, data.h @ torch.ones(3, 2, dtype=FLOAT)], 1) + 4
    model = fit(attrs.evolve(data, h=h))
    z = model.latents(h)
    assert model.rank == 3
    assert model.mixing.shape == (5, 5)
    assert matched(z[:, :3], data.z)[0] > 0.999
    assert float(z[:, 3:].abs().max()) < 1e-9
    assert (
        "the representation has rank 3, not 5: 2 of the latents do not exist and are zero on every row"
        in model.warnings
    )
    assert bool(model.unseparated[3, 4])
    assert not bool(model.unseparated[:3].any())
    torch.testing.assert_close(z @ model.mixing.T + model.centre, h)


def test_a_target_among_the_features_is_no_obstacle() -> None:
    stream = torch.Generator().manual_seed(0)
    h = torch.randn(400, 4, generator=stream, dtype=FLOAT)
    y = torch.stack([h[:, 0], h[:, 1] + torch.randn(400, generator=stream, dtype=FLOAT), h[:, 2] * 2], 1)
    statistics = gather_statistics([(h, y, None)], 3)
    model = fit_causal_model(statistics, CausalOptions(), generator=stream)
    assert bool(torch.isfinite(model.mixing).all())
    assert np.isfinite(model.nll)


def test_targets_that_know_of_few_directions_are_said_to() -> None:
    stream = torch.Generator().manual_seed(0)
    h = torch.randn(400, 4, generator=stream, dtype=FLOAT)
    y = h[:, :2] @ torch.randn(2, 5, generator=stream, dtype=FLOAT)
    y = y + 0.1 * torch.randn(400, 5, generator=stream, dtype=FLOAT)
    model = fit_causal_model(gather_statistics([(h, y, None)], 5), CausalOptions(), generator=stream)
    assert model.task_rank == 2
    assert any("the targets of 5 tasks know of 2 of 4 directions" in each for each in model.warnings)


def test_noise_that_contradicts_the_options_is_said_to(generated: Callable[..., Any]) -> None:
    data = generated(0, d=4, tasks=30, n=60, spurious_noise=0.05)
    assert any(
        "lie significantly below the spurious variance" in each for each in fit(data, spurious_noise=0.2).warnings
    )
    assert fit(data, spurious_noise=0.05).warnings == ()


def test_too_few_iterations_are_said_to_be(generated: Callable[..., Any], tmp_path: Path) -> None:
    context = make_context(tmp_path)
    model = fit(generated(0, d=6, tasks=30, n=60), context=context, iterations=1)
    assert not model.notes["converged"]
    assert any("the solver 'default' stopped before it converged" in each for each in model.warnings)
    assert context.warnings == []  # the objective says in its finding what its models warn of


def test_a_user_who_stops_is_heard(generated: Callable[..., Any], tmp_path: Path) -> None:
    context = make_context(tmp_path, stop_requested=lambda: True)
    with pytest.raises(Interrupted, match="stopped while fitting the causal model"):
        fit(generated(0), context=context)


def test_adam_wants_rows(generated: Callable[..., Any]) -> None:
    with pytest.raises(OptionsError, match="the solver 'adam' draws mini-batches of rows"):
        fit(generated(0), solver="adam")


def test_restarts_are_counted_and_never_worsen(generated: Callable[..., Any]) -> None:
    data = generated(0, d=4, tasks=30, n=60)
    alone, more = fit(data, restarts=0), fit(data, restarts=3)
    assert (alone.notes["attempts"], more.notes["attempts"]) == (1, 4)
    assert more.nll <= alone.nll + 1e-9
    assert more.notes["attempts-at-best"] == 4


def test_columns_are_signed_and_ordered(generated: Callable[..., Any]) -> None:
    data = generated(0, d=4, tasks=30, n=60)
    model = fit(data)
    columns = model.mixing
    assert bool((columns.gather(0, columns.abs().argmax(0)[None]) > 0).all())
    z = model.latents(data.h)
    left = torch.zeros(4, dtype=FLOAT)
    for t in range(30):
        x, y = z[data.task == t], data.y[data.task == t]
        x, y = x - x.mean(0), y - y.mean()
        left += (x - y[:, None] * (y @ x) / (y @ y)).square().mean(0) / 30
    assert left.tolist() == sorted(left.tolist(), reverse=True)


def test_a_covariance_that_needs_jitter_says_so(generated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from identify_mtlcm.causal import assembling
    from identify_mtlcm.causal.likelihood import DefinitenessError

    def fragile(parameters: Any, moments: Any, *, jitter: float = 0.0) -> Any:
        if jitter < 1e-13:
            raise DefinitenessError("lost")
        return negative_log_likelihood(parameters, moments, jitter=jitter)

    monkeypatch.setattr(assembling, "negative_log_likelihood", fragile)
    model = fit(generated(0, d=3))
    assert float(model.notes["jitter"]) >= 1e-13
    assert any("was added to the diagonals for the likelihood" in each for each in model.warnings)


@pytest.mark.gpu
@pytest.mark.parametrize("solver", ["default", "joint-diagonalisation", "likelihood"])
def test_a_gpu_finds_what_the_cpu_finds(generated: Callable[..., Any], solver: str) -> None:
    data = generated(3, d=5, tasks=60, n=100, k=2)
    there = attrs.evolve(data, h=data.h.cuda(), y=data.y.cuda(), task=data.task.cuda())
    model, own = fit(there, solver=solver), fit(data, solver=solver)
    assert model.mixing.is_cuda
    torch.testing.assert_close(model.mixing.cpu(), own.mixing, rtol=1e-4, atol=1e-5)
    assert model.nll == pytest.approx(own.nll, abs=1e-8)
