"""Geodesics against closed forms, and against what must hold whatever the decoder."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_bvp
from torch import nn

from identify_core import OptionsError
from identify_metric.geometry import GeodesicSettings, fit_curves, geodesics, jacobian, log_volume
from identify_metric.geometry.metric import second_derivative

TIGHT = GeodesicSettings(segments=20, gradient_tolerance=1e-8, tolerance=1e-9, doublings=3)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def box(count: int, low: list[float], high: list[float], seed: int = 0) -> torch.Tensor:
    drawn = torch.rand(count, len(low), generator=seeded(seed), dtype=torch.float64)
    return torch.tensor(low) + drawn * (torch.tensor(high) - torch.tensor(low))


def sphere(z):
    t, p = z[:, :1], z[:, 1:]
    return torch.cat([t.sin() * p.cos(), t.sin() * p.sin(), t.cos()], dim=1)


def stereographic(z):
    square = z.square().sum(1, keepdim=True)
    return torch.cat([2 * z, square - 1], dim=1) / (square + 1)


def swiss_roll(z):
    """The radius t and the height: the plane, rolled up along an Archimedean spiral."""
    t, h = z[:, :1], z[:, 1:]
    return torch.cat([t * t.cos(), h, t * t.sin()], dim=1)


def pseudosphere(z):
    """The half-plane y > 1, with the metric (dx² + dy²) / y²: curvature −1."""
    x, y = z[:, :1], z[:, 1:]
    root = (1 - y**-2).sqrt()
    return torch.cat([x.cos() / y, x.sin() / y, torch.acosh(y) - root], dim=1)


def on_sphere(F):
    return lambda a, b: 2 * torch.asin((F(a) - F(b)).norm(dim=1) / 2)


def on_roll(a, b):
    def along(t):
        return (t * (1 + t * t).sqrt() + torch.asinh(t)) / 2

    return torch.hypot(along(a[:, 0]) - along(b[:, 0]), a[:, 1] - b[:, 1])


def on_half_plane(a, b):
    return torch.acosh(1 + (a - b).square().sum(1) / (2 * a[:, 1] * b[:, 1]))


CLOSED = {
    "sphere": (sphere, on_sphere(sphere), [0.7, 0.0], [2.3, 2.5]),
    "stereographic": (stereographic, on_sphere(stereographic), [-1.0, -1.0], [1.0, 1.0]),
    "swiss roll": (swiss_roll, on_roll, [4.0, 0.0], [12.0, 10.0]),
    "pseudosphere": (pseudosphere, on_half_plane, [0.0, 1.6], [1.0, 4.0]),
}


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize(("settings", "error"), [(None, 1e-5), (TIGHT, 1e-8)], ids=["default", "tightest"])
def test_lengths_are_those_of_the_closed_form(name, settings, error):
    F, distance, low, high = CLOSED[name]
    a, b = box(6, low, high), box(6, low, high, seed=1)
    found = geodesics(F, a, b, settings=settings, generator=seeded())
    relative = (found.length - distance(a, b)).abs() / distance(a, b)
    assert relative.max() < error, relative
    assert found.converged.all()
    assert (found.line >= found.length * (1 - 1e-9)).all()
    assert found.gap.max() < 1e-4


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_certificate_covers_the_true_error_at_any_scale(scale):
    a, b = box(8, [0.7, 0.0], [2.3, 2.5]), box(8, [0.7, 0.0], [2.3, 2.5], seed=1)
    found = geodesics(lambda z: scale * sphere(z), a, b, settings=GeodesicSettings(segments=4, nodes=3, doublings=1))
    wrong = (found.length / scale - on_sphere(sphere)(a, b)).abs() / on_sphere(sphere)(a, b)
    assert (wrong <= 10 * found.error + 1e-12).all()
    assert wrong.max() < 1e-4


def test_an_isometry_of_the_latent_space_changes_no_length():
    """F and F ∘ A have the same lengths between corresponding points, whatever the diffeomorphism A."""

    def bend(z):
        return torch.stack([z[:, 0] + 0.3 * torch.sin(2 * z[:, 1]), z[:, 1] + 0.4 * torch.tanh(z[:, 0])], dim=1)

    def unbend(z):
        found = z
        for _ in range(200):
            found = found + (z - bend(found)) * 0.7
        return found

    a, b = box(5, [0.8, 0.2], [2.0, 2.0]), box(5, [0.8, 0.2], [2.0, 2.0], seed=1)
    before = geodesics(sphere, a, b, generator=seeded()).length
    after = geodesics(lambda z: sphere(bend(z)), unbend(a), unbend(b), generator=seeded()).length
    torch.testing.assert_close(before, after, rtol=1e-5, atol=0)
    assert ((a - b).norm(dim=1) / (unbend(a) - unbend(b)).norm(dim=1) - 1).abs().max() > 0.05


@pytest.mark.parametrize("name", CLOSED)
def test_distances_keep_the_triangle_inequality(name):
    """And symmetry; on one geodesic, where the inequality is an equality, up to the errors that are certified."""
    F, _, low, high = CLOSED[name]
    a, b, c = (box(6, low, high, seed) for seed in range(3))
    on_the_way = geodesics(F, a, c, generator=seeded()).points[:, 16]
    b = torch.where(torch.arange(6)[:, None] < 3, on_the_way, b)
    ends = ((a, b), (b, c), (a, c), (b, a))
    found = geodesics(F, *(torch.cat(each) for each in zip(*ends, strict=True)), generator=seeded())
    ab, bc, ac, ba = found.length.chunk(4)
    error = found.error.max()
    torch.testing.assert_close(ab, ba, rtol=2 * float(error), atol=0)
    assert (ac <= (ab + bc) * (1 + 2 * error)).all()
    torch.testing.assert_close(ac[:3], (ab + bc)[:3], rtol=1e-5, atol=0)
    assert (ac[3:] < (ab + bc)[3:] * (1 - 1e-3)).any()


def boundary_value_solution(F, a, b):
    """Length of the geodesic from a (d,) to b (d,) by its differential equation and scipy's collocation."""
    d = len(a)

    def right_hand_side(_, y):
        c, v = (torch.from_numpy(np.ascontiguousarray(each.T)) for each in (y[:d], y[d:]))
        J = jacobian(F, c)
        bent = second_derivative(F, c, v, v)
        force = -torch.linalg.lstsq(J, bent[..., None]).solution[..., 0]
        return np.concatenate([v.numpy().T, force.numpy().T])

    t = np.linspace(0, 1, 17)
    line = a.numpy()[:, None] + t * (b - a).numpy()[:, None]
    guess = np.concatenate([line, np.repeat((b - a).numpy()[:, None], 17, axis=1)])
    found = solve_bvp(
        right_hand_side, lambda y0, y1: np.concatenate([y0[:d] - a.numpy(), y1[:d] - b.numpy()]), t, guess, tol=1e-7
    )
    assert found.success, found.message
    start = torch.from_numpy(found.y[:, 0])
    return torch.func.jvp(F, (start[None, :d],), (start[None, d:],))[1].norm()


