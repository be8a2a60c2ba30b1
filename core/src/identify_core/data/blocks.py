"""Blocks of rows: how many rows at a time bound the memory of what is done to all of them."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK_BYTES = 2**24
"""Of a block, in the type in which it is worked on, where no number of rows is said."""


def row_blocks(count: int, size: int | None = None, *, row_bytes: int = 0) -> Iterator[slice]:
    """Cuts of n rows into blocks of `size`, the last as short as it is.

    Args:
        count: n.
        size: rows a block, at least 1; None for as many as 16 MiB hold.
        row_bytes: of one row in the type in which it is worked on, where `size` is None.

    Example:
        >>> list(row_blocks(5, 2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    size = max(1, BLOCK_BYTES // max(row_bytes, 1)) if size is None else size
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
