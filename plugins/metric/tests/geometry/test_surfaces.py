"""Geodesics of surfaces of revolution by Clairaut's relation, arcs of an ellipsoid, metrics without a map, geoopt."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import ellipeinc

from identify_core import IdentifyError
from identify_metric.geometry import GeodesicSettings, TensorMetric, exponential, geodesics, log_volume, metric

TIGHT = GeodesicSettings(segments=20, gradient_tolerance=1e-8, tolerance=1e-9, doublings=3)


def revolution(radius, height):
    """(t, φ) -> the surface that the curve (radius, height) sweeps."""

    def F(z):
        t, p = z[:, :1], z[:, 1:]
        return torch.cat([radius(t) * p.cos(), radius(t) * p.sin(), height(t)], dim=1)

    return F


SURFACES = {
    "spheroid": (lambda t: t.sin(), lambda t: 0.5 * t.cos(), 1.0, 2.2),
    "torus": (lambda t: 2 + 0.7 * t.cos(), lambda t: 0.7 * t.sin(), -0.9, 0.8),
    "paraboloid": (lambda t: t, lambda t: t.square(), 0.6, 1.7),
}


def clairaut(radius, height, t0, t1, constant):
    """Turn in φ and length of the geodesic with r² φ' = constant, by quadrature: t runs from t0 to t1."""

    def at(t):
        x = torch.tensor(t, dtype=torch.float64, requires_grad=True)
        r, h = radius(x), height(x)
        (dr,), (dh,) = torch.autograd.grad(r, x, retain_graph=True), torch.autograd.grad(h, x)
        r, speed = float(r.detach()), math.hypot(float(dr), float(dh))
        return r, speed, math.sqrt(r * r - constant * constant)

    def turn(t):
        r, speed, root = at(t)
        return constant * speed / (r * root)

    def long(t):
        r, speed, root = at(t)
        return r * speed / root

    return quad(turn, t0, t1, epsabs=1e-13)[0], quad(long, t0, t1, epsabs=1e-13)[0]


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize(("settings", "error"), [(None, 1e-5), (TIGHT, 1e-8)], ids=["default", "tightest"])
def test_lengths_on_surfaces_of_revolution(name, settings, error):
    radius, height, t0, t1 = SURFACES[name]
    least = min(float(radius(torch.tensor(t))) for t in np.linspace(t0, t1, 50))
    found = [clairaut(radius, height, t0, t1, share * least) for share in (0.0, 0.3, 0.6)]
    turns, expected = (torch.tensor(each, dtype=torch.float64) for each in zip(*found, strict=True))
    a = torch.tensor([[t0, 0.2]] * len(found), dtype=torch.float64)
    b = torch.stack([torch.full_like(turns, t1), 0.2 + turns], dim=1)
    lengths = geodesics(revolution(radius, height), a, b, settings=settings).length
    assert ((lengths - expected).abs() / expected).max() < error


def ellipsoid(z):
    t, p = z[:, :1], z[:, 1:]
    return torch.cat([3 * t.sin() * p.cos(), 2 * t.sin() * p.sin(), t.cos()], dim=1)


def stereographic(z):
    square = z.square().sum(1, keepdim=True)
    return torch.cat([2 * z, square - 1], dim=1) / (1 + square)


@pytest.mark.parametrize(("settings", "error"), [(None, 1e-5), (TIGHT, 1e-8)], ids=["default", "tightest"])
def test_arcs_of_a_triaxial_ellipsoid(settings, error):
    """Its sections with the planes of symmetry are geodesics; here y = 0, axes 3 and 1."""
    a, b = torch.tensor([[0.9, 0.0], [1.9, 0.0]], dtype=torch.float64)[:, None]
    expected = 3 * (ellipeinc(1.9, 1 - 1 / 9) - ellipeinc(0.9, 1 - 1 / 9))
    found = geodesics(ellipsoid, a, b, settings=settings)
    assert found.length.item() == pytest.approx(expected, rel=error)


def test_a_metric_without_a_map_is_that_of_geoopts_poincare_ball():
    geoopt = pytest.importorskip("geoopt")
    ball = TensorMetric(lambda z: (4 / (1 - z.square().sum(1)).square())[:, None, None] * torch.eye(z.shape[1]).to(z))
    generator = torch.Generator().manual_seed(0)
    a, b = (0.5 * (torch.rand(5, 3, generator=generator, dtype=torch.float64) - 0.5) for _ in "ab")
    expected = geoopt.PoincareBall().dist(a, b)
    for settings in (None, GeodesicSettings(quadrature="chords", nodes=6)):
        torch.testing.assert_close(geodesics(ball, a, b, settings=settings).length, expected, rtol=2e-5, atol=0)
    with pytest.raises(IdentifyError, match="decodes no points"):
        log_volume(ball, a)


def test_geoopts_sphere_has_the_same_distances_and_exponential_map():
    geoopt = pytest.importorskip("geoopt")
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(5, 2, generator=generator, dtype=torch.float64) - 0.5 for _ in "ab")
    sphere = geoopt.Sphere()
    torch.testing.assert_close(
        geodesics(stereographic, a, b).length, sphere.dist(stereographic(a), stereographic(b)), rtol=1e-5, atol=0
    )
    v = 0.3 * b
    arrived, _ = exponential(stereographic, a, v)
    _, pushed = torch.func.jvp(stereographic, (a,), (v,))
    torch.testing.assert_close(stereographic(arrived), sphere.expmap(stereographic(a), pushed), rtol=1e-7, atol=1e-7)


def test_a_piecewise_linear_decoder_has_no_exponential_map():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 5)).double()
    net.requires_grad_(False)
    z, v = torch.zeros(1, 2).double(), torch.full((1, 2), 3.0).double()
    with pytest.raises(IdentifyError, match="piecewise linear"):
        exponential(net, z, v)
    arrived, _ = exponential(torch.nn.Linear(2, 5).double(), z, v)  # one that is linear has straight geodesics
    torch.testing.assert_close(arrived, v)


def test_weighted_and_given_metrics_agree():
    F = lambda z: torch.cat([z, z.square()], dim=1)  # noqa: E731
    given = TensorMetric(lambda z: metric(F, z))
    a, b = torch.tensor([[0.1, 0.2]]).double(), torch.tensor([[1.0, -0.7]]).double()
    torch.testing.assert_close(geodesics(given, a, b).length, geodesics(F, a, b).length, rtol=1e-7, atol=0)
