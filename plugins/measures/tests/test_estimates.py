"""What a comparison is said to cost, held against what it computes, counted call by call; no clock is looked at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from identify_core import Representation, Work
from identify_core.testing.contexts import make_context
from identify_core.testing.grids import make_grid, stated_cost
from identify_core.testing.representations import represent
from identify_measures.options.samplewise import RsaOptions
from identify_measures.statistics import reductions

PRODUCTS = {"mm", "addmm", "addmm_", "bmm", "baddbmm"}
VIEWS = {
    *("view", "t", "slice", "select", "expand", "transpose", "permute", "unsqueeze", "squeeze", "detach", "alias"),
    *("_unsafe_view", "as_strided", "split", "unbind", "diagonal", "empty", "lift_fresh", "_local_scalar_dense"),
}
LINEAR = ("linear-cka", "cca", "svcca", "procrustes", "linear-r2", "pearson-mcc", "weak-mcc", "hard-match")
TILES = ("rbf-cka", "distance-correlation", "rsa", "mutual-knn", "cknna", "spearman-mcc", "permutation-metric")
WITHIN = 3.0
"""An estimate is right to this factor, in operations and elements together and in calls."""


class Counting(TorchDispatchMode):
    """Counts multiply-adds of products and factorisations, numbers made one by one, and calls."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.elements = self.calls = 0.0

    def __torch_dispatch__(
        self, function: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        self.calls += 1
        self._count(function.overloadpacket.__name__, [each for each in args if isinstance(each, torch.Tensor)], result)
        return result

    def _count(self, name: str, given: list[torch.Tensor], result: Any) -> None:
        made = result[0] if isinstance(result, (tuple, list)) and result else result
        if name in PRODUCTS:
            self.operations += given[-2].numel() * given[-1].shape[-1]
        elif "eigh" in name:
            self.operations += 10 * given[0].numel() * given[0].shape[-1]
        elif "svd" in name:
            self.operations += 14 * given[0].numel() * min(given[0].shape[-2:])
        elif name == "linalg_qr":
            self.operations += 2 * given[0].numel() * min(given[0].shape[-2:])
        elif name in ("sort", "topk", "argsort"):
            self.elements += given[0].numel() * math.log2(max(2, given[0].numel()))
        elif name in ("scatter_add_", "index") and len(given) > 1:
            self.elements += given[-1].numel()  # a table is written or read at some places alone
        elif name not in VIEWS and isinstance(made, torch.Tensor):
            self.elements += max([made.numel(), *(each.numel() for each in given[:1])])

    def numpy(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, counted, of a function that torch sees nothing of."""

        def counted(*given: Any) -> Any:
            self.calls += 1
            if name == "_products_on_cpu":
                self.operations += given[0].size * given[1].shape[1]
            else:
                self.elements += given[0].size
            return work(*given)

        return counted


def representations(count: int, n: int, d: int) -> list[Representation]:
    rng = np.random.default_rng(0)

    def one(number: int) -> Representation:
        values = rng.standard_normal((n, d)).astype(np.float32)
        return represent(values, f"r{number}", replicate=number)

    return [one(number) for number in range(count)]


def counted(name: str, count: int, n: int, d: int, folder: Path, options: Any = None) -> Work:
    members = representations(count, n, d)
    with Counting() as counting, ExitStack() as patched:
        for work in [each for each in vars(reductions) if each.endswith("_on_cpu")]:
            patched.enter_context(patch.object(reductions, work, counting.numpy(work, getattr(reductions, work))))
        make_grid(f"measures:{name}", options, members, make_context(folder, count=count))
    return Work(operations=counting.operations, elements=counting.elements, calls=counting.calls)


def assert_estimated(name: str, count: int, n: int, d: int, folder: Path, options: Any = None) -> None:
    cost = stated_cost(f"measures:{name}", options, [(n, d)] * count)
    said, done = cost.work + cost.shared, counted(name, count, n, d, folder, options)
    ratios = (
        (said.operations + said.elements) / (done.operations + done.elements),
        said.calls / done.calls,
    )
    assert all(1 / WITHIN < ratio < WITHIN for ratio in ratios), (said, done)


@pytest.mark.parametrize(
    "size", [(2, 100, 8), (6, 300, 8), pytest.param((2, 1000, 40), marks=pytest.mark.slow)], ids=str
)
@pytest.mark.parametrize("name", [*LINEAR, *TILES, "minibatch-cka", "ladder"])
def test_an_estimate_counts_every_pair_and_block(name: str, size: tuple[int, int, int], tmp_path: Path) -> None:
    assert_estimated(name, *size, tmp_path)


@pytest.mark.parametrize("name", ["linear-cka", "cca", "ladder"])
def test_an_estimate_holds_where_rows_are_many(name: str, tmp_path: Path) -> None:
    assert_estimated(name, 2, 100_000, 4, tmp_path)


@pytest.mark.parametrize("name", ["linear-cka", "distance-correlation"])
def test_an_estimate_holds_where_representations_are_many(name: str, tmp_path: Path) -> None:
    assert_estimated(name, 24, 100, 8, tmp_path)


@pytest.mark.parametrize(("name", "count", "n"), [("mutual-knn", 60, 100), ("rsa", 2, 3000)])
def test_an_estimate_holds_where_pairs_or_ranks_take_most(name: str, count: int, n: int, tmp_path: Path) -> None:
    assert_estimated(name, count, n, 8, tmp_path)


@pytest.mark.parametrize(("count", "d"), [(2, 8), (3, 32)])
def test_an_estimate_holds_where_pairs_are_sampled(count: int, d: int, tmp_path: Path) -> None:
    assert_estimated("rsa", count, 2000, d, tmp_path, RsaOptions(pairs=10**6))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "count"), [("rbf-cka", 300), ("distance-correlation", 300), ("mutual-knn", 300), ("linear-cka", 60)]
)
def test_an_estimate_holds_for_up_to_three_hundred_representations(name: str, count: int, tmp_path: Path) -> None:
    assert_estimated(name, count, 100, 8, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*TILES, "minibatch-cka"])
def test_an_estimate_holds_for_the_pairs_of_many_samples(name: str, tmp_path: Path) -> None:
    assert_estimated(name, 2, 20_000, 8, tmp_path)


def test_many_small_representations_are_a_matter_of_calls() -> None:
    small = stated_cost("measures:linear-cka", None, [(8, 16)] * 300)
    assert small.work.calls > 300 * 299 / 2 * 8 * 20  # each of 44,850 pairs, once without each of 8 blocks
