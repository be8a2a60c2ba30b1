"""Which rows are seen at which step."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from identify_core.contexts.streams import Streams
from identify_core.training.batches import Batches


def batches(size: int | None = 4, order: Any = "sequential", seed: int = 0, **settings: Any) -> Batches:
    rows = {"x": torch.arange(10), "y": 10 * torch.arange(10)}
    return Batches(rows, size, order, **{"drop_last": False, "streams": Streams(seed), "name": "train", **settings})


def epoch(made: Batches, number: int, replicates: tuple[int, ...] = (0, 1, 2), length: int = 3) -> torch.Tensor:
    parts = [made.at(number * length + step, replicates) for step in range(length)]
    for part in parts:
        assert torch.equal(part["y"], 10 * part["x"])
    return torch.cat([part["x"] for part in parts], dim=-1)


def test_sequential_order_begins_anew_in_every_epoch_and_keeps_a_short_last_batch() -> None:
    made = batches()
    assert [made.at(step, (0,))["x"].tolist() for step in range(4)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
        [0, 1, 2, 3],
    ]
    assert made.shared


def test_a_short_last_batch_can_be_left_out() -> None:
    made = batches(drop_last=True)
    assert made.at(2, (0,))["x"].tolist() == [0, 1, 2, 3]
    assert batches(size=5, drop_last=True).at(1, (0,))["x"].tolist() == [5, 6, 7, 8, 9]


def test_all_rows_at_once_need_no_order() -> None:
    for size in (None, 10, 99):
        for order in ("sequential", "shuffled", "shuffled-each"):
            assert batches(size, order).at(3, (0,))["x"].tolist() == list(range(10))


def test_one_shuffled_order_an_epoch_for_all() -> None:
    made = batches(order="shuffled")
    first, second = epoch(made, 0), epoch(made, 1)
    assert made.shared
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(10))
    assert first.tolist() not in (list(range(10)), second.tolist())
    assert epoch(batches(order="shuffled"), 1).tolist() == second.tolist()
    assert epoch(batches(order="shuffled", seed=1), 1).tolist() != second.tolist()
    assert epoch(batches(order="shuffled", name="second"), 1).tolist() != second.tolist()


def test_an_order_of_its_own_for_each_replicate_whoever_trains_beside_it() -> None:
    made = batches(order="shuffled-each")
    orders = epoch(made, 1)
    assert not made.shared
    assert all(sorted(row) == list(range(10)) for row in orders.tolist())
    assert len({tuple(row) for row in orders.tolist()}) == 3
    assert torch.equal(epoch(made, 1, replicates=(2,))[0], orders[2])


@pytest.mark.parametrize("order", ["shuffled", "shuffled-each"])
def test_a_step_is_the_same_whatever_was_asked_before(order: str) -> None:
    made, fresh = batches(order=order), batches(order=order)
    for step in range(7):
        made.at(step, (0, 1))
    assert torch.equal(made.at(7, (0, 1))["x"], fresh.at(7, (0, 1))["x"])
