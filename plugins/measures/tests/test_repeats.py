"""Repeated rows are found, and stay together in blocks."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
import torch

from identify_core.testing.contexts import make_context
from identify_core.testing.grids import grid_finding, make_grid
from identify_core.testing.representations import represent
from identify_measures import repeats
from identify_measures.blocks import random_blocks
from identify_measures.rungs import reading


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["integers", "bits", "normal"])
def test_groups_are_those_of_unique_rows(dtype: torch.dtype, kind: str) -> None:
    rng = np.random.default_rng(0)
    values = {
        "integers": rng.integers(-40, 41, size=(30_000, 3)),
        "bits": rng.integers(0, 2, size=(30_000, 13)) * 2.0**-9,
        "normal": rng.normal(size=(9_000, 5))[rng.integers(0, 9_000, size=30_000)],
    }[kind]
    rows = torch.from_numpy(values).to(dtype)
    groups = repeats.groups_of([repeats.fingerprint(rows)])
    assert groups is not None
    _, expected = np.unique(rows.numpy(), axis=0, return_inverse=True)
    pairs = np.unique(np.stack([groups.numpy(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == expected.max() + 1 == repeats.count_groups(groups, len(rows))


def test_rows_repeat_where_they_are_equal_in_all_representations() -> None:
    x = torch.tensor([[1.0], [1.0], [2.0], [1.0]])
    y = torch.tensor([[0.0], [-0.0], [0.0], [5.0]])
    prints = [repeats.fingerprint(each) for each in (x, y)]
    groups = repeats.groups_of(prints)
    assert groups is not None
    assert groups[0] == groups[1]
    assert repeats.count_groups(groups, 4) == 3
    assert repeats.groups_of([*prints, repeats.fingerprint(torch.arange(4.0)[:, None])]) is None


def test_a_few_columns_tell_rows_apart_but_never_join_them() -> None:
    rows = torch.randn(500, 100, generator=torch.Generator().manual_seed(0)).round().repeat(2, 1)
    few, all_of_them = repeats.hash_few_columns(rows), repeats.hash_rows(rows)
    assert len(few.unique()) <= len(all_of_them.unique()) == 500


def test_blocks_hold_as_many_distinct_rows_and_no_row_is_in_two() -> None:
    values = torch.randint(0, 50, (2000, 1), generator=torch.Generator().manual_seed(1)).double()
    groups = repeats.groups_of([repeats.fingerprint(values)])
    blocks = random_blocks(2000, 20, groups)
    seen = [set(values[part].flatten().tolist()) for part in blocks.parts()]
    assert sum(len(each) for each in seen) == 50
    assert {len(each) for each in seen} == {2, 3}
    assert sorted(blocks.order.tolist()) == list(range(2000))
    assert len(random_blocks(2000, 20, torch.zeros(2000, dtype=torch.int64))) == 1
    first, second = blocks.halves()
    assert not set(values[first].flatten().tolist()) & set(values[second].flatten().tolist())


def test_without_repeats_blocks_are_equal() -> None:
    blocks = random_blocks(103, 20)
    assert {len(part) for part in blocks.parts()} == {5, 6}
    assert not torch.equal(blocks.order, torch.arange(103))


def test_the_caution_counts() -> None:
    assert repeats.caution(20, 200, ("x", "y")) == ["the 200 rows of x and y are 20 distinct ones, repeated"]
    assert repeats.caution(199, 200, ("x", "x")) == []


def test_equal_rows_are_looked_for_once_whatever_measures_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2, size=(400, 3)).astype(float)[rng.integers(0, 400, size=400)]
    hashed: list[int] = []
    hash_rows = repeats.hash_rows

    def counted(values: torch.Tensor) -> torch.Tensor:
        hashed.append(len(values))
        return hash_rows(values)

    for module in (repeats, reading):
        monkeypatch.setattr(module, "hash_rows", counted)
    pair = [represent(rows, "a"), represent(rows[:, ::-1].copy(), "b")]
    for name in ("linear-cka", "mutual-knn", "distance-correlation", "pearson-mcc"):
        context = make_context(tmp_path, count=2)
        finding = grid_finding(make_grid(f"measures:{name}", None, pair, context))
        assert any("400 rows of a and b are 8 distinct ones" in each for each in finding.warnings)
    assert sum(hashed) == 2 * 400


def test_what_was_found_is_forgotten_with_its_rows() -> None:
    owner = represent(np.ones((4, 1)), "a")
    assert repeats.found_once(owner, lambda: torch.zeros(4)) is repeats.found_once(owner, pytest.fail)
    before = len(repeats._found)
    del owner
    gc.collect()
    assert len(repeats._found) < before
