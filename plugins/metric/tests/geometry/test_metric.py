"""The metric at a point against closed forms: volumes, angles, curvature, exponential map, balls."""

from __future__ import annotations

import math

import pytest
import torch

from identify_core import IdentifyError, OptionsError
from identify_metric.geometry import (
    angle,
    embed,
    exponential,
    geodesic_ball,
    indicatrix,
    jacobian,
    log_volume,
    metric,
    region_volume,
    sectional_curvature,
    stack,
)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def spheroid(a: float, c: float):
    """Colatitude and longitude -> the surface with the half axes a, a, c."""

    def F(z):
        t, p = z[:, :1], z[:, 1:]
        return torch.cat([a * t.sin() * p.cos(), a * t.sin() * p.sin(), c * t.cos()], dim=1)

    return F


def torus(z, R=2.0, r=0.7):
    u, v = z[:, :1], z[:, 1:]
    return torch.cat([(R + r * v.cos()) * u.cos(), (R + r * v.cos()) * u.sin(), r * v.sin()], dim=1)


def ellipsoid(z):
    t, p = z[:, :1], z[:, 1:]
    return torch.cat([3 * t.sin() * p.cos(), 2 * t.sin() * p.sin(), t.cos()], dim=1)


def paraboloid(z):
    return torch.cat([z, z.square().sum(1, keepdim=True)], dim=1)


def test_the_metric_is_that_of_reverse_mode():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.ELU(), torch.nn.Linear(16, 20)).double()
    z = drawn(7, 3)
    J = torch.stack([torch.autograd.functional.jacobian(lambda x: net(x[None])[0], row) for row in z])
    torch.testing.assert_close(jacobian(net, z), J)
    torch.testing.assert_close(metric(net, z, points_at_once=2), J.mT @ J)


def test_volumes_of_whole_surfaces():
    low, high = torch.tensor([0.0, 0.0], dtype=torch.float64), torch.tensor([math.pi, 2 * math.pi], dtype=torch.float64)
    assert region_volume(spheroid(1, 1), low, high).item() == pytest.approx(4 * math.pi, rel=1e-9)
    e = math.sqrt(1 - 0.5**2)  # an oblate spheroid, a = 1, c = 1/2
    area = 2 * math.pi * (1 + (1 - e**2) / e * math.atanh(e))
    assert region_volume(spheroid(1, 0.5), low, high).item() == pytest.approx(area, rel=1e-9)
    turn = torch.tensor([2 * math.pi] * 2, dtype=torch.float64)
    assert region_volume(torus, 0 * turn, turn).item() == pytest.approx(4 * math.pi**2 * 2.0 * 0.7, rel=1e-9)


def test_the_volume_element_of_an_ellipsoid():
    z = torch.rand(20, 2, generator=torch.Generator().manual_seed(0)).double() + 0.3
    t, p = z.T
    (a, b, c), s = (3.0, 2.0, 1.0), t.sin()
    expected = s * (c**2 * s**2 * (b**2 * p.cos() ** 2 + a**2 * p.sin() ** 2) + (a * b * t.cos()) ** 2).sqrt()
    torch.testing.assert_close(log_volume(ellipsoid, z).value, expected.log(), rtol=1e-9, atol=1e-9)


def test_volume_counts_the_directions_that_are_seen():
    found = log_volume(lambda z: torch.cat([2 * z[:, :1], 0 * z[:, :1]], dim=1), drawn(3, 2))
    assert found.rank.tolist() == [1, 1, 1]
    torch.testing.assert_close(found.value, torch.full((3,), math.log(2.0)).double())
    assert found.condition.isinf().all()
    assert log_volume(lambda z: z[:, :1], drawn(3, 2)).condition.isinf().all()


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_volume_element_has_the_digits_of_a_badly_scaled_decoder(scale):
    found = log_volume(lambda z: z * torch.tensor([scale, 1e-5 * scale], dtype=torch.float64), drawn(3, 2))
    torch.testing.assert_close(found.value, torch.full((3,), 2 * math.log(scale) + math.log(1e-5)).double())
    torch.testing.assert_close(found.condition, torch.full((3,), 1e5).double(), rtol=1e-9, atol=0)


