"""Each kind of direction is what its name says, and wrong requests are refused in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from identify_core import OptionsError, Replicates
from identify_genni.geometry.jacobian import jacobian
from identify_genni.options.subspace import SubspaceOptions
from identify_genni.subspace.directions import (
    Placed,
    Solutions,
    flattest_directions,
    longest_tangents,
    normalise_filters,
    place_subspace,
    slopes_along,
)


@pytest.fixture
def solutions(replicates: Replicates, inputs: torch.Tensor) -> Solutions:
    losses = [3e-9, 1e-9, 2e-9, 5e-9, 4e-9, 0.7]
    return Solutions(replicates=replicates, losses=losses, tolerance=1e-3, x=inputs)


def place(solutions: Solutions, **options: Any) -> Placed:
    return place_subspace(SubspaceOptions(**options), solutions, torch.Generator().manual_seed(0))


def test_the_best_solutions_are_taken_in_order(solutions: Solutions) -> None:
    placed = place(solutions, dimension=3)
    assert placed.members == (1, 2, 0, 4)
    assert placed.subspace.centre_name == "replicate 1"
    assert placed.subspace.spanned_by == ("replicate 2", "replicate 0", "replicate 4")
    others = solutions.replicates.vectors()[[2, 0, 4]]
    assert float(placed.subspace.distance(others).max()) < 1e-12


def test_chosen_solutions_are_taken_in_the_given_order(solutions: Solutions) -> None:
    assert place(solutions, dimension=2, centre=5, through=(0, 3)).members == (5, 0, 3)


def test_diverged_replicates_are_left_out(solutions: Solutions) -> None:
    worse = Solutions(
        replicates=solutions.replicates,
        losses=[float("inf"), 1.0, 2.0, 3.0, 4.0, 5.0],
        tolerance=1.0,
        x=solutions.x,
    )
    assert place(worse, dimension=2).members == (1, 2, 3)


@pytest.mark.parametrize(
    ("options", "losses", "words"),
    [
        ({"centre": 9}, None, "there is no replicate 9: the run has replicates 0 to 5"),
        ({"through": (0, 1, 77)}, None, "there is no replicate 77"),
        ({"through": (0, 2)}, None, "need 3 replicates next to the centre, and `through` names 2"),
        ({"through": (1, 0, 2)}, None, "`through` names the centre, replicate 1"),
        (
            {"through": (0, 2, 2)},
            None,
            "direction to replicate 2 depends linearly on those to replicate 0, replicate 2",
        ),
        ({"centre": 0}, [float("inf")] + [1.0] * 5, "replicate 0 diverged"),
        ({}, [float("inf")] * 4 + [1.0] * 2, "and only 1 are usable"),
        ({}, [float("inf")] * 6, "no replicate has a finite J"),
        (
            {"directions": "random", "through": (1,)},
            None,
            "`through` names replicates, but the directions are 'random'",
        ),
        ({"directions": "principal"}, [float("inf")] * 4 + [1.0] * 2, "need at least 4 replicates, and only 2"),
        ({"directions": "symmetry"}, None, "have 2 continuous dimensions at replicate 1, and 3 directions are wanted"),
    ],
)
def test_wrong_requests_are_refused(
    solutions: Solutions, options: dict[str, Any], losses: Sequence[float] | None, words: str
) -> None:
    if losses is not None:
        solutions = Solutions(replicates=solutions.replicates, losses=losses, tolerance=1.0, x=solutions.x)
    with pytest.raises(OptionsError, match=words.replace("(", r"\(")):
        place(solutions, **options)


def test_symmetry_tangents_and_flat_directions_do_not_move_the_function(solutions: Solutions) -> None:
    """The known symmetries of a generic two-unit network are all that its Jacobian's null space holds."""
    tangents, names = longest_tangents(solutions.replicates, 1, 2)
    flat = flattest_directions(solutions, 1, 2, torch.Generator())
    jac = jacobian(solutions.replicates.function(1), solutions.vector(1), solutions.x)
    assert float((jac @ tangents.T).abs().max()) < 1e-12
    assert float((jac @ flat.T).abs().max()) < 1e-12
    assert len(set(names)) == 2
    basis = torch.linalg.qr(tangents.T).Q
    assert torch.allclose(basis @ (basis.T @ flat.T), flat.T, atol=1e-10)


