"""Exact values against independent solvers: linear programs and cone programs written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from identify_core import IdentifyError
from identify_measures import deformation as df

Array = np.ndarray[Any, Any]


def pair(n: int = 24, p: int = 3, q: int = 2, seed: int = 0, noise: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    g = torch.randn(n, p, generator=generator, dtype=torch.float64)
    a = torch.randn(p, q, generator=generator, dtype=torch.float64)
    return g, g @ a + noise * torch.randn(n, q, generator=generator, dtype=torch.float64)


def cone_program(residual: Any, start: Array, further: list[Any] | None = None) -> float:
    """Minimise e under |row of residual(x)| ≤ e and further(x) ≥ 0, as a smooth program in squares."""
    constraints = [{"type": "ineq", "fun": lambda z: z[-1] - np.square(residual(z[:-1])).sum(axis=1)}]
    constraints += [{"type": "ineq", "fun": lambda z, f=f: f(z[:-1])} for f in further or []]
    first = np.append(start, 1.5 * np.square(residual(start)).sum(axis=1).max())
    found = minimize(
        lambda z: z[-1], first, constraints=constraints, method="SLSQP", options={"maxiter": 2000, "ftol": 1e-12}
    )
    assert all((each["fun"](found.x) >= -1e-7).all() for each in constraints), found.message
    return float(np.sqrt(found.x[-1]))


@pytest.mark.parametrize("seed", range(3))
def test_minimax_brackets_hold_the_value_of_the_cone_program(seed: int) -> None:
    g, h = pair(seed=seed)
    augmented = np.hstack([g.numpy(), np.ones((len(g), 1))])
    start = np.linalg.lstsq(augmented, h.numpy(), rcond=None)[0].ravel()
    value = cone_program(lambda x: h.numpy() - augmented @ x.reshape(4, 2), start)
    bracket = df.minimax("affine", g, h, gap=2e-3, iterations=300)
    assert bracket.lower <= value * (1 + 1e-5)
    assert value <= bracket.upper * (1 + 1e-5)
    assert bracket.gap <= 2e-3
    assert bracket.map is not None
    assert float(df.row_norms(h - bracket.map(g), "l2").max()) == pytest.approx(bracket.upper, rel=1e-9)


def test_the_constant_class_is_the_smallest_ball() -> None:
    _, h = pair(seed=4)
    value = cone_program(lambda x: h.numpy() - x, h.mean(dim=0).numpy())
    bracket = df.minimax("constant", h, h)
    assert bracket.lower <= value * (1 + 1e-5)
    assert value <= bracket.upper * (1 + 1e-5)
    assert bracket.gap <= 2e-3


@pytest.mark.parametrize("bound", [0.2, 0.8])
def test_bounded_brackets_hold_the_value_of_the_cone_program(bound: float) -> None:
    g, h = pair(n=12, seed=5)
    data, target = g.numpy(), h.numpy()

    def slack(x: Array) -> Array:  # L² less the larger eigenvalue of AᵀA
        square = x[:6].reshape(3, 2).T @ x[:6].reshape(3, 2)
        half = np.trace(square) / 2
        return np.array([bound**2 - half - np.sqrt(half**2 - np.linalg.det(square))])

    def residual(x: Array) -> Array:
        return target - data @ x[:6].reshape(3, 2) - x[6:]

    start = np.append(0.1 * bound * np.array([1.0, 0.2, -0.4, 0.8, 0.3, 0.5]), target.mean(axis=0))
    value = cone_program(residual, start, [slack])
    bracket = df.bounded_minimax(g, h, bound, gap=1e-3)
    assert bracket.lower <= value * (1 + 1e-5)
    assert value <= bracket.upper * (1 + 1e-4)
    assert bracket.gap <= 1e-3
    assert bracket.map is not None
    assert bracket.map.stretch() <= bound * (1 + 1e-9)


def test_a_bound_that_does_not_bind_gives_the_free_value() -> None:
    g, h = pair(seed=6)
    assert df.bounded_minimax(g, h, 100.0).upper == df.minimax("affine", g, h).upper
    assert df.bounded_minimax(g, h, 0.0).upper == df.minimax("constant", g, h).upper


@pytest.mark.parametrize("bound", [0.3, 1.0])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_kirszbraun_brackets_hold_the_value_of_the_cone_program(bound: float, scale: float) -> None:
    g, h = pair(n=9, seed=7, noise=1.0)
    first, second = np.triu_indices(9, 1)
    limits = bound * np.linalg.norm(g.numpy()[first] - g.numpy()[second], axis=1)

    def slack(x: Array) -> Array:
        t = x.reshape(9, 2)
        return limits**2 - np.square(t[first] - t[second]).sum(axis=1)

    start = np.repeat(h.mean(dim=0).numpy()[None], 9, axis=0) + 0.05 * bound * g.numpy()[:, :2]
    value = cone_program(lambda x: h.numpy() - x.reshape(9, 2), start.ravel(), [slack])
    bracket = df.kirszbraun(g, h * scale, bound * scale)
    assert bracket.lower <= value * scale * (1 + 1e-5)
    assert value * scale <= bracket.upper * (1 + 1e-4)
    assert bracket.gap <= 2e-3


def test_kirszbraun_gives_equal_rows_one_image() -> None:
    g = torch.tensor([[0.0], [0.0], [5.0]])
    h = torch.tensor([[0.0], [2.0], [1.0]])
    bracket = df.kirszbraun(g, h, 1.0)
    assert bracket.lower == pytest.approx(1.0, abs=2e-3)
    assert bracket.upper == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("bound", [0.0, 0.25, 1.0, 2.0])
def test_the_exact_lipschitz_distance_is_the_linear_program_over_images(norm: df.Norm, bound: float) -> None:
    g, h = pair(n=12, seed=8, noise=1.0)
    away = df.row_distances(g, norm)
    best = 0.0
    for column in h.numpy().T:  # minimise e: |t − h| ≤ e, tᵢ − tⱼ ≤ L dᵢⱼ
        n = len(column)
        rows = [np.append(sign * np.eye(n)[i], -1.0) for i in range(n) for sign in (1, -1)]
        limits = [sign * column[i] for i in range(n) for sign in (1, -1)]
        for i in range(n):
            for j in range(n):
                if i != j:
                    rows.append(np.append(np.eye(n)[i] - np.eye(n)[j], 0.0))
                    limits.append(bound * float(away[i, j]))
        result = linprog(np.append(np.zeros(n), 1.0), A_ub=np.stack(rows), b_ub=limits, bounds=[(None, None)] * (n + 1))
        best = max(best, result.fun)
    assert df.lipschitz_distance(away, df.row_distances(h, "linf"), bound) == pytest.approx(best, abs=1e-9)


def test_the_envelopes_attain_the_exact_distance_and_keep_the_bound() -> None:
    g, h = pair(n=30, seed=9, noise=1.0)
    bound = 0.5
    away, apart = df.row_distances(g), df.row_distances(h, "linf")
    images = df.between_envelopes(g, h, g, bound)
    assert float((images - h).abs().max()) == pytest.approx(df.lipschitz_distance(away, apart, bound), abs=1e-9)
    points = torch.randn(40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = df.between_envelopes(g, h, points, bound)
    assert df.smallest_lipschitz(df.row_distances(points), df.row_distances(found, "linf")) <= bound * (1 + 1e-9)


@pytest.mark.parametrize("bound", [None, 0.5])
def test_the_largest_entry_is_one_joint_linear_program(bound: float | None) -> None:
    g, h = pair(n=20, seed=10)
    n, p, q = 20, 3, 2
    rows: list[Array] = []
    limits: list[float] = []
    width = q * (2 * p + 1) + 1  # positive and negative parts of each column, its constant; t
    for k in range(q):
        at = k * (2 * p + 1)
        for i in range(n):
            one = np.zeros(width)
            one[at : at + p], one[at + p : at + 2 * p], one[at + 2 * p] = g[i], -g[i], 1.0
            for sign in (1, -1):
                rows.append(sign * one - np.eye(width)[-1])
                limits.append(sign * float(h[i, k]))
        if bound is not None:
            total = np.zeros(width)
            total[at : at + 2 * p] = 1.0
            rows.append(total)
            limits.append(bound)
    free = ([(0, None)] * (2 * p) + [(None, None)]) * q + [(0, None)]
    value = linprog(np.eye(width)[-1], A_ub=np.stack(rows), b_ub=limits, bounds=free).fun
    bracket = df.coordinate_minimax(g, h, bound=bound)
    assert bracket.upper == pytest.approx(value, abs=1e-7)
    assert bracket.lower == pytest.approx(value, abs=1e-7)
    if bound is not None:
        assert bracket.map is not None
        assert float(bracket.map.matrix.abs().sum(dim=0).max()) <= bound * (1 + 1e-6)


def test_lipschitz_heads_are_attained_by_the_distance_to_a_row() -> None:
    g, h = pair(n=15, seed=11, noise=1.0)
    away, apart = df.row_distances(g), df.row_distances(h)
    value = df.lipschitz_heads(away, apart, 0.5, 1.0)
    worst = max(df.lipschitz_distance(away, df.row_distances(apart[:, i], "linf"), 0.5) for i in range(len(h)))
    assert value == pytest.approx(worst, abs=1e-12)


def test_unit_heads_are_the_worst_direction_of_the_residual() -> None:
    g, h = pair(n=50, p=2, q=3, seed=12)
    angles = torch.randn(20000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    heads = angles / angles.norm(dim=1, keepdim=True)
    residual = df.LinearSource.of(g).residual(h)
    sampled = float((residual @ heads.T).square().mean(dim=0).max().sqrt())
    assert sampled <= df.unit_heads(g, h) <= sampled * (1 + 1e-3)


def test_a_probe_is_matched_as_well_as_a_search_finds() -> None:
    g, h = pair(n=30, p=2, q=1, seed=13, noise=1.0)
    bracket = df.probe_distance(g, h[:, 0])
    p = torch.sigmoid(h[:, 0]).numpy()

    def room(x: Array) -> Array:
        apart = 1 / (1 + np.exp(-(g.numpy() @ x[:2] + x[2]))) - p
        return np.concatenate([x[3] - apart, x[3] + apart])

    starts = np.random.default_rng(0).normal(size=(20, 4))
    given = {"type": "ineq", "fun": room}
    tried = [minimize(lambda x: x[3], np.append(s[:3], 1.0), constraints=given, method="SLSQP") for s in starts]
    found = min(each.fun for each in tried if each.success)
    assert bracket.upper - bracket.lower <= 1e-5
    assert bracket.lower <= found + 1e-6
    assert found <= bracket.upper + 1e-4


def test_a_probe_within_reach_is_matched_exactly() -> None:
    g, _ = pair(n=30, seed=14)
    assert df.probe_distance(g, g @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.3).upper < 1e-5


def test_sampled_heads_stay_below_the_product_of_norm_and_distance() -> None:
    g, h = pair(n=40, p=3, q=5, seed=15)
    value = df.sampled_heads(g, h, heads=10, classes=2, generator=torch.Generator().manual_seed(0))
    assert 0 < value.lower <= value.upper <= df.minimax("affine", g, h).upper * 1.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g, h: df.bounded_minimax(g, h, -1.0), "the Lipschitz bound is -1.0"),
        (lambda g, h: df.kirszbraun(torch.zeros(1001, 1), torch.zeros(1001, 1), 1.0), "has 1001 rows"),
        (lambda g, h: df.probe_distance(g, h), "logits has 2 columns"),
        (lambda g, h: df.sampled_heads(g, h, heads=0, classes=2, generator=torch.Generator()), "0 heads of 2"),
        (lambda g, h: df.minimax("afine", g, h), "there is no class of maps 'afine'"),
        (lambda g, h: df.fit("isometry", g, h, ridge=0.1), "a ridge of 0.1 for the class isometry"),
        (lambda g, h: df.lipschitz_distance(df.row_distances(g), df.row_distances(h[:5]), 1.0), "distances of the"),
        (lambda g, h: df.between_envelopes(g, h, h, 1.0), "the points have 2 columns and the source has 3"),
    ],
)
def test_what_cannot_be_asked_for_is_said(call: Any, message: str) -> None:
    with pytest.raises(IdentifyError) as raised:
        call(*pair())
    assert message in str(raised.value)
    assert raised.value.hint or "columns and the source" in message