@pytest.mark.parametrize(
    ("activation", "width"), [(nn.Tanh, 2), (nn.Softplus, 8), pytest.param(nn.Tanh, 16, marks=pytest.mark.slow)]
)
def test_in_smooth_decoders_geodesics_are_those_of_the_differential_equation(activation, width):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(width, 24), activation(), nn.Linear(24, 30)).double().requires_grad_(False)
    a, b = torch.randn(2, 2, width, generator=seeded(), dtype=torch.float64)
    found = geodesics(net, a, b, generator=seeded())
    expected = torch.stack([boundary_value_solution(net, *ends) for ends in zip(a, b, strict=True)])
    torch.testing.assert_close(found.length, expected, rtol=1e-5, atol=0)


def test_many_decoders_at_once_give_what_each_gives_alone():
    torch.manual_seed(0)
    maps = [nn.Sequential(nn.Linear(3, 16), nn.ELU(), nn.Linear(16, 9)).double() for _ in "abc"]
    a, b = torch.randn(2, 9, 3, generator=seeded(), dtype=torch.float64)
    owner = torch.tensor([0, 1, 2, 2, 1, 0, 1, 1, 0])
    one = GeodesicSettings(starts=1, points_at_once=100)  # smaller than one block of three curves
    together = geodesics(maps, a, b, owner=owner, settings=one)
    for number, F in enumerate(maps):
        mine = owner == number
        torch.testing.assert_close(
            geodesics(F, a[mine], b[mine], settings=GeodesicSettings(starts=1)).length, together.length[mine]
        )


def test_no_more_points_are_decoded_at_once_for_more_pairs():
    """So that memory for decoders does not grow with pairs."""
    settings = GeodesicSettings(starts=2, points_at_once=500, iterations=3, doublings=1, segments=4)
    most = {}
    for pairs in (8, 200):
        seen = []

        def counting(z, seen=seen):
            seen.append(len(z))
            return sphere(z)

        a, b = box(pairs, [0.7, 0.0], [2.3, 2.5]), box(pairs, [0.7, 0.0], [2.3, 2.5], seed=1)
        geodesics(counting, a, b, settings=settings, generator=seeded())
        most[pairs] = max(seen)
    assert most[8] <= most[200] <= 500