def test_many_parameters_get_random_null_directions() -> None:
    torch.manual_seed(0)
    modules = [nn.Sequential(nn.Linear(4, 500), nn.Tanh(), nn.Linear(500, 1)).double() for _ in range(2)]
    replicates, x = Replicates.from_modules(modules), torch.randn(20, 4, dtype=torch.float64)
    solutions = Solutions(replicates=replicates, losses=[0.0, 0.0], tolerance=1.0, x=x)
    flat = flattest_directions(solutions, 0, 3, torch.Generator().manual_seed(1))
    jac = jacobian(replicates.function(0), solutions.vector(0), x)
    assert float((jac @ flat.T).abs().max()) < 1e-10 * float(jac.abs().max()) * 100
    assert torch.allclose(flat @ flat.T, torch.eye(3, dtype=torch.float64), atol=1e-10)


def test_principal_directions_hold_the_solutions_best(solutions: Solutions) -> None:
    """No other plane through the mean leaves less of the solutions outside (Eckart & Young)."""
    placed = place(solutions, directions="principal", dimension=2)
    assert placed.members == (1, 2, 0, 4, 3)
    assert placed.centre is None
    vectors = solutions.replicates.vectors()[:5]
    left = float(placed.subspace.distance(vectors).square().sum())
    generator = torch.Generator().manual_seed(3)
    for _ in range(50):
        other = torch.linalg.qr(torch.randn(4, 2, generator=generator, dtype=torch.float64)).Q
        centred = vectors - vectors.mean(0)
        assert left <= float((centred - centred @ other @ other.T).square().sum()) + 1e-12
    assert place(solutions, directions="principal", dimension=2, centre=5).centre == 5


def test_solutions_on_a_line_have_no_second_principal_direction(
    two: Callable[..., nn.Module], inputs: torch.Tensor
) -> None:
    line = Replicates.from_modules([two(1.0, t, 0.0, t) for t in (0.0, 1.0, 3.0)])
    solutions = Solutions(replicates=line, losses=[0.0] * 3, tolerance=1.0, x=inputs)
    with pytest.raises(OptionsError, match="the 3 solutions spread in fewer than 2 directions"):
        place(solutions, directions="principal", dimension=2)


def test_random_directions_come_from_the_stream(solutions: Solutions) -> None:
    one, again = place(solutions, directions="random"), place(solutions, directions="random")
    other = place_subspace(SubspaceOptions(directions="random"), solutions, torch.Generator().manual_seed(1))
    assert torch.equal(one.subspace.basis, again.subspace.basis)
    assert not torch.allclose(one.subspace.basis, other.subspace.basis)


def test_filters_get_the_centres_norms() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(12, 2)).double()
    replicates = Replicates.from_modules([module])
    directions = torch.randn(2, replicates.parameter_count, dtype=torch.float64)
    parts = replicates.as_parameters(normalise_filters(directions, replicates, 0))
    for name, own in module.named_parameters():
        for direction in parts[name]:
            for filter_, expected in zip(direction, own.detach(), strict=True):
                assert float(filter_.norm()) == pytest.approx(float(expected.norm()), rel=1e-12)


def test_slopes_are_those_of_the_loss(solutions: Solutions, replicates: Replicates) -> None:
    """J(c + a b) → a² s² for small a, since c is a solution."""
    placed = place(solutions, directions="random", dimension=2)
    slopes = slopes_along(solutions, placed)
    function, centre = replicates.function(1), placed.subspace.centre
    for slope, direction in zip(slopes, placed.subspace.basis, strict=True):
        change = function(centre + 1e-5 * direction, solutions.x) - function(centre, solutions.x)
        assert float(change.square().mean().sqrt() / 1e-5) == pytest.approx(float(slope), rel=1e-3)


def test_networks_of_unknown_structure_have_no_known_symmetries(inputs: torch.Tensor) -> None:
    odd = Replicates.from_modules([nn.Sequential(nn.Linear(1, 2), nn.LayerNorm(2), nn.Linear(2, 1)).double()] * 2)
    solutions = Solutions(replicates=odd, losses=[0.0, 0.0], tolerance=1.0, x=inputs)
    with pytest.raises(OptionsError, match="the symmetries of this network are not known"):
        place(solutions, directions="symmetry", dimension=1)
