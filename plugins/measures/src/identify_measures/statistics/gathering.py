"""Gathering: rows become statistics, in memory where they fit and in one pass over row chunks where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import attrs
import torch

from identify_core import Representation
from identify_measures.blocks import BLOCKS
from identify_measures.inputs import InputError, as_matrix, first_row, fit_mask, paired, rank_tolerance
from identify_measures.statistics.arrays import ArraysAtHand
from identify_measures.statistics.derived import Member, Statistics
from identify_measures.statistics.pairwise import PairwiseProducts
from identify_measures.statistics.resident import ResidentRows
from identify_measures.statistics.streamed import PER_BLOCK, CrossProducts

MEBIBYTE = float(2**20)

_AT_MOST = 8.0  # how far rows may go over their budget where products would take more


@attrs.frozen(kw_only=True)
class Memory:
    """What statistics may take, in bytes.

    Args:
        rows: up to this size all rows are kept; they are held twice for a moment.
        products: of all cross-products over all blocks of rows.
        derived: of what measures derive from them and may use again.
        span: rows that are read at once.
    """

    rows: float = 96 * MEBIBYTE
    products: float = 384 * MEBIBYTE
    derived: float = 256 * MEBIBYTE
    span: float = 24 * MEBIBYTE


_MEMORY = Memory()


def memory_of(device: torch.device) -> Memory:
    """A share of a GPU's free memory; fixed sizes on the CPU, which other work shares."""
    if device.type != "cuda":
        return _MEMORY
    free = float(torch.cuda.mem_get_info(device)[0])
    return Memory(rows=0.2 * free, products=0.25 * free, derived=0.15 * free, span=256 * MEBIBYTE)


def from_arrays(x: Any, y: Any, *, blocks: int = 1, fit: Any = None, least_rows: int = 2) -> ResidentRows:
    """The statistics of two arrays.

    Args:
        x: shape (n, p).
        y: shape (n, q).
        blocks: how many random blocks of rows.
        fit: which rows a map or a matching is fitted on, as `fit_mask` takes it. None leaves it to the blocks.
        least_rows: how many rows the measure needs.

    Raises:
        InputError: the arrays are not paired representations, or `fit` leaves less than two rows to either part.
    """
    both = paired(x, y, least_rows=least_rows)
    n = both[0].n
    long = n >= sum(each.width for each in both) and both[0].values.device.type == "cpu"
    return (ArraysAtHand if long and fit is None and blocks == 1 else ResidentRows)(
        [each.values for each in both],
        sums=[each.sums for each in both],
        owners=both,
        members=tuple(
            Member(label=each.name, width=each.width, dtype=each.dtype, tolerance=each.rank_tolerance) for each in both
        ),
        blocks=min(blocks, n),
        fit=None if fit is None else fit_mask(fit, n),
        budget=_MEMORY.derived,
    )


def from_representations(
    representations: Sequence[Representation], device: torch.device, *, memory: Memory | None = None
) -> Statistics:
    """The statistics of stored representations whose rows are lined up.

    Args:
        representations: any number; the same samples in the same order.
        device: where rows are multiplied.
        memory: what it may take; None for `memory_of(device)`.

    Raises:
        InputError: a representation holds something else than finite real numbers, or there is one row.
    """
    memory = memory or memory_of(device)
    members = tuple(_look(each) for each in representations)
    rows = representations[0].shape[0]
    double = rank_tolerance(torch.float64)
    size = sum(each.width * (8.0 if each.tolerance == double else 4.0) for each in members)
    width = sum(each.width for each in members)
    # Few rows of many columns are smaller than the products of all columns with all.
    few = rows * size <= min(PER_BLOCK * width * width, _AT_MOST * memory.rows)
    if few or rows * size <= memory.rows:
        spans = list(read_spans(representations, device, rows))
        return ResidentRows(
            spans[0], owners=representations, members=members, blocks=min(BLOCKS, rows), budget=memory.derived
        )
    affordable = int(memory.products / (PER_BLOCK * width * width))
    if affordable < 2:

        def pass_over(chosen: tuple[int, ...], *, blocks: int, width: int) -> CrossProducts:
            parts = [representations[k] for k in chosen]
            return stream(parts, tuple(members[k] for k in chosen), device, memory=memory, blocks=blocks, width=width)

        return PairwiseProducts(pass_over, members=members, memory=memory.products)
    return stream(representations, members, device, memory=memory, blocks=min(BLOCKS, affordable), width=width)


def stream(
    representations: Sequence[Representation],
    members: tuple[Member, ...],
    device: torch.device,
    *,
    memory: Memory,
    blocks: int,
    width: int,
) -> CrossProducts:
    """One pass over the rows of representations that are not kept.

    Args:
        representations: the same samples in the same order.
        members: what is known of them.
        device: where rows are multiplied.
        memory: what it may take.
        blocks: how many blocks of rows.
        width: columns that the memory for rows has to hold at once, at least those of the representations.
    """
    rows = representations[0].shape[0]
    largest = 4096 if device.type == "cpu" else 65536
    chunk = max(1, min(max(256, rows // (4 * blocks)), largest, int(memory.span / (8 * width))))
    span = max(chunk, int(memory.span / (8 * width)) // chunk * chunk)
    chunks = (
        [each[start : start + chunk] for each in parts]
        for parts in read_spans(representations, device, span)
        for start in range(0, len(parts[0]), chunk)
    )
    notes = () if blocks >= BLOCKS else (f"memory allows {blocks} blocks of rows for intervals, not {BLOCKS}",)
    made = CrossProducts(
        chunks, members=members, blocks=min(blocks, -(-rows // chunk)), budget=memory.derived, notes=notes
    )
    made.find_repeats(lambda i: (part for (part,) in read_spans([representations[i]], device, span)), representations)
    return made


def read_spans(
    representations: Sequence[Representation], device: torch.device, span: int
) -> Iterator[list[torch.Tensor]]:
    """Rows of all representations, so many at a time, on the device; the next are read while these are worked on."""
    rows = representations[0].shape[0]
    starts = range(0, rows, span)

    def read(start: int) -> list[torch.Tensor]:
        return [_read(each, start, min(start + span, rows)) for each in representations]

    with ThreadPoolExecutor(1, thread_name_prefix="rows") as reader:
        ahead: Future[list[torch.Tensor]] = reader.submit(read, 0)
        for start in starts:
            parts = ahead.result()
            if start + span < rows:
                ahead = reader.submit(read, start + span)
            yield [_to(part, device) for part in parts]


def _read(representation: Representation, start: int, stop: int) -> torch.Tensor:
    try:
        return as_matrix(representation.rows(start, stop), representation.label, least_rows=1).values
    except InputError as error:
        where = f" (rows {start} to {stop - 1})" if stop - start < representation.shape[0] else ""
        raise InputError(f"{error.message}{where}", hint=error.hint) from error


def _to(part: torch.Tensor, device: torch.device) -> torch.Tensor:
    if device.type == "cuda":
        return part.pin_memory().to(device, non_blocking=True)
    if device.type == "mps":
        return part.to(torch.float32).to(device)
    return part


def _look(representation: Representation) -> Member:
    """What is known of a representation from its first rows."""
    rows, width = representation.shape
    if rows < 2:
        raise InputError(f"{representation.label} has 1 row; at least 2 are needed")
    first = first_row(representation)
    return Member(label=representation.label, width=width, dtype=first.dtype, tolerance=first.rank_tolerance)