def test_chords_agree_with_velocities():
    a, b = box(5, [0.7, 0.0], [2.3, 2.5]), box(5, [0.7, 0.0], [2.3, 2.5], seed=1)
    found = geodesics(sphere, a, b, settings=GeodesicSettings(quadrature="chords", nodes=6))
    torch.testing.assert_close(found.length, on_sphere(sphere)(a, b), rtol=1e-5, atol=0)


def test_float32_decoders_have_the_digits_of_float32():
    a, b = box(5, [0.7, 0.0], [2.3, 2.5]), box(5, [0.7, 0.0], [2.3, 2.5], seed=1)
    found = geodesics(lambda z: sphere(z.float()).double(), a, b)
    torch.testing.assert_close(found.length, on_sphere(sphere)(a, b), rtol=1e-4, atol=0)


def test_points_that_coincide_have_distance_0_and_points_that_are_not_finite_none():
    a = torch.tensor([[1.0, 1.0], [1.0, math.nan], [1.0, 1.0]], dtype=torch.float64)
    b = torch.tensor([[1.0, 1.0], [1.0, 1.0], [1.5, 1.0]], dtype=torch.float64)
    found = geodesics(sphere, a, b)
    assert found.length[0] == 0
    assert found.length[1].isnan()
    assert found.length[2] == pytest.approx(0.5)
    assert found.start.tolist() == [-1, -1, 0]
    assert found.converged.tolist() == [True, False, True]


def test_a_direction_that_the_decoder_ignores_is_free():
    """Rank deficiency: the distance is that of what is seen."""
    F = lambda z: torch.cat([z[:, :1], z[:, :1] ** 2], dim=1)  # noqa: E731
    a, b = torch.tensor([[0.0, 0.0]]).double(), torch.tensor([[1.0, 5.0]]).double()
    found = geodesics(F, a, b, generator=seeded())
    assert found.length.item() == pytest.approx((2 * math.sqrt(5) + math.asinh(2)) / 4, rel=1e-5)
    assert log_volume(F, a).rank.tolist() == [1]


def test_a_constant_decoder_has_no_distances():
    found = geodesics(lambda z: 0 * z, torch.zeros(2, 2).double(), torch.ones(2, 2).double())
    assert found.length.tolist() == [0.0, 0.0]


def test_a_start_on_the_short_side_beats_the_straight_line():
    """Over a ridge the straight line is a saddle: it stays there, and a path round the ridge wins."""
    ridge = lambda z: torch.cat([z, 4 * torch.exp(-4 * z.square().sum(1, keepdim=True))], dim=1)  # noqa: E731
    a, b = torch.tensor([[-1.5, 0.0]]).double(), torch.tensor([[1.5, 0.0]]).double()
    alone = geodesics(ridge, a, b, settings=GeodesicSettings(starts=1))
    bent = torch.linspace(0, math.pi, 41).double()
    path = torch.stack([-1.5 * bent.cos(), 1.2 * bent.sin()], dim=1)[None]
    several = geodesics(ridge, a, b, settings=GeodesicSettings(starts=1), paths=[fit_curves(path, a, b, 10)])
    assert several.length < 0.8 * alone.length
    assert several.start.tolist() == [1]
    assert several.starts_disagree.tolist() == [True]


def test_two_shortest_curves_have_one_length():
    """Over a ridge both ways round are equally long: a tie, in which either is right and no start is in doubt."""
    ridge = lambda z: torch.cat([z, 4 * torch.exp(-4 * z.square().sum(1, keepdim=True))], dim=1)  # noqa: E731
    a, b = torch.tensor([[-1.5, 0.0]]).double().expand(3, 2), torch.tensor([[1.5, 0.0]]).double().expand(3, 2)
    bent = torch.linspace(0, math.pi, 41).double()
    left, right = (torch.stack([-1.5 * bent.cos(), y * bent.sin()], dim=1).expand(3, 41, 2) for y in (1.2, -1.2))
    several = GeodesicSettings(starts=1, doublings=4)
    tied = geodesics(ridge, a, b, settings=several, paths=[fit_curves(each, a, b, 10) for each in (left, right)])
    alone = geodesics(ridge, a, b, settings=several, paths=[fit_curves(right, a, b, 10)])
    torch.testing.assert_close(tied.length, alone.length, rtol=1e-6, atol=0)
    assert tied.converged.all()


def test_ends_that_do_not_fit_are_refused():
    with pytest.raises(OptionsError, match=r"\(2, 2\) and \(3, 2\); both are \(P, d\)"):
        geodesics(sphere, torch.zeros(2, 2), torch.zeros(3, 2))
