"""Statistics: streaming equals sums over all rows at once, whatever the layout, the blocks and the mean."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from identify_core import OptionsError
from identify_mtlcm.causal.statistics import Block, TaskStatistics, gather_statistics

T, D = 5, 3


def rows_of_one_task_each(seed: int = 0, n: int = 60) -> tuple[np.ndarray[Any, Any], ...]:
    rng = np.random.default_rng(seed)
    task = np.concatenate([np.arange(T), rng.integers(0, T, n - T)])
    return rng.normal(size=(n, D)) @ rng.normal(size=(D, D)) + 3, rng.normal(size=n) + task, task


def rows_of_every_task(seed: int = 0, n: int = 50, missing: float = 0.0) -> tuple[np.ndarray[Any, Any], ...]:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, T)) + np.arange(T)
    y[rng.random((n, T)) < missing] = np.nan
    return rng.normal(size=(n, D)) + 2, y


def by_hand(h: Any, y: Any, task: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Per task, with numpy, all rows at once."""
    found: dict[str, list[Any]] = {k: [] for k in ("counts", "means", "target_means", "second", "cross", "energy")}
    for t in range(T):
        values = y[:, t] if task is None else np.where(task == t, y, np.nan)
        keep = ~np.isnan(values)
        x, v = h[keep], values[keep]
        xc, vc = x - x.mean(0), v - v.mean()
        for name, value in zip(found, (len(x), x.mean(0), v.mean(), xc.T @ xc, vc @ xc, vc @ vc), strict=True):
            found[name].append(value)
    return {name: np.array(values) for name, values in found.items()}


def assert_equal(statistics: TaskStatistics, expected: dict[str, Any], tolerance: float = 1e-12) -> None:
    for name, value in expected.items():
        own = np.broadcast_to(getattr(statistics, name).numpy(), value.shape)
        np.testing.assert_allclose(own, value, rtol=tolerance, atol=tolerance * np.abs(value).max(), err_msg=name)


def cut(size: int, *columns: Any) -> Iterator[Block]:
    for start in range(0, len(columns[0]), size):
        h, y, task = (None if c is None else torch.as_tensor(c[start : start + size]) for c in columns)
        assert h is not None
        assert y is not None
        yield h, y, task


@pytest.mark.parametrize("size", [1, 7, 60])
def test_rows_of_one_task_each_in_any_blocks_give_the_sums_over_all_rows(size: int) -> None:
    h, y, task = rows_of_one_task_each()
    statistics = gather_statistics(cut(size, h, y, task), T)
    assert not statistics.shared
    assert_equal(statistics, by_hand(h, y, task))


def test_targets_of_one_column_and_missing_ones_are_understood() -> None:
    h, y, task = rows_of_one_task_each()
    y[10] = np.nan
    assert_equal(gather_statistics(cut(13, h, y[:, None], task), T), by_hand(h, y, task))


@pytest.mark.parametrize("size", [1, 7, 50])
def test_rows_that_every_task_sees_share_one_second_moment(size: int) -> None:
    h, y = rows_of_every_task()
    statistics = gather_statistics(cut(size, h, y, None), T)
    assert statistics.second.shape == (D, D)
    assert statistics.means.shape == (D,)
    assert_equal(statistics, by_hand(h, y, None))


@pytest.mark.parametrize("size", [1, 7, 50])
def test_missing_targets_give_each_task_its_own_second_moment(size: int) -> None:
    h, y = rows_of_every_task(missing=0.3)
    statistics = gather_statistics(cut(size, h, y, None), T)
    assert statistics.second.shape == (T, D, D)
    assert_equal(statistics, by_hand(h, y, None))


@pytest.mark.parametrize("row", [0, 49])
def test_a_single_missing_target_in_any_block_counts(row: int) -> None:
    h, y = rows_of_every_task()
    y[row, 2] = np.nan
    assert_equal(gather_statistics(cut(10, h, y, None), T), by_hand(h, y, None))


def test_both_layouts_of_the_same_rows_agree() -> None:
    h, y = rows_of_every_task()
    repeated = np.repeat(h, T, axis=0), y.ravel(), np.tile(np.arange(T), len(h))
    assert_equal(gather_statistics(cut(17, *repeated), T), by_hand(h, y, None))


def test_float32_with_a_mean_far_from_zero_loses_nothing() -> None:
    h, y, task = rows_of_one_task_each(n=400)
    h, y = (h + 1e4).astype(np.float32), (y - 3e4).astype(np.float32)
    exact = by_hand(h.astype(np.float64), y.astype(np.float64), task)
    assert_equal(gather_statistics(cut(64, h, y, task), T), exact, 1e-11)
    every = np.stack([y[:200], y[200:]], axis=1)
    statistics = gather_statistics(cut(64, h[:200], every, None), 2)
    centred = h[:200].astype(np.float64) - h[:200].mean(0, dtype=np.float64)
    np.testing.assert_allclose(statistics.second.numpy(), centred.T @ centred, rtol=1e-11)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("centring", ["per-task", "global", "none"])
