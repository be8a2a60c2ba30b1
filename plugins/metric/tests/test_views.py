"""What the pictures are drawn from: matrices, planes, strips and maps, on what evaluators gave."""

from __future__ import annotations

import numpy as np
import pytest

from identify_core import OptionsError, classical_scaling
from identify_metric.views.distances import square_matrix, turned_onto


def test_classical_scaling_gives_points_back_up_to_a_turn():
    points = np.random.default_rng(0).normal(size=(6, 2))
    matrix = np.linalg.norm(points[:, None] - points[None], axis=2)
    plane, _ = classical_scaling(matrix)
    np.testing.assert_allclose(np.linalg.norm(plane[:, None] - plane[None], axis=2), matrix, atol=1e-9)
    np.testing.assert_allclose(turned_onto(plane, points - points.mean(0)), points - points.mean(0), atol=1e-9)


def test_all_pairs_fill_a_symmetric_matrix():
    pairs = np.array([[7, 2], [7, 5], [2, 5]])
    expected = [[0, 3, 1], [3, 0, 2], [1, 2, 0]]
    assert square_matrix(pairs, np.array([1.0, 2.0, 3.0])).tolist() == expected


def test_pictures_of_whole_runs(subject):
    from identify_metric.evaluators import distances, latent_space
    from identify_metric.options.evaluators import DistancesOptions, LatentSpaceOptions
    from identify_metric.views import distances as matrices
    from identify_metric.views import latent_space as view

    study, context = subject
    options = DistancesOptions(pairs="all", points=4, doublings=0)
    finding = distances.evaluate(options, study, context)
    assert finding.arrays["strip-geodesic"].values.shape == (3, 9, 8, 8, 1)
    np.testing.assert_allclose(
        finding.arrays["strip-geodesic"].values[:, [0, -1]],
        finding.arrays["strip-straight"].values[:, [0, -1]],
        atol=1e-6,
    )
    names = [figure.name for figure in matrices.draw(options, finding, context)]
    assert names == ["matrices", "strips"]
    settings = LatentSpaceOptions(pairs=2, grid=9, doublings=0)
    found = latent_space.evaluate(settings, study, context)
    (figure,) = view.draw(settings, found, context)
    assert len(figure.static.axes) == 4
    assert "geodesic 1" in figure.interactive
    assert (found.arrays["uncertainty"].values > 0).all()
    with pytest.raises(OptionsError, match="40 pairs are to be drawn from 40 samples"):
        latent_space.evaluate(LatentSpaceOptions(pairs=40), study, context)
