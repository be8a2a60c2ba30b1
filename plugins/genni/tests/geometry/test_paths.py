"""The search for paths: it connects what is connected, and claims nothing where it finds none."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from identify_genni.geometry.effort import Effort, jacobian_work
from identify_genni.geometry.paths import Search, find_path
from identify_genni.geometry.residual import Residual


@pytest.mark.parametrize("ends", [("flat", "solid"), ("solid", "mirror"), ("flat", "mirror")])
def test_all_pieces_of_the_four_parameter_class_are_connected(
    four: Any, ends: tuple[str, str], generator: torch.Generator
) -> None:
    first, second = (getattr(four, name) for name in ends)
    straight = four.residual.losses(torch.stack([(1 - t) * first + t * second for t in (0.3, 0.5, 0.7)]))
    assert float(straight.max()) > 1e-2 * four.variance  # there is something to go around
    tolerance = 1e-5 * four.variance
    path = find_path(four.residual, first, second, Search(tolerance=tolerance), generator)
    assert path.found
    assert torch.equal(path.nodes[0], first)
    assert torch.equal(path.nodes[-1], second)
    between = torch.cat([(1 - t) * path.nodes[:-1] + t * path.nodes[1:] for t in torch.linspace(0, 1, 33)])
    assert float(four.residual.losses(between).max()) < 2 * tolerance  # also where the search did not look
    assert path.highest <= tolerance


def test_aliases_on_integer_inputs_are_not_connected(generator: torch.Generator) -> None:
    """sin(w x) on integers is the same for w and w + 2π, and for no weight between them."""

    def function(vector: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x * vector[0])

    inputs = torch.arange(-6.0, 7.0, dtype=torch.float64)[:, None]
    first = torch.tensor([0.7], dtype=torch.float64)
    second = first + 2 * torch.pi
    residual = Residual(function=function, inputs=inputs, targets=function(first, inputs))
    assert float(residual.losses(second[None])[0]) < 1e-25
    path = find_path(residual, first, second, Search(tolerance=1e-6, iterations=8, attempts=2), generator)
    assert not path.found
    assert path.highest > 0.1


def test_nodes_are_limited(four: Any, generator: torch.Generator) -> None:
    search = Search(tolerance=1e-30, nodes=6, most_nodes=9, iterations=4, attempts=1)
    path = find_path(four.residual, four.flat, four.mirror, search, generator)
    assert not path.found
    assert len(path.nodes) <= 9


@pytest.mark.parametrize("limit", [0.0, 5e7, 5e8])
def test_work_is_never_exceeded(four: Any, generator: torch.Generator, limit: float) -> None:
    effort = Effort(limit=limit)
    search = Search(tolerance=1e-30, attempts=2)
    path = find_path(four.residual, four.flat, four.mirror, search, generator, effort)
    assert not path.found
    assert path.exhausted
    assert effort.spent <= limit
    worst_round = 9 * search.most_nodes * 1.1 * jacobian_work(four.residual.size, 4)
    assert effort.left <= worst_round


def test_a_search_that_made_all_its_attempts_is_not_exhausted(four: Any, generator: torch.Generator) -> None:
    search = Search(tolerance=1e-30, iterations=2, attempts=2, most_nodes=16)
    effort = Effort(limit=1e12)
    path = find_path(four.residual, four.flat, four.mirror, search, generator, effort)
    assert not path.found
    assert not path.exhausted
    assert 0 < effort.spent < 1e12
