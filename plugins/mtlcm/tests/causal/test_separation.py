"""Separation: twins are found and others are not, at the level promised; the test is the criterion's curvature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from identify_mtlcm.causal.joint_diagonalisation import diagonalise, whitening
from identify_mtlcm.causal.residuals import Residuals, residuals_of
from identify_mtlcm.causal.separation import Separation, mixed_groups, separation_of

FLOAT = torch.float64


def judged(data: Any) -> Separation:
    residuals = residuals_of(data.statistics().moments("per-task"))
    return separation_of(diagonalise(residuals, whitening(residuals)).residuals)


def test_the_curvature_along_a_rotation_is_what_the_test_counts() -> None:
    """Σ x² − Σ y² is N times the second derivative of f along the rotation of a pair, to second order."""
    stream = torch.Generator().manual_seed(0)
    count, n = 40, 1e6
    small = 1e-3 * torch.randn(count, 2, 2, generator=stream, dtype=FLOAT)
    small = (small + small.mT) / 2
    small[:, 0, 0] -= small[:, 0, 0].mean()
    small[:, 1, 1] -= small[:, 1, 1].mean()
    R = torch.eye(2, dtype=FLOAT) + small

    def f(angle: torch.Tensor) -> torch.Tensor:
        c, s = angle.cos(), angle.sin()
        W = torch.stack([torch.stack([c, s]), torch.stack([-s, c])])
        return 0.5 * torch.diagonal(W @ R @ W.T, dim1=1, dim2=2).log().sum(1).mean()

    zero = torch.zeros((), dtype=FLOAT)
    curvature = torch.autograd.functional.hessian(f, zero)
    logs = torch.diagonal(R, dim1=1, dim2=2).log()
    x = 0.5 * n**0.5 * (logs[:, 0] - logs[:, 1] - (logs[:, 0] - logs[:, 1]).mean())
    y = n**0.5 * R[:, 0, 1] / (R[:, 0, 0] * R[:, 1, 1]).sqrt()
    expected = float((x.square() - y.square()).sum())
    assert n * count * float(curvature) / 4 == pytest.approx(expected, rel=0.02)
    residuals = Residuals(
        weights=torch.full((count,), 1 / count, dtype=FLOAT),
        freedom=torch.full((count,), n, dtype=FLOAT),
        lent=torch.zeros(count, dtype=FLOAT),
        base=R,
        loadings=None,
        slopes=torch.zeros(count, 2, dtype=FLOAT),
        powers=torch.ones(count, dtype=FLOAT),
    )
    error = max(1.0, float(y.square().sum()) / (count - 1))
    bound = (count - 1) ** 0.5 + 2**0.5 + (2 * np.log(1 / 0.01)) ** 0.5
    found = separation_of(residuals).evidence[0, 1]
    assert float(found) == pytest.approx((float(x.square().sum()) / error) ** 0.5 / bound)


@pytest.mark.parametrize(("d", "tasks", "n"), [(2, 40, 60), (5, 40, 60), (5, 3, 800), (6, 120, 6)])
@pytest.mark.parametrize("causal", [False, True])
def test_tasks_that_are_all_alike_separate_nothing(
    generated: Callable[..., Any], d: int, tasks: int, n: int, causal: bool
) -> None:
    for seed in range(3):
        data = generated(seed, d=d, tasks=tasks, n=n, causal=np.full((tasks, d), causal))
        if causal:  # as in the theory: causal latents do not depend on the target
            stream = torch.Generator().manual_seed(seed)
            data = type(data)(
                **{
                    **{f: getattr(data, f) for f in ("h", "task", "z", "mixing", "causal", "gamma")},
                    "y": torch.randn(len(data.y), generator=stream, dtype=FLOAT),
                }
            )
        assert bool((judged(data).unseparated | torch.eye(d, dtype=torch.bool)).all())


@pytest.mark.parametrize(("tasks", "n"), [(40, 60), (8, 400), (120, 6)])
def test_a_pair_of_twins_is_the_only_pair_that_stays_mixed(
    generated: Callable[..., Any], matched: Callable[..., Any], tasks: int, n: int
) -> None:
    d = 4
    for seed in range(3):
        rng = np.random.default_rng(seed)
        causal = rng.random((tasks, d)) < 0.4
        causal[:2] = [[True, True, False, True], [True, True, True, False]]
        causal[2:4] = ~causal[:2]
        causal[:, 1] = causal[:, 0]
        data = generated(seed, d=d, tasks=tasks, n=n, causal=causal)
        residuals = residuals_of(data.statistics().moments("per-task"))
        found = diagonalise(residuals, whitening(residuals))
        result = separation_of(found.residuals)
        z = (data.h @ found.unmixing.T).numpy()
        _, columns, _ = matched(z, data.z)
        expected = torch.zeros(d, d, dtype=torch.bool)
        expected[columns[0], columns[1]] = expected[columns[1], columns[0]] = True
        assert bool((result.unseparated == expected).all()), result.sentence
        first, second = sorted((int(columns[0]), int(columns[1])))
        assert result.sentence == (
            "no task separates 1 of 6 pairs of latents, by the likelihood's curvature along their rotation: mixed "
            f"among each other stay {first}, {second}"
        )


def test_separated_latents_are_said_to_be(generated: Callable[..., Any]) -> None:
    result = judged(generated(d=4, tasks=30, n=60))
    assert not bool(result.unseparated.any())
    assert result.sentence == "the tasks separate all 6 pairs of latents"
    assert float(result.evidence[0, 1]) > 1


def test_one_latent_has_nothing_to_be_separated_from(generated: Callable[..., Any]) -> None:
    result = judged(generated(d=1, tasks=5, n=30, causal=np.array([[True], [False]] * 2 + [[True]])))
    assert not bool(result.unseparated.any())
    assert result.sentence == "there is one latent: nothing to separate"


def test_groups_are_what_pairs_connect() -> None:
    pairs = torch.zeros(6, 6, dtype=torch.bool)
    for i, j in ((0, 3), (3, 5), (1, 2)):
        pairs[i, j] = pairs[j, i] = True
    assert mixed_groups(pairs) == [[0, 3, 5], [1, 2]]