def test_angles_on_a_paraboloid():
    z, u, v = drawn(50, 2), drawn(50, 2, seed=1), drawn(50, 2, seed=2)
    G = torch.eye(2).double() + 4 * z[:, :, None] * z[:, None]

    def inner(a, b):
        return torch.einsum("ni,nij,nj->n", a, G, b)

    expected = torch.arccos(inner(u, v) / (inner(u, u) * inner(v, v)).sqrt())
    torch.testing.assert_close(angle(paraboloid, z, u, v), expected, rtol=1e-9, atol=1e-9)


def test_small_angles_keep_their_digits():
    z = torch.zeros(1, 2).double()
    small = angle(
        lambda z: z,
        z,
        torch.tensor([[1.0, 0.0]], dtype=torch.float64),
        torch.tensor([[1.0, 1e-9]], dtype=torch.float64),
    )
    assert small.item() == pytest.approx(1e-9, rel=1e-6)  # arccos would give 0
    assert angle(lambda z: z, z, z, z).isnan().all()


def test_an_isometry_keeps_angles():
    turn = torch.linalg.qr(drawn(3, 3))[0]
    z, u, v = drawn(9, 2), drawn(9, 2, seed=1), drawn(9, 2, seed=2)
    torch.testing.assert_close(angle(paraboloid, z, u, v), angle(lambda z: paraboloid(z) @ turn, z, u, v))


def test_curvatures():
    z, u, v = drawn(9, 2).abs() + 0.3, drawn(9, 2, seed=1), drawn(9, 2, seed=2)
    radius = 3.0
    ball = spheroid(radius, radius)
    torch.testing.assert_close(sectional_curvature(ball, z, u, v), torch.full((9,), radius**-2).double())
    on_torus = z[:, 1].cos() / (0.7 * (2.0 + 0.7 * z[:, 1].cos()))
    torch.testing.assert_close(sectional_curvature(torus, z, u, v), on_torus)
    bowl = 4 / (1 + 4 * z.square().sum(1)) ** 2
    torch.testing.assert_close(sectional_curvature(paraboloid, z, u, v), bowl)
    cylinder = sectional_curvature(lambda z: torch.cat([z[:, :1].cos(), z[:, :1].sin(), z[:, 1:]], dim=1), z, u, v)
    assert cylinder.abs().max() < 1e-12


