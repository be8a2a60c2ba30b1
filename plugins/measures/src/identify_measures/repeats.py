"""Repeated rows: which rows are equal, found from a hash of their bits, for splits, blocks and cautions alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from weakref import WeakKeyDictionary

import numpy as np
import torch

_STEP = 1 << 15  # values hashed at a time, which stay in the processor's cache
_FEW_COLUMNS = 16
_found: WeakKeyDictionary[object, torch.Tensor | None] = WeakKeyDictionary()


def hash_rows(rows: torch.Tensor) -> torch.Tensor:
    """A number for each row: equal rows have equal numbers, and others differ but for 1 pair in about 10¹³.

    Args:
        rows: shape (n, d), float32 or float64; 0 and −0 are the same.

    Returns:
        int64, shape (n,), on the device of the rows.
    """
    kind, shift = (torch.int32, 16) if rows.dtype == torch.float32 else (torch.int64, 32)
    odd = _multipliers(rows.shape[1]).to(rows.device)
    hashes = torch.empty(len(rows), dtype=torch.int64, device=rows.device)
    step = max(1, _STEP // rows.shape[1])
    for start in range(0, len(rows), step):
        bits = (rows[start : start + step] + 0.0).contiguous().view(kind).to(torch.int64)
        # Small integers have zeros as their low bits, which products would pass on.
        bits ^= bits >> shift
        hashes[start : start + step] = bits.mul_(odd).sum(dim=1)
    return hashes


def fingerprint(rows: torch.Tensor) -> torch.Tensor | None:
    """`hash_rows`, or None where all rows are distinct, which one column often tells by itself."""
    if all_differ(rows[:, 0]):
        return None
    hashes = hash_rows(rows)
    return None if all_differ(hashes) else hashes


def found_once(owner: object, find: Callable[[], torch.Tensor | None]) -> torch.Tensor | None:
    """What `find` says of a representation's rows: found by the first measure that asks, whatever its family.

    Args:
        owner: the representation, which is known by its identity and forgotten with it.
        find: such as `fingerprint_of`.
    """
    if owner not in _found:
        _found[owner] = find()
    return _found[owner]


def hash_few_columns(rows: torch.Tensor) -> torch.Tensor:
    """`hash_rows` of a few evenly spaced columns: rows that differ here differ."""
    return hash_rows(rows[:, :: -(-rows.shape[1] // _FEW_COLUMNS)])


def fingerprint_of(spans: Callable[[], Iterable[torch.Tensor]], few: torch.Tensor | None = None) -> torch.Tensor | None:
    """`fingerprint` of rows that are read in spans; a second time only where a few columns leave a doubt.

    Args:
        spans: begins to read; each span of shape (m, d).
        few: `hash_few_columns` of all rows, where it is known.
    """
    if few is None:
        parts = list(islice(spans(), 2))
        if len(parts) == 1:
            return fingerprint(parts[0])
        few = torch.cat([hash_few_columns(each) for each in spans()])
    if all_differ(few):
        return None
    hashes = torch.cat([hash_rows(each) for each in spans()])
    return None if all_differ(hashes) else hashes


def groups_of(fingerprints: Iterable[torch.Tensor | None]) -> torch.Tensor | None:
    """Which rows are equal in all representations together.

    Args:
        fingerprints: of the same rows in each representation; None for one whose rows all differ.

    Returns:
        The number of each row's group, from 0, shape (n,), on the CPU; None where all rows differ.
    """
    joint: torch.Tensor | None = None
    for each in fingerprints:
        if each is None:
            return None
        joint = each.cpu() if joint is None else joint * 6364136223846793005 + each.cpu()
    if joint is None:
        return None
    values, groups = torch.unique(joint, return_inverse=True)
    return None if len(values) == len(joint) else groups


def count_groups(groups: torch.Tensor | None, n: int) -> int:
    """How many distinct rows n rows are."""
    return n if groups is None else int(groups.max()) + 1


def caution(distinct: int, n: int, labels: Sequence[str]) -> list[str]:
    """Say that rows repeat, where more than one in a hundred does."""
    if distinct > 0.99 * n:
        return []
    return [f"the {n} rows of {' and '.join(dict.fromkeys(labels))} are {distinct} distinct ones, repeated"]


def all_differ(values: torch.Tensor) -> bool:
    """Whether no value of shape (n,) comes twice."""
    # numpy sorts a few thousand numbers several times faster.
    if values.device.type == "cpu":
        ordered = np.sort(values.numpy())
        return not np.any(ordered[1:] == ordered[:-1])
    sorted_values = values.sort().values
    return not bool((sorted_values[1:] == sorted_values[:-1]).any())


def _multipliers(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(count)
    return torch.randint(-(2**62), 2**62, (count,), generator=generator).mul_(2).add_(1)
