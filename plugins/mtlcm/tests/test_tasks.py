"""Targets of many tasks: both layouts, missing targets, and every refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from identify_core import LabelledArray, OptionsError, Samples
from identify_mtlcm.tasks import task_rows

nan, inf = float("nan"), float("inf")


def samples(*, facts: dict[str, Any] | None = None, names: list[str] | None = None, **columns: Any) -> Samples:
    count = len(next(iter(columns.values()))) if columns else 4
    truths = {} if names is None else {"task-names": LabelledArray(values=np.array(names), dimensions=("task",))}
    columns = {"x": torch.zeros(count, 2), **columns}
    return Samples(columns=columns, ids=np.arange(count), splits={}, facts=facts or {}, truths=truths)


def test_one_task_a_row() -> None:
    y, task = torch.tensor([[1.0], [2.0], [nan], [4.0], [5.0]]), torch.tensor([0, 2, 2, 2, 0])
    found = task_rows(samples(y=y, task=task, facts={"tasks": 3}), learnable=False)
    assert found.count == 3
    assert found.targets.shape == (5,)
    assert found.observed_counts().tolist() == [2, 0, 2]
    assert found.observed_count() == 4
    low, high = found.ranges()
    assert low.tolist() == [1.0, inf, 2.0]
    assert high.tolist() == [5.0, -inf, 4.0]
    assert found.rows(np.array([3, 0])).targets.tolist() == [4.0, 1.0]
    assert found.rows(slice(1, 3)).task.tolist() == [2, 2]  # type: ignore[union-attr]


def test_every_task_on_every_row() -> None:
    y = torch.tensor([[1.0, 7.0], [2.0, nan], [3.0, 9.0]])
    found = task_rows(samples(y=y, facts={"tasks": 2}, names=["a", "b"]))
    assert (found.count, found.names, found.task) == (2, ("a", "b"), None)
    assert found.observed_counts().tolist() == [3, 2]
    assert [each.tolist() for each in found.ranges()] == [[1.0, 7.0], [3.0, 9.0]]


def test_both_layouts_of_the_same_targets_agree() -> None:
    wide = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    long = task_rows(samples(y=wide.reshape(-1, 1), task=torch.arange(4).repeat(6)))
    broad = task_rows(samples(y=wide))
    assert torch.equal(long.observed_counts(), broad.observed_counts())
    assert all(torch.equal(a, b) for a, b in zip(long.ranges(), broad.ranges(), strict=True))


def test_whole_numbers_become_targets_and_one_column_is_one_task() -> None:
    found = task_rows(samples(y=torch.tensor([1, 2, 3])))
    assert found.count == 1
    assert found.targets.dtype == torch.get_default_dtype()
    assert found.names == ("0",)


@pytest.mark.parametrize(
    ("columns", "more", "message"),
    [
        ({}, {}, "no numeric column 'y'"),
        ({"y": ("a", "b", "c")}, {}, "no numeric column 'y'"),
        ({"y": torch.zeros(0, 2)}, {}, "there are no rows"),
        ({"y": torch.zeros(3, 2, 2)}, {}, r"shape \(3, 2, 2\)"),
        ({"y": torch.randn(3, 2)}, {"facts": {"tasks": 5}}, "2 columns, but the samples state 5 tasks"),
        ({"y": torch.randn(3, 1), "task": torch.zeros(3)}, {}, "column 'task' is float32 of shape"),
        ({"y": torch.randn(3, 1), "task": ("a", "b", "c")}, {}, "column 'task' is text"),
        ({"y": torch.randn(3, 2), "task": torch.tensor([0, 1, 1])}, {}, "next to a column 'task'"),
        (
            {"y": torch.randn(3, 1), "task": torch.tensor([0, 1, 4])},
            {"facts": {"tasks": 3}},
            "numbers from 0 to 4, but with 3 tasks they must lie between 0 and 2",
        ),
        ({"y": torch.randn(3, 1), "task": torch.tensor([0, -1, 1])}, {}, "numbers from -1 to 1"),
        ({"y": torch.randn(3, 2)}, {"names": ["a", "b", "c"]}, "name 3 tasks, but there are 2"),
        ({"y": torch.tensor([[1.0, inf], [2.0, 3.0]])}, {}, "1 targets are infinite"),
        ({"y": torch.tensor([[1.0, nan], [2.0, nan]])}, {"names": ["a", "b"]}, r"a task \(b\) without any target"),
        ({"y": torch.tensor([[1.0, 5.0], [2.0, 5.0]])}, {"names": ["a", "b"]}, r"a task \(b\) whose targets are all"),
        ({"y": torch.tensor([[1.0, 5.0], [2.0, nan]])}, {"names": ["a", "b"]}, r"a task \(b\) whose targets are all"),
        (
            {"y": torch.cat([torch.randn(3, 1), torch.ones(3, 7)], 1)},
            {},
            r"7 tasks \(1, 2, 3, 4, 5, \.\.\.\) whose targets",
        ),
    ],
)
def test_refusals(columns: dict[str, Any], more: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        task_rows(samples(**columns, **more))


def test_evaluation_does_without_targets_that_vary() -> None:
    y = torch.tensor([[1.0, 5.0], [2.0, nan]])
    assert task_rows(samples(y=y), learnable=False).observed_counts().tolist() == [2, 1]