def test_the_exponential_map_of_the_sphere_runs_along_great_circles():
    ball = spheroid(1, 1)
    z, v = (
        torch.tensor([[1.2, 0.3], [0.9, 1.0]], dtype=torch.float64),
        torch.tensor([[0.4, 0.8], [-0.3, 0.5]], dtype=torch.float64),
    )
    point, pushed = torch.func.jvp(ball, (z,), (v,))
    speed = pushed.norm(dim=1, keepdim=True)
    arrived, velocity = exponential(ball, z, v, steps=24)
    torch.testing.assert_close(ball(arrived), point * speed.cos() + pushed / speed * speed.sin(), rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(torch.func.jvp(ball, (arrived,), (velocity,))[1].norm(dim=1), speed[:, 0])


def test_a_geodesic_that_leaves_the_chart_says_so():
    with pytest.raises(IdentifyError, match="1 of 1 geodesics left the region"):
        exponential(lambda z: torch.cat([z, z.square()], dim=1) * 0, drawn(1, 2), drawn(1, 2))


def test_a_geodesic_ball_is_a_circle_of_its_radius():
    ball = spheroid(1, 1)
    centre = torch.tensor([1.1, 0.4], dtype=torch.float64)
    border = ball(geodesic_ball(ball, centre, 0.5, directions=12))
    torch.testing.assert_close((border @ ball(centre[None])[0]).arccos(), torch.full((12,), 0.5).double())
    with pytest.raises(IdentifyError, match="two latents"):
        geodesic_ball(ball, torch.zeros(3), 1.0)


def test_an_indicatrix_has_unit_length():
    G = metric(torus, drawn(4, 2))
    vectors = indicatrix(G, directions=7)
    torch.testing.assert_close(torch.einsum("nki,nij,nkj->nk", vectors, G, vectors), torch.ones(4, 7).double())


def test_a_grid_that_is_too_fine_is_refused():
    with pytest.raises(IdentifyError, match="a grid of 64 nodes in 8 latents"):
        region_volume(lambda z: z, torch.zeros(8), torch.ones(8))


def test_fisher_rao_metrics_are_those_of_the_laws():
    logit, rate = torch.tensor(0.7).double(), torch.tensor(1.3).double()
    p = torch.sigmoid(logit)
    z = torch.stack([logit, torch.tensor(-2.0).double()])[:, None]

    def squared(ambient, at):
        return metric(lambda z: embed(z, ambient), at)[:, 0, 0]

    torch.testing.assert_close(squared("bernoulli", z)[0], p * (1 - p))
    torch.testing.assert_close(squared("poisson", rate[None, None])[0], rate.exp())  # in the log rate: λ
    torch.testing.assert_close(squared("exponential", rate[None, None])[0], torch.ones(()).double())
    logits = drawn(1, 4)
    q = torch.softmax(logits[0], 0)
    torch.testing.assert_close(metric(lambda z: embed(z, "categorical"), logits)[0], torch.diag(q) - torch.outer(q, q))


def test_the_gaussian_metric_is_the_expectation_over_its_noise():
    """E_ε of the metric of x = μ + σ ε, with ε drawn many times."""
    mean, sigma = (lambda z: torch.sin(z)), (lambda z: 0.5 + z.square())
    z = drawn(1, 2)
    F = lambda z: embed(mean(z), "gaussian", sigma(z))  # noqa: E731
    eps = drawn(20_000, 2, seed=3)
    G = torch.zeros(2, 2).double()
    J, K = (torch.diag(torch.autograd.functional.jacobian(f, z[0]).diagonal()) for f in (mean, sigma))
    for row in eps:
        each = J + row[:, None] * K
        G += each.T @ each / len(eps)
    torch.testing.assert_close(metric(F, z)[0], G, rtol=0.05, atol=0.02)
    torch.testing.assert_close(metric(F, z)[0], J.T @ J + K.T @ K)


def test_ensembles_and_weights():
    maps = [lambda z: z, lambda z: 3 * z]
    z = drawn(1, 2)
    identity = torch.eye(2).double()
    torch.testing.assert_close(metric(stack(maps), z)[0], 5 * identity)  # (1 + 9) / 2
    torch.testing.assert_close(metric(stack(maps, "mean"), z)[0], 4 * identity)
    torch.testing.assert_close(metric(stack(maps, "single"), z)[0], identity)
    weighted = stack(maps, "single", weights=torch.tensor([1.0, 4.0], dtype=torch.float64))
    torch.testing.assert_close(metric(weighted, z)[0], torch.diag(torch.tensor([1.0, 4.0], dtype=torch.float64)))
    with pytest.raises(OptionsError, match="-1; it must be at least 0"):
        stack(maps, weights=torch.tensor([1.0, -1.0]))
    with pytest.raises(OptionsError, match="needs the standard deviation"):
        embed(z, "gaussian")


def test_a_lost_direction_has_no_volume_no_ball_and_no_indicatrix():
    F = lambda z: torch.cat([z[:, :1], z[:, :1] ** 2], dim=1)  # noqa: E731
    z = torch.tensor([[0.3, 0.1], [math.nan, 0.0], [0.5, 2.0]], dtype=torch.float64)
    found = log_volume(F, z)
    assert found.rank.tolist() == [1, 0, 1]
    assert found.value.isnan().tolist() == [False, True, False]
    assert found.element.nan_to_num(nan=-1).tolist() == [0, -1, 0]
    assert found.condition.isinf().tolist() == [True, False, True]
    assert region_volume(F, z[0], z[2]) == 0
    for tried in (lambda: geodesic_ball(F, z[0], 0.1), lambda: indicatrix(metric(F, z[[0, 2]]))):
        with pytest.raises(IdentifyError, match=r"the metric is singular at \d of \d points"):
            tried()
