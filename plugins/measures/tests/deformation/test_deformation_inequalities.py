"""What holds between the classes: each inequality of the theory, invariances, scalings, ties and single precision."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from identify_core.testing.transformations import draw_map
from identify_measures import deformation as df

SEEDS = range(4)


def pair(seed: int, n: int = 40, p: int = 4, q: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    g = torch.randn(n, p, generator=generator, dtype=torch.float64)
    a = torch.randn(p, q, generator=generator, dtype=torch.float64) / 2
    return g, g @ a + torch.randn(n, q, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_larger_class_is_never_further(seed: int) -> None:
    g, h = pair(seed, p=3)
    least = {kind: df.minimax(kind, g, h) for kind in df.CLASSES}
    for smaller, larger in [
        ("translation", "isometry"),
        ("isometry", "similarity"),
        ("similarity", "affine"),
        ("constant", "affine"),
    ]:
        assert least[larger].lower <= least[smaller].upper, (smaller, larger)
    bounded = df.bounded_minimax(g, h, 0.5)
    assert least["affine"].lower <= bounded.upper
    assert bounded.lower <= least["constant"].upper


@pytest.mark.parametrize("seed", SEEDS)
def test_distances_enclose_the_values_of_lipschitz_and_bounded_maps(seed: int) -> None:
    g, h = pair(seed)
    away, apart = df.row_distances(g), df.row_distances(h)
    for bound in (0.3, 1.0):
        below = df.lipschitz_distance(away, apart, bound)
        middle, above = df.kirszbraun(g, h, bound), df.bounded_minimax(g, h, bound)
        assert below <= middle.upper * (1 + 1e-9)
        assert middle.lower <= above.upper


@pytest.mark.parametrize("seed", SEEDS)
def test_isometries_are_enclosed(seed: int) -> None:
    g, h = pair(seed, p=3)
    bracket = df.minimax("isometry", g, h)
    fitted = df.fit("isometry", g, h)
    assert df.isometry_bound(g, h) <= bracket.lower
    assert bracket.lower <= bracket.upper <= float(df.row_norms(h - fitted(g), "l2").max()) * (1 + 1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_minimax_value_lies_between_two_readings_of_least_squares(seed: int) -> None:
    g, h = pair(seed)
    residual = h - df.fit("affine", g, h)(g)
    rows = df.row_norms(residual, "l2")
    bracket = df.minimax("affine", g, h)
    assert df.reduce_rows(rows, "rms") <= bracket.upper
    assert bracket.lower <= df.reduce_rows(rows, "max")
    joint = df.coordinate_minimax(g, h).upper
    assert joint <= bracket.upper * (1 + 1e-9)
    assert bracket.lower <= math.sqrt(h.shape[1]) * joint


@pytest.mark.parametrize("seed", SEEDS)
def test_a_probe_is_no_further_than_a_quarter_of_its_norm_times_the_distance(seed: int) -> None:
    g, h = pair(seed)
    w = torch.randn(3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    probe = df.probe_distance(g, h @ w)
    assert probe.lower <= 0.25 * float(w.norm()) * df.minimax("affine", g, h).upper


@pytest.mark.parametrize("seed", SEEDS)
def test_the_profile_is_convex_and_decreasing_from_half_the_diameter_to_zero(seed: int) -> None:
    g, h = pair(seed)
    away, apart = df.row_distances(g), df.row_distances(h, "linf")
    end = df.smallest_lipschitz(away, apart)
    profile = df.lipschitz_profile(away, apart, [end * k / 20 for k in range(21)])
    assert float(profile[0]) == pytest.approx(float(apart.max()) / 2, rel=1e-12)
    assert float(profile[-1]) == pytest.approx(0.0, abs=1e-9)
    steps = profile.diff()
    assert bool((steps <= 1e-12).all())
    assert bool((steps.diff() >= -1e-12).all())


@pytest.mark.parametrize("seed", SEEDS)
def test_maps_that_do_not_stretch_obey_the_triangle_inequality(seed: int) -> None:
    g, h = pair(seed)
    f = torch.randn(40, 5, generator=torch.Generator().manual_seed(seed + 9), dtype=torch.float64)
    for norm in ("l2", "linf"):
        a, b, c = (df.row_distances(each, "linf") for each in (h, g, f))
        for bound in (0.5, 1.0):
            direct = df.lipschitz_distance(c, a, bound)
            assert direct <= df.lipschitz_distance(b, a, bound) + bound * df.lipschitz_distance(c, b, bound) + 1e-9, (
                norm
            )


@pytest.mark.parametrize("kind", ["translation", "isometry", "similarity", "affine"])
def test_the_distance_to_oneself_is_zero(kind: str) -> None:
    g, _ = pair(0)
    assert df.minimax(kind, g, g).upper < 1e-12
    assert df.coordinate_minimax(g, g).upper < 1e-9
    away = df.row_distances(g)
    assert df.lipschitz_distance(away, away, 1.0) == 0.0
    assert df.kirszbraun(g, g, 1.0).upper == 0.0


@pytest.mark.parametrize(
    ("kind", "rung"), [("isometry", "orthogonal"), ("similarity", "similarity"), ("affine", "affine")]
)
def test_a_class_undoes_its_own_maps(kind: str, rung: str) -> None:
    g, h = pair(2)
    moved = torch.from_numpy(np.asarray(draw_map(rung, 4, np.random.default_rng(0))(g.numpy())))
    assert df.minimax(kind, g, moved).upper < 1e-9
    assert df.minimax(kind, moved, h).upper == pytest.approx(df.minimax(kind, g, h).upper, rel=2e-3)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e3, 1e12])
def test_values_scale_with_the_target(scale: float) -> None:
    g, h = pair(3)
    bracket, scaled = df.minimax("affine", g, h), df.minimax("affine", g * 1e5, h * scale)
    assert scaled.upper == pytest.approx(scale * bracket.upper, rel=1e-6)
    assert df.unit_heads(g, h * scale) == pytest.approx(scale * df.unit_heads(g, h), rel=1e-9)
    assert df.coordinate_minimax(g * scale, h).upper == pytest.approx(df.coordinate_minimax(g, h).upper, rel=1e-6)


@pytest.mark.parametrize("power", [0, 4, 8])
def test_badly_scaled_columns_change_nothing(power: int) -> None:
    g, h = pair(4)
    scaled = g * torch.tensor([1.0, 10.0**power, 10.0**-power, 1.0], dtype=torch.float64)
    reference = torch.linalg.lstsq(torch.cat([g, torch.ones(40, 1, dtype=g.dtype)], 1), h, driver="gelsd").solution
    residual = h - g @ reference[:-1] - reference[-1]
    torch.testing.assert_close(df.LinearSource.of(scaled).residual(h), residual, rtol=1e-7, atol=1e-9)


def test_a_source_of_low_rank_is_fitted_on_its_span() -> None:
    g, h = pair(5)
    doubled = torch.cat([g, g @ torch.randn(4, 6, dtype=g.dtype, generator=torch.Generator().manual_seed(0))], 1)
    source = df.LinearSource.of(doubled)
    assert source.rank == 4
    assert df.precision_rank(doubled) == 4
    assert df.precision_rank(doubled.float()) == 4
    torch.testing.assert_close(source.residual(h), df.LinearSource.of(g).residual(h))
    assert df.minimax("affine", doubled, h).upper == pytest.approx(df.minimax("affine", g, h).upper, rel=2e-3)


def test_as_many_columns_as_rows_interpolate() -> None:
    generator = torch.Generator().manual_seed(0)
    g, h = torch.randn(10, 9, generator=generator), torch.randn(10, 3, generator=generator)
    assert df.LinearSource.of(g).interpolates
    assert not df.LinearSource.of(g[:, :8]).interpolates
    assert df.minimax("affine", g, h).upper < 1e-9
    assert df.explained(g, h) == pytest.approx(1.0)


def test_single_precision_agrees_with_double() -> None:
    g, h = pair(6, n=200, p=20)
    assert df.explained(g.float(), h.float()) == pytest.approx(df.explained(g, h), abs=1e-6)
    assert df.minimax("affine", g.float(), h.float()).upper == pytest.approx(df.minimax("affine", g, h).upper, rel=1e-3)


def test_an_outlier_owns_the_maximum_and_its_weight_says_so() -> None:
    g, h = pair(7)
    h[11] += 100.0
    bracket = df.minimax("affine", g, h, iterations=100)
    assert bracket.gap <= 2e-2
    assert int(bracket.weights.argmax()) == 11
    assert df.reduce_rows(df.row_norms(h, "l2"), "q99") < df.reduce_rows(df.row_norms(h, "l2"), "max")


def test_a_generic_bracket_closes_to_a_hundredth_in_twenty_rounds() -> None:
    generator = torch.Generator().manual_seed(1)
    g = torch.randn(500, 60, generator=generator)
    h = g @ torch.randn(60, 60, generator=generator) / 8 + torch.randn(500, 60, generator=generator)
    bracket = df.minimax("affine", g, h, gap=1e-2, iterations=20)
    assert bracket.gap <= 1e-2


def test_equal_rows_have_no_distance_and_close_ones_keep_their_digits() -> None:
    x = torch.tensor([[1e8, 1.0], [1e8, 1.0], [1e8, 1.0 + 1e-6], [0.0, 0.0]], dtype=torch.float64)
    found = df.row_distances(x)
    assert float(found[0, 1]) == 0.0
    assert float(found[0, 2]) == pytest.approx(1e-6, rel=1e-9)
    assert float(df.row_distances(x, "linf")[0, 3]) == 1e8


def test_no_bound_reaches_a_target_that_splits_equal_rows() -> None:
    away = df.row_distances(torch.tensor([[0.0], [0.0], [1.0]]))
    apart = df.row_distances(torch.tensor([[0.0], [1.0], [2.0]]))
    assert df.smallest_lipschitz(away, apart) == math.inf
    assert df.smallest_lipschitz(apart, away * 0) == 0.0


def test_a_ridge_shrinks_towards_the_mean() -> None:
    g, h = pair(8)
    sizes = [float(df.fit("affine", g, h, ridge=each).matrix.norm()) for each in (0.0, 0.1, 10.0)]
    assert sizes[0] > sizes[1] > sizes[2]
    penalty = 0.1 * float((g - g.mean(0)).square().sum()) / 4
    centred = g - g.mean(0)
    direct = torch.linalg.solve(centred.T @ centred + penalty * torch.eye(4, dtype=g.dtype), centred.T @ h)
    torch.testing.assert_close(df.fit("affine", g, h, ridge=0.1).matrix, direct)


def test_a_target_that_never_varies_is_explained() -> None:
    g, _ = pair(9)
    assert df.explained(g, torch.ones(40, 2)) == 1.0
    assert df.LinearSource.of(torch.ones(40, 2)).rank == 0
    assert df.minimax("affine", torch.ones(40, 2), g).upper == pytest.approx(df.minimax("constant", g, g).upper)
