"""Finished chunks survive: a stopped or killed evaluation ends with the same bits, and foreign chunks are not taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import Interrupted, Replicates, StoreError
from identify_core.testing.contexts import make_context
from identify_genni.subspace.axes import Grid, make_grid
from identify_genni.subspace.basis import span_points
from identify_genni.subspace.grid import SavedChunks, chunk_length, evaluate_grid
from identify_genni.subspace.loss import SubspaceLoss


@pytest.fixture
def grid() -> Grid:
    return make_grid([(-1.0, 1.0)] * 2, [40, 30])


@pytest.fixture
def loss(replicates: Replicates, inputs: torch.Tensor) -> SubspaceLoss:
    vectors = replicates.vectors()
    subspace = span_points(vectors[0], vectors[1:3], names=["1", "2"])
    loss = SubspaceLoss(subspace, replicates, replicate=0, x=inputs, y=inputs.abs())
    loss.points = 16
    return loss


class Counting:
    """Counts the points that were really evaluated, and fails after so many calls."""

    def __init__(self, loss: SubspaceLoss, *, fail_after: int = 10**9) -> None:
        self.loss, self.points, self.asked, self.left = loss, loss.points, 0, fail_after

    def __call__(self, coefficients: torch.Tensor) -> torch.Tensor:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.asked += len(coefficients)
        return self.loss(coefficients)


def evaluate(loss: Any, grid: Grid, folder: Path, **more: Any) -> np.ndarray[Any, Any]:
    context = make_context(folder, **more)
    return evaluate_grid(loss, grid, saved=SavedChunks.of(context.scratch, grid, {"a": 1}), context=context)


def test_values_are_where_the_coefficients_say(loss: SubspaceLoss, grid: Grid, tmp_path: Path) -> None:
    values = evaluate(loss, grid, tmp_path)
    assert values.shape == (30, 40)
    place = torch.tensor([[grid.axes[0][7], grid.axes[1][3]]])
    assert values[3, 7] == pytest.approx(float(loss(place)[0]), rel=1e-5)


@pytest.mark.parametrize("calls", [0, 1, 7, 36])
def test_a_killed_evaluation_goes_on_to_the_same_bits(
    loss: SubspaceLoss, grid: Grid, tmp_path: Path, calls: int
) -> None:
    expected = evaluate(loss, grid, tmp_path / "whole")
    broken = Counting(loss, fail_after=calls)
    with pytest.raises(KeyboardInterrupt):
        evaluate(broken, grid, tmp_path / "killed")
    again = Counting(loss)
    found = evaluate(again, grid, tmp_path / "killed")
    assert np.array_equal(found, expected)
    assert again.asked + broken.asked == grid.size


def test_a_stop_keeps_what_is_finished(loss: SubspaceLoss, grid: Grid, tmp_path: Path) -> None:
    asked = iter([False, False, True])
    with pytest.raises(Interrupted, match=r"stopped with 64 of 1,200 points"):
        evaluate(loss, grid, tmp_path, stop_requested=lambda: next(asked))
    again = Counting(loss)
    evaluate(again, grid, tmp_path)
    assert again.asked == grid.size - 64


def test_damaged_and_foreign_chunks_are_evaluated_again(loss: SubspaceLoss, grid: Grid, tmp_path: Path) -> None:
    expected = evaluate(loss, grid, tmp_path)
    files = sorted(tmp_path.glob("subspace-*/*.npy"))
    files[0].write_bytes(files[0].read_bytes()[:50])
    files[1].write_bytes(b"")
    np.save(files[2], np.zeros(3))
    again = Counting(loss)
    assert np.array_equal(evaluate(again, grid, tmp_path), expected)
    assert again.asked == 3 * 32


def test_other_settings_or_axes_do_not_share_chunks(grid: Grid, tmp_path: Path) -> None:
    other = make_grid([(-1.0, 1.0), (-1.0, 1.1)], [40, 30])
    folders = {
        SavedChunks.of(tmp_path, each, settings).folder
        for each in (grid, other)
        for settings in ({"a": 1}, {"a": 2}, {"a": np.zeros(2)}, {"a": np.ones(2)})
    }
    assert len(folders) == 8


def test_progress_counts_every_point(loss: SubspaceLoss, grid: Grid, tmp_path: Path) -> None:
    context, seen = make_context(tmp_path), []
    saved = SavedChunks.of(context.scratch, grid, {})
    evaluate_grid(loss, grid, saved=saved, context=context, advance=seen.append)
    assert sum(seen) == grid.size
    assert len(seen) > 10


def test_a_folder_that_cannot_be_written_is_one_message(loss: SubspaceLoss, grid: Grid, tmp_path: Path) -> None:
    context = make_context(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="a finished part of the grid cannot be kept"):
        evaluate_grid(loss, grid, saved=SavedChunks(folder=tmp_path / "file" / "below"), context=context)


def test_chunks_are_whole_tiles_and_a_sixtieth_of_the_grid() -> None:
    assert chunk_length(42875, 256) == 768
    assert chunk_length(10, 256) == 256
    assert chunk_length(10**6, 1) == 15625
