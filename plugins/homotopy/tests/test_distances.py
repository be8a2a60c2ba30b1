"""Directed distances through the evaluators: known copies, constants, interpolation, outliers; and trained maps."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import Context, IdentifyError, Score
from identify_core.testing.contexts import make_context
from identify_core.testing.grids import make_grid
from identify_core.testing.representations import represent
from identify_homotopy.maps.networks import SLOPES, MaxMin, SpectralLinear, build_map, lipschitz_bound
from identify_homotopy.maps.training import largest_entry, largest_row, observed_stretch, smooth_largest_row
from identify_homotopy.options.distances import ClassOptions, LipschitzOptions, MapsOptions
from identify_measures.deformation import minimax

Values = np.ndarray[Any, Any]


def scores(evaluator: str, options: Any, context: Context, **arrays: Values) -> dict[str, dict[tuple[int, int], Score]]:
    members = [represent(values, name) for name, values in arrays.items()]
    return {k: dict(v) for k, v in make_grid(f"homotopy:{evaluator}", options, members, context).scores.items()}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return make_context(tmp_path)


def draw(n: int = 60, d: int = 4, seed: int = 0) -> Values:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_the_direction_is_from_the_first_to_the_second(context: Context) -> None:
    whole = draw()
    found = scores("affine", ClassOptions(), context, whole=whole, part=whole[:, :2])
    assert found["affine-minimax"][0, 1].value < 1e-9
    assert found["affine-minimax"][1, 0].value > 0.3


def test_a_rotated_copy_is_an_isometry_away_and_an_affine_copy_is_not(context: Context) -> None:
    values = draw()
    rotation = np.linalg.qr(draw(4, 4, 1))[0]
    found = scores(
        "isometry", ClassOptions(), context, a=values, rotated=values @ rotation + 3, affine=values @ draw(4, 4, 2)
    )["isometry-minimax"]
    assert found[0, 1].value < 1e-9
    assert found[1, 0].value < 1e-9
    assert found[0, 2].value > 0.1


def test_the_value_is_a_part_of_what_the_best_constant_leaves(context: Context) -> None:
    g, h = draw(seed=3), draw(seed=4) * 7
    one = scores("affine", ClassOptions(), context, g=g, h=h)["affine-minimax"][0, 1]
    raw = scores("affine", ClassOptions(normalise=False), context, g=g, h=h)["affine-minimax"][0, 1]
    radius = minimax("constant", h, h, gap=1e-4, iterations=400).upper
    assert raw.value == pytest.approx(minimax("affine", g, h).upper)
    assert one.value == pytest.approx(raw.value / radius)
    assert 0 < one.value < 1


def test_interpolation_and_outliers_are_told(context: Context) -> None:
    wide, h = draw(12, 11), draw(12, 2, 1)
    (said,) = scores("affine", ClassOptions(), context, g=wide, h=h)["affine-rms"][0, 1].warnings
    assert said.startswith("11 independent columns of the source interpolate 12 rows")
    g, far = draw(300), draw(300, 2, 5)
    far[7] += 1000
    said = " ".join(scores("affine", ClassOptions(), context, g=g, h=far)["affine-max"][0, 1].warnings)
    assert "times the 0.99 quantile" in said


def test_an_open_bracket_is_told(context: Context) -> None:
    found = scores("isometry", ClassOptions(iterations=2), context, g=draw(), h=draw(seed=9))
    assert any("stayed" in each for each in found["isometry-minimax"][0, 1].warnings)


def test_a_constant_target_has_no_value_and_says_why(context: Context) -> None:
    score = scores("affine", ClassOptions(), context, g=draw(), h=np.ones((60, 2)))["affine-max"][0, 1]
    assert np.isnan(score.value)
    assert score.reason == "all rows of h are the same"


def test_lipschitz_scores_fall_with_the_bound_to_zero_for_oneself(context: Context) -> None:
    options = LipschitzOptions(bounds=(0.0, 0.5, 1.0), source_norm="linf")
    found = scores("lipschitz", options, context, g=draw(), h=draw(seed=1))
    values = [found[f"lipschitz-{each}"][0, 1].value for each in ("0", "0.5", "1")]
    assert values[0] == pytest.approx(1.0)
    assert values[0] > values[1] > values[2] > 0
    assert found["lipschitz-1"][0, 0].value == 0.0


@pytest.mark.parametrize("network", ["linear", "relu", "study", "three-relu", "four-sigmoid", "orthogonal"])
def test_the_certified_constant_is_never_passed(network: str) -> None:
    torch.manual_seed(0)
    module = build_map(network, 5, 3, 8).double()
    x, y = torch.randn(2, 400, 5, dtype=torch.float64)
    y = x + 1e-3 * y
    with torch.no_grad():
        stretch = float(((module(x) - module(y)).norm(dim=1) / (x - y).norm(dim=1)).max())
    assert stretch <= lipschitz_bound(module) * (1 + 1e-9)


def test_slopes_are_bounds_that_are_nearly_reached() -> None:
    x = torch.linspace(-10, 10, 400_001, dtype=torch.float64, requires_grad=True)
    for activation, slope in SLOPES.items():
        (gradient,) = torch.autograd.grad(activation()(x).sum(), x)
        assert slope * (1 - 1e-6) <= float(gradient.max()) <= slope, activation


def test_a_spectral_layer_has_norm_one() -> None:
    torch.manual_seed(0)
    weight = SpectralLinear(6, 4).normalised().detach()
    assert float(torch.linalg.matrix_norm(weight, 2)) == pytest.approx(1.0, abs=1e-2)


def test_sorted_pairs_keep_lengths_and_are_sorted() -> None:
    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    sorted_pairs = MaxMin()(x)
    torch.testing.assert_close(sorted_pairs.norm(dim=1), x.norm(dim=1))
    assert bool((sorted_pairs[:, 0::2] >= sorted_pairs[:, 1::2]).all())
    torch.testing.assert_close(sorted_pairs[:, 0], x[:, :2].amax(dim=1))


def test_an_odd_width_cannot_be_sorted_in_pairs() -> None:
    with pytest.raises(IdentifyError, match="hidden is 7, and pairs of entries are sorted"):
        build_map("orthogonal", 5, 3, 7)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_orthogonal_maps_stay_on_their_manifold_and_learn_a_fold(context: Context, optimiser: Any) -> None:
    """|x| is 1-Lipschitz, and no affine map comes near it; the constant stays 1 while the layers are trained."""
    g = draw(300, 2)
    options = MapsOptions(network="orthogonal", steps=150, hidden=16, learning_rate=0.05, optimiser=optimiser)
    score = scores("maps", options, context, g=g, h=np.abs(g))["maps"][0, 1]
    stretch = re.search(r"at most ([\d.]+), at least ([\d.]+)", score.estimator)
    assert stretch is not None
    assert float(stretch[1]) == pytest.approx(1.0, abs=1e-3)
    assert float(stretch[2]) <= 1.001
    assert score.value < 0.75, score.value


def test_trained_maps_find_what_a_linear_map_does_and_not_what_is_unrelated(context: Context) -> None:
    g = draw(200, 3)
    options = MapsOptions(network="linear", steps=200, learning_rate=0.1)
    found = scores("maps", options, context, g=g, h=g @ draw(3, 2, 1), other=draw(200, 2, 2))["maps"]
    assert found[0, 1].value < 0.02
    assert found[0, 2].value > 0.7
    assert "Lipschitz constant of centred, scaled latents at most" in found[0, 1].estimator


def test_the_studys_network_hardly_leaves_the_constant(context: Context) -> None:
    """Spectral norms and a sigmoid shrink by 0.275 at least: the reason why its distances are the target's own."""
    g = draw(200, 3)
    options = MapsOptions(network="study", loss="max", optimiser="sgd", learning_rate=1e-2, steps=20, hidden=16)
    assert scores("maps", options, context, g=g, h=g)["maps"][0, 1].value > 0.7


