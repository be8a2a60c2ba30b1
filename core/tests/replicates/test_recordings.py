"""A recording gives the bits of the function that it stands for, or is not used at all."""

from __future__ import annotations

import pytest
import torch
from torch.func import vmap

from identify_core.replicates import Batch, Call, Replicates, pure
from identify_core.replicates.recordings import Recorder, record
from identify_core.testing import networks
from identify_core.testing.networks import inputs


@pure
def squared(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    y = call(batch["x"])
    return torch.nn.functional.mse_loss(y, batch["y"]), {"largest": y.abs().max()}


@pytest.mark.parametrize("factory", [networks.perceptron(), networks.normalised, networks.Replacing])
def test_a_pure_loss_gives_the_same_bits_recorded_and_not(factory) -> None:  # type: ignore[no-untyped-def]
    recorded = Replicates.build(factory, 4, device="cpu", dtype=torch.float32)
    plain = Replicates.build(factory, 4, device="cpu", dtype=torch.float32)

    def unrecorded(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        result: tuple[torch.Tensor, dict[str, torch.Tensor]] = squared(call, batch)
        return result

    for step in range(40):
        batch = {"x": inputs(9, seed=step), "y": inputs(9, 2, seed=1000 + step)}
        ours, theirs = recorded.loss_vectors(squared, batch), plain.loss_vectors(unrecorded, batch)
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])
        assert torch.equal(ours[2]["largest"], theirs[2]["largest"])
        recorded.set_vectors(recorded.matrix - 0.1 * ours[1])
        plain.set_vectors(plain.matrix - 0.1 * theirs[1])
    assert recorded._recorder._replays
    assert not plain._recorder._replays
    for name, value in plain.state().items():
        assert torch.equal(recorded.state()[name], value)


def test_batches_of_another_size_are_recorded_by_themselves() -> None:
    replicates = Replicates.build(networks.perceptron(), 2, device="cpu", dtype=torch.float32)
    for _ in range(30):
        for rows in (5, 9):
            values, _, _ = replicates.loss_vectors(squared, {"x": inputs(rows), "y": inputs(rows, 2)})
    assert len(replicates._recorder._replays) == 2
    expected = squared(replicates.module(1), {"x": inputs(9), "y": inputs(9, 2)})[0]
    assert torch.allclose(values[1], expected, rtol=1e-6)


def test_columns_of_every_layout_give_the_bits_of_the_loss_itself() -> None:
    """Transposed, cut from wider rows, one row for all, and as they come: one after the other, all of one shape."""
    replicates = Replicates.build(networks.perceptron(), 2, device="cpu", dtype=torch.float32)
    rows, wide = inputs(9, 2), inputs(9, 5)
    layouts = [rows, wide[:, 1:3], rows.T.contiguous().T, rows[:1].expand(9, 2)]
    for _ in range(30):
        for y in layouts:
            ours = replicates.loss_vectors(squared, {"x": wide[:, :3], "y": y})
            theirs = replicates.loss_vectors(lambda *given: squared(*given), {"x": wide[:, :3], "y": y})
            assert torch.equal(ours[1], theirs[1])
    assert len(replicates._recorder._replays) == 4


def test_the_mode_is_part_of_what_is_recorded() -> None:
    replicates = Replicates.build(networks.normalised, 2, device="cpu", dtype=torch.float32)
    batch = {"x": inputs(9), "y": inputs(9, 2)}
    for _ in range(30):
        replicates.loss_vectors(squared, batch)
    replicates.eval()
    values, _, _ = replicates.loss_vectors(squared, batch)
    assert torch.allclose(values[0], squared(replicates.module(0), batch)[0], rtol=1e-6)


def test_a_constant_from_outside_is_kept() -> None:
    outside = torch.tensor([1.0, 2.0, 3.0])
    replay = record(lambda x: x * outside, torch.ones(3))
    assert replay is not None
    assert torch.equal(replay(torch.full((3,), 2.0)), 2 * outside)


def test_what_is_changed_in_place_is_changed_by_the_recording_and_not_by_making_it() -> None:
    def add(x: torch.Tensor, total: dict[str, torch.Tensor]) -> torch.Tensor:
        return total["sum"].add_(x).clone()

    total = {"sum": torch.zeros(2)}
    replay = record(add, torch.ones(2), total)
    assert replay is not None
    assert not total["sum"].any()
    replay(torch.ones(2), total)
    assert torch.equal(replay(torch.ones(2), total), torch.full((2,), 2.0))


def test_a_function_that_decides_by_its_numbers_is_not_recorded() -> None:
    assert record(lambda x: x * 2 if x.sum().item() > 0 else x, torch.ones(3)) is None


def test_a_function_that_depends_on_more_than_its_arguments_is_not_recorded() -> None:
    calls = []

    def counting(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x * len(calls)

    assert record(counting, torch.ones(3)) is None


def test_a_function_under_vmap_is_recorded_below_it() -> None:
    def one(w: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return (w * x).tanh().sum()

    replay = record(vmap(one, in_dims=(0, None)), torch.ones(4, 3), torch.ones(3))
    assert replay is not None
    w, x = inputs(4, 3), inputs(3, 1)[:, 0]
    assert torch.equal(replay(w, x), (w * x).tanh().sum(1))


def test_a_recorder_keeps_what_cannot_be_recorded_running() -> None:
    recorder = Recorder()
    for step in range(60):
        x = torch.tensor(float(step - 30))
        result = recorder.run("key", lambda x: x if x.item() > 0 else -x, x)
        assert result == abs(step - 30)
