"""Walks stay on the class, keep to their stratum where they are told to, and go on where they were stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import nn

from identify_core import Replicates, read_checkpoint, write_checkpoint
from identify_genni.geometry.residual import Residual
from identify_genni.geometry.tracing import Walk, Walkers, start_walkers, walk_on

WALK = Walk(steps=60, length=0.05, tolerance=1e-24)


def walked(four: Any, start: torch.Tensor, walk: Walk, count: int = 6) -> Walkers:
    generator = torch.Generator().manual_seed(1)
    return walk_on(four.residual, start_walkers(four.residual, start, count, walk, generator), walk)


@pytest.mark.parametrize("piece", ["solid", "flat", "mirror"])
@pytest.mark.parametrize("persistence", [0.0, 0.9, 1.0])
def test_walks_stay_on_the_class(four: Any, piece: str, persistence: float) -> None:
    walk = attrs.evolve(WALK, persistence=persistence)
    walkers = walked(four, getattr(four, piece), walk)
    points = torch.stack(walkers.points)
    assert four.deviation(points) < 1e-10
    assert float(torch.stack(walkers.losses).max()) <= walk.tolerance
    assert float(torch.stack(walkers.accepted).double().mean()) > 0.5
    farthest = (points - getattr(four, piece)).norm(dim=-1).amax(0)
    assert float(farthest.median()) > 5 * walk.length


@pytest.mark.parametrize(("piece", "rank"), [("solid", 1), ("flat", 2)])
def test_walkers_that_stay_turn_back_at_other_strata(four: Any, piece: str, rank: int) -> None:
    walk = attrs.evolve(WALK, steps=150, crosses=False)
    walkers = walked(four, getattr(four, piece), walk)
    assert set(torch.stack(walkers.ranks).reshape(-1).tolist()) == {rank}
    assert int(torch.stack(walkers.turned).sum()) > 0
    w = torch.stack(walkers.points)[..., :2]
    if piece == "solid":
        assert float(w.max()) <= 0  # w = 0 itself bounds the piece
    else:
        assert bool((w[..., 1] < 0).all())


def test_walkers_that_cross_meet_both_ranks(four: Any) -> None:
    walkers = walked(four, four.flat, attrs.evolve(WALK, steps=150))
    assert set(torch.stack(walkers.ranks).reshape(-1).tolist()) == {1, 2}


def test_walkers_set_out_in_opposite_directions(four: Any) -> None:
    walkers = start_walkers(four.residual, four.solid, 4, WALK, torch.Generator().manual_seed(1))
    assert torch.allclose(walkers.directions[0], -walkers.directions[1])
    assert torch.allclose(walkers.directions.norm(dim=1), torch.ones(4).double())
    rows = four.residual.jacobians(four.solid[None])[0]
    assert float((rows @ walkers.directions.T).abs().max()) < 1e-14


def test_a_stopped_walk_goes_on_to_the_same_points(four: Any, tmp_path: Path) -> None:
    whole = walked(four, four.flat, WALK)
    half = walked(four, four.flat, attrs.evolve(WALK, steps=25))
    write_checkpoint(tmp_path / "walk", half.state())
    again = Walkers.from_state(read_checkpoint(tmp_path / "walk", warn=print), torch.device("cpu"))
    walk_on(four.residual, again, WALK)
    assert torch.equal(torch.stack(whole.points), torch.stack(again.points))
    assert torch.equal(torch.stack(whole.accepted), torch.stack(again.accepted))


def test_an_isolated_point_has_nowhere_to_go() -> None:
    torch.manual_seed(0)
    module = nn.Linear(2, 1).double()
    replicates = Replicates.from_modules([module])
    x = torch.randn(10, 2, dtype=torch.float64)
    residual = Residual(function=replicates.function(0), inputs=x, targets=module(x).detach())
    walkers = start_walkers(residual, replicates.vectors()[0], 2, WALK, torch.Generator().manual_seed(1))
    walk_on(residual, walkers, WALK)
    assert not bool(torch.stack(walkers.accepted).any())
    assert torch.equal(walkers.positions[0], replicates.vectors()[0])
    assert walkers.taken == WALK.steps