@pytest.mark.parametrize("loss", ["max", "smooth-max", "largest-entry"])
def test_every_loss_finds_a_linear_relation(context: Context, loss: Any) -> None:
    g = draw(200, 3)
    options = MapsOptions(network="linear", loss=loss, steps=400, learning_rate=0.03)
    found = scores("maps", options, context, g=g, h=g @ draw(3, 2, 1), other=draw(200, 2, 2))["maps"]
    assert found[0, 1].value < 0.1
    assert found[0, 2].value > 0.6


def test_losses_are_the_largest_of_rows_and_entries() -> None:
    batch = {"x": torch.zeros(3, 2), "y": torch.tensor([[3.0, 0.0], [2.0, -2.0], [0.0, 0.0]])}
    row, smooth, entry = (
        float(loss(lambda x: x, batch))
        for loss in (largest_row, smooth_largest_row, largest_entry)  # type: ignore[arg-type, return-value]
    )
    assert row == 4.5
    assert entry == 3.0
    assert row - math.log(3) / 10 <= smooth <= row


def test_the_observed_stretch_of_a_linear_map_is_below_its_norm_and_reached_on_a_line() -> None:
    x = torch.from_numpy(draw(100, 3)).double()
    stretched = torch.diag(torch.tensor([5.0, 1.0, 0.1], dtype=torch.float64))
    assert 1.0 < observed_stretch(x, x @ stretched) <= 5.0 + 1e-9
    line = torch.outer(torch.arange(4.0), torch.tensor([1.0, 0.0]))
    assert observed_stretch(line, 5 * line) == pytest.approx(5.0)
    assert observed_stretch(torch.zeros(3, 2), torch.zeros(3, 2)) == 0.0


def test_the_observed_constant_stands_next_to_the_certified_one(context: Context) -> None:
    g = draw(60, 3)
    options = MapsOptions(network="linear", steps=20)
    text = scores("maps", options, context, g=g, h=draw(60, 2, 1))["maps"][0, 1].estimator
    found = re.search(r"at most ([\d.e+-]+), at least ([\d.e+-]+) ", text)
    assert found
    assert 0 < float(found[2]) <= float(found[1])
