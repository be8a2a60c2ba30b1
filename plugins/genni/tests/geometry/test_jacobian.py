"""Jacobians, their spectra by every method, null spaces, and the ranks that are known."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from identify_core import Replicates, Shape, UsageError
from identify_genni.geometry.jacobian import choose, jacobian, jacobian_blocks, spectra, spectra_work, spectrum
from identify_genni.geometry.null_space import null_directions, null_space, project_off, row_space
from identify_genni.networks.convolutional import build_lenet
from identify_genni.options.networks import LeNetOptions


def network(widths: tuple[int, ...] = (3, 6, 2), count: int = 20) -> tuple[Any, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(widths[0], widths[1]), nn.Tanh(), nn.Linear(widths[1], widths[2])).double()
    replicates = Replicates.from_modules([module])
    return replicates.function(0), replicates.vectors()[0], torch.randn(count, widths[0], dtype=torch.float64)


def test_against_finite_differences() -> None:
    function, vector, inputs = network()
    rows, h = jacobian(function, vector, inputs), 1e-6
    for column in (0, 7, len(vector) - 1):
        step = torch.zeros_like(vector)
        step[column] = h
        difference = (function(vector + step, inputs) - function(vector - step, inputs)).reshape(-1) / (2 * h)
        assert torch.allclose(rows[:, column], difference, atol=1e-8)


def test_blocks_are_the_same_rows() -> None:
    function, vector, inputs = network()
    blocks = list(jacobian_blocks(function, vector, inputs, memory=10_000))
    assert len(blocks) > 3
    assert torch.allclose(torch.cat(blocks), jacobian(function, vector, inputs), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("count", "memory"), [(8, 1e9), (8, 4_000), (60, 1e9), (60, 15_000)])
@pytest.mark.parametrize("method", ["svd", "qr", "gram", "sketch"])
def test_all_methods_agree(method: Any, count: int, memory: float) -> None:
    function, vector, inputs = network(count=count)
    expected = torch.linalg.svdvals(jacobian(function, vector, inputs))
    generator = torch.Generator().manual_seed(0)
    found = spectrum(function, vector, inputs, method=method, memory=memory, generator=generator)
    assert torch.allclose(found.values[: len(expected)], expected[: len(found.values)], atol=1e-7 * float(expected[0]))
    assert found.complete
    assert found.rank(1e-6) == int((expected > 1e-6 * expected[0]).sum())


def test_auto_goes_by_memory() -> None:
    function, vector, inputs = network(count=60)
    assert spectrum(function, vector, inputs, memory=1e9).method == "svd"
    assert spectrum(function, vector, inputs, memory=80_000).method == "qr"
    assert spectrum(function, vector, inputs, memory=10_000).method == "sketch"


@pytest.mark.parametrize("counts", [(4, 3), (9, 4), (30, 25)])
@pytest.mark.parametrize("method", ["svd", "qr", "gram", "sketch"])
def test_sets_of_inputs_share_their_rows(method: Any, counts: tuple[int, int]) -> None:
    """Wide, tall, and tall together but wide each: the same as one set after the other, and as all of them at once."""
    function, vector, inputs = network(count=sum(counts))
    first, second = torch.split(inputs, counts)
    found = spectra(function, vector, {"first": first, "second": second}, method=method, memory=30_000)
    assert list(found) == ["first", "second", "both"]
    for name, x in (("first", first), ("second", second), ("both", inputs)):
        expected = torch.linalg.svdvals(jacobian(function, vector, x))
        assert found[name].rows == 2 * len(x)
        assert torch.allclose(found[name].values, expected, atol=1e-7 * float(expected[0])), name
        assert found[name].rank(1e-6) == int((expected > 1e-6 * expected[0]).sum())


def test_auto_goes_by_work() -> None:
    assert choose(500, 300, 1e9) == "svd"
    assert choose(5000, 2778, 1e9) == "gram"
    assert choose(500, 43_661, 1e9) == "gram"
    assert choose(10**7, 4, 1e8) == "qr"
    assert spectra_work([5000, 4500], 2778, 1e9) == pytest.approx(2 * 9500 * 2778**2 + 12 * 2778**3)
    assert spectra_work([300], 100, 1e9) == pytest.approx(40 * 300 * 100**2)


def test_parameters_that_change_nothing_have_singular_values_of_zero() -> None:
    function, vector, inputs = network(count=60)

    def longer(theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = function(theta[:-3], x) + 0 * theta[-1]
        return values

    padded = torch.cat((vector, torch.ones(3, dtype=torch.float64)))
    found, plain = (spectrum(f, v, inputs, method="gram") for f, v in ((longer, padded), (function, vector)))
    assert (found.values[-3:] == 0).all()
    assert torch.allclose(found.values[:-3], plain.values, atol=1e-12)
    assert found.rank(1e-6) == plain.rank(1e-6)


def test_what_a_method_cannot_tell_is_none() -> None:
    function, vector, inputs = network(count=8)
    assert spectrum(function, vector, inputs, method="gram").rank(1e-9) is None
    few = spectrum(function, vector, inputs, method="sketch", sketch=3, generator=torch.Generator().manual_seed(0))
    assert not few.complete
    assert few.rank(1e-6) is None
    assert few.rank(0.999) == 1


def test_null_space_and_row_space_share_the_parameters() -> None:
    function, vector, inputs = network(count=5)
    rows = jacobian(function, vector, inputs)
    row, sizes = row_space(rows)
    null = null_space(rows)
    assert row.shape[1] + null.shape[1] == len(vector)
    assert torch.allclose(row.T @ row, torch.eye(row.shape[1]).double())
    assert float((rows @ null).abs().max()) < 1e-12
    assert torch.allclose(sizes, torch.linalg.svdvals(rows)[: len(sizes)])
    drawn = torch.randn(3, len(vector), dtype=torch.float64)
    assert torch.allclose(project_off(row, drawn), drawn @ null @ null.T, atol=1e-12)


def test_null_directions(generator: torch.Generator) -> None:
    function, vector, inputs = network(count=5)
    rows = jacobian(function, vector, inputs)
    directions = null_directions(rows, 4, generator=generator)
    assert torch.allclose(directions @ directions.T, torch.eye(4).double(), atol=1e-12)
    assert float((rows @ directions.T).abs().max()) < 1e-12
    nullity = null_space(rows).shape[1]
    with pytest.raises(UsageError, match=f"has {nullity} dimensions"):
        null_directions(rows, nullity + 1, generator=generator)


def test_ranks_on_the_pieces_of_the_four_parameter_class(four: Any) -> None:
    residual = four.residual
    for vector, rank in ((four.solid, 1), (four.flat, 2), (four.mirror, 2)):
        assert spectrum(residual.function, vector, residual.inputs).rank(1e-6) == rank


def test_a_dead_lenet_answers_to_nothing() -> None:
    torch.manual_seed(0)
    shape = Shape(inputs=(1, 16, 16), outputs=(1,))
    module = build_lenet(LeNetOptions(head="relu"), shape, None).double().eval()
    nn.init.constant_(module.fc3.bias, -100.0)
    replicates = Replicates.from_modules([module])
    inputs = torch.randn(6, 1, 16, 16, dtype=torch.float64)
    found = spectrum(replicates.function(0), replicates.vectors()[0], inputs)
    assert found.rank(1e-6) == 0
    nn.init.constant_(module.fc3.bias, 100.0)
    replicates = Replicates.from_modules([module])
    assert spectrum(replicates.function(0), replicates.vectors()[0], inputs).rank(1e-6) == 6


def test_the_ranks_of_two_half_lines() -> None:
    """Two units on one side have rank 1, on both sides rank 2, whatever the data (specification, section 12)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 1, generator=generator, dtype=torch.float64)

    def function(vector: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x @ vector[None, :2]) @ vector[2:, None]

    found = [
        spectrum(function, torch.tensor([w, v, 0.4, -0.2], dtype=torch.float64), x).rank(1e-6)
        for w, v in ((-1, -0.5), (1, 0.5), (1, -0.5))
    ]
    assert found == [1, 1, 2]