def test_moments_are_those_of_rows_centred_by_hand(centring: Any, shared: bool) -> None:
    if shared:
        h, y = rows_of_every_task()
        statistics = gather_statistics(cut(20, h, y, None), T)
        h, y, task = np.repeat(h, T, axis=0), y.ravel(), np.tile(np.arange(T), len(h))
    else:
        h, y, task = rows_of_one_task_each()
        statistics = gather_statistics(cut(20, h, y, task), T)
    moments = statistics.moments(centring)
    assert moments.shared == shared
    centre = h.mean(0)
    for t in range(T):
        x, v = h[task == t], y[task == t]
        if centring == "per-task":
            x, v = x - x.mean(0), v - v.mean()
        elif centring == "global":
            x = x - centre
        np.testing.assert_allclose(moments.seconds(t, t + 1)[0].numpy(), x.T @ x, atol=1e-10)
        np.testing.assert_allclose(moments.cross[t].numpy(), v @ x, atol=1e-10)
        np.testing.assert_allclose(float(moments.energy[t]), v @ v, atol=1e-10)
    np.testing.assert_allclose(statistics.centre.numpy(), centre, atol=1e-12)
    x = np.concatenate([h[task == t] - (h[task == t].mean(0) if centring == "per-task" else 0) for t in range(T)])
    x = x - (centre if centring == "global" else 0)
    np.testing.assert_allclose(moments.pooled().numpy(), x.T @ x / len(x), atol=1e-10)


def test_a_constant_target_has_no_energy_left() -> None:
    h, y, task = rows_of_one_task_each()
    y[task == 1] = 1e3 / 3
    statistics = gather_statistics(cut(4, h, y, task), T)
    assert statistics.constant.tolist() == [False, True, False, False, False]
    assert float(statistics.moments("per-task").energy[1]) == 0
    assert bool((statistics.moments("per-task").cross[1] == 0).all())


class LiveBytes(TorchDispatchMode):
    """The most bytes that tensors made inside the block held at once."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.holders: dict[int, int] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for each in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(each, torch.Tensor):
                storage = each.untyped_storage()
                key, size = storage.data_ptr(), storage.nbytes()
                self.holders[key] = self.holders.get(key, 0) + 1
                if self.holders[key] == 1:
                    self.live += size
                    self.peak = max(self.peak, self.live)
                weakref.finalize(each, self._release, key, size)
        return out

    def _release(self, key: int, size: int) -> None:
        self.holders[key] -= 1
        if not self.holders[key]:
            self.live -= size


def test_memory_does_not_grow_with_rows_or_with_tasks_times_the_square_of_the_width() -> None:
    count, width, size = 81, 40, 512

    def blocks(number: int) -> Iterator[Block]:
        stream = torch.Generator().manual_seed(0)
        for _ in range(number):
            yield torch.randn(size, width, generator=stream), torch.randn(size, count, generator=stream), None

    peaks = []
    for number in (4, 40):
        with LiveBytes() as bytes_held:
            statistics = gather_statistics(blocks(number), count)
        assert int(statistics.counts[0]) == number * size
        peaks.append(bytes_held.peak)
    assert peaks[1] <= peaks[0] * 1.01
    block_alone = 8 * size * (width + count)
    assert peaks[1] < 8 * block_alone
    with LiveBytes() as bytes_held:
        statistics.moments("per-task").pooled()
    assert bytes_held.peak < 8 * count * width * width / 4


def test_what_does_not_fit_is_refused_with_its_numbers() -> None:
    h, y, task = (torch.as_tensor(each) for each in rows_of_one_task_each())
    with pytest.raises(OptionsError, match="NaN or infinite"):
        gather_statistics([(h * torch.inf, y, task)], T)
    with pytest.raises(OptionsError, match="targets hold infinite values"):
        gather_statistics([(h, y * torch.inf, task)], T)
    with pytest.raises(OptionsError, match=r"targets of shape \(60, 2\) and 60 task numbers"):
        gather_statistics([(h, torch.stack([y, y], 1), task)], T)
    with pytest.raises(OptionsError, match=r"without task numbers they are \(60, 5\)"):
        gather_statistics([(h, y[:, None], None)], T)
    with pytest.raises(OptionsError, match="from 0 to 4; with 3 tasks they are 0 to 2"):
        gather_statistics([(h, y, task)], 3)
    with pytest.raises(OptionsError, match="each of tasks 5, 6 of 7 has no row"):
        gather_statistics([(h, y, task)], 7)
    with pytest.raises(OptionsError, match="task 5 of 6 has no row"):
        gather_statistics([(h, y, task)], 6)
    with pytest.raises(OptionsError, match="no rows to gather"):
        gather_statistics([], T)
    with pytest.raises(OptionsError, match="widths 3 and 2"):
        gather_statistics([(h, y, task), (h[:, :2], y, task)], T)
