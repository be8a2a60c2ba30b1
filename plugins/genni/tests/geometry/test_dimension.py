"""Estimated dimensions against surfaces and classes whose dimension is known."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from identify_genni.geometry.dimension import cloud, local_pca, two_nearest_neighbours
from identify_genni.geometry.residual import Residual


@pytest.mark.parametrize("dimension", [1, 2, 4])
def test_flat_clouds_in_many_coordinates(dimension: int, generator: torch.Generator) -> None:
    points = torch.randn(400, dimension, generator=generator, dtype=torch.float64)
    embedded = points @ torch.linalg.qr(torch.randn(30, dimension, generator=generator, dtype=torch.float64)).Q.T
    pca, lengths = local_pca(embedded, 1.0)
    assert (pca.value, pca.low, pca.high) == (dimension, dimension, dimension)
    assert float(lengths[dimension]) < 1e-12
    found = two_nearest_neighbours(embedded, 1.0)
    assert found.low <= dimension <= found.high
    assert found.value == pytest.approx(two_nearest_neighbours(points, 1.0).value, rel=1e-6)


def test_the_interval_covers_as_often_as_it_says(generator: torch.Generator) -> None:
    covered = 0
    for _ in range(100):
        found = two_nearest_neighbours(torch.randn(200, 2, generator=generator, dtype=torch.float64), 1.0)
        covered += found.low <= 2 <= found.high
    assert 88 <= covered <= 100


def test_scale_does_not_matter(generator: torch.Generator) -> None:
    points = torch.randn(100, 3, generator=generator, dtype=torch.float64)
    small, large = two_nearest_neighbours(1e-6 * points, 1e-6), two_nearest_neighbours(1e6 * points, 1e6)
    assert small.value == pytest.approx(large.value, rel=1e-9)


def test_ratios_by_hand() -> None:
    points = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)  # nearest two: 1, 3; 1, 2; 2, 3
    expected = 2 / float(torch.tensor([3.0, 2.0, 1.5]).log().sum())
    assert two_nearest_neighbours(points, 1.0).value == pytest.approx(expected)


def test_too_few_points_are_called_limited(generator: torch.Generator) -> None:
    points = torch.randn(20, 15, generator=generator, dtype=torch.float64)
    assert local_pca(points, 1.0)[0].limited


@pytest.mark.parametrize(("piece", "dimension"), [("solid", 3), ("flat", 2), ("mirror", 2)])
def test_the_pieces_of_the_four_parameter_class(
    four: Any, piece: str, dimension: int, generator: torch.Generator
) -> None:
    around = cloud(four.residual, getattr(four, piece), count=300, radius=0.02, tolerance=1e-24, generator=generator)
    assert len(around.vectors) == 300
    assert four.deviation(around.vectors) < 1e-10
    pca, _ = local_pca(around.vectors, 0.02)
    assert (pca.low, pca.value, pca.high) == (dimension,) * 3
    found = two_nearest_neighbours(around.vectors, 0.02)
    assert found.value == pytest.approx(dimension, rel=0.25)
    assert found.low > dimension - 1


def test_a_class_smaller_than_the_null_space(generator: torch.Generator) -> None:
    """f = (θ_1² + θ_2²) x: at 0 the null space has two dimensions, and the class is a single point."""

    def function(vector: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return (vector.square().sum() * x[:, 0])[:, None]

    residual = Residual(
        function=function,
        inputs=torch.ones(1, 1, dtype=torch.float64),
        targets=torch.zeros(1, 1, dtype=torch.float64),
    )
    centre = torch.zeros(2, dtype=torch.float64)
    assert not bool(residual.jacobians(centre[None]).any())
    around = cloud(residual, centre, count=100, radius=0.1, tolerance=1e-28, generator=generator)
    assert local_pca(around.vectors, 0.1)[0].value == 0
    assert two_nearest_neighbours(around.vectors, 0.1).value == 0
