"""Blocks of rows cover all rows, once, in order."""

from __future__ import annotations

import pytest

from identify_core import row_blocks
from identify_core.data import blocks


@pytest.mark.parametrize(("count", "size"), [(0, 3), (1, 3), (3, 3), (10, 3), (10, 1), (10, 99)])
def test_every_row_is_in_one_block(count: int, size: int) -> None:
    cut = list(row_blocks(count, size))
    assert [row for each in cut for row in range(count)[each]] == list(range(count))
    assert all(each.stop - each.start == size for each in cut[:-1])
    assert all(0 < each.stop - each.start <= size for each in cut)


def test_without_a_size_a_block_holds_so_many_bytes() -> None:
    first, *_ = row_blocks(10**9, row_bytes=1024)
    assert first == slice(0, blocks.BLOCK_BYTES // 1024)
    assert next(row_blocks(5, row_bytes=10**12)) == slice(0, 1)
