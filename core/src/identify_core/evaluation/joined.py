"""Latents of a stored run joined to the samples of this one on their ids: what a second stage is fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
import torch

from identify_core.contexts.context import Context
from identify_core.data import Samples
from identify_core.data.blocks import row_blocks
from identify_core.errors import OptionsError
from identify_core.store import StoredLatents, StoredRun

Numbers = np.ndarray[Any, Any]

_ROWS_AT_ONCE = 8192


@attrs.frozen(kw_only=True, eq=False)
class JoinedLatents:
    """The stored rows that belong to samples of this run, in their stored order.

    Args:
        latents: of the stored run.
        numbers: of these rows among the samples, (m,).
        places: of these rows among the stored ones, (m,), ascending.
        width: d.
        chosen: the one stored replicate that all replicates take, or None.
        claim: the rung that the stored run claims.
    """

    latents: StoredLatents
    numbers: Numbers
    places: Numbers
    width: int
    chosen: int | None
    claim: str

    def read(self, replicate: int, numbers: Numbers, context: Context) -> Iterator[torch.Tensor]:
        """Blocks of the given rows, which must be in their stored order; only the chunks that hold them are read."""
        source = replicate if self.chosen is None else self.chosen
        order = np.argsort(self.numbers)
        places = self.places[order[np.searchsorted(self.numbers, numbers, sorter=order)]]
        _, count, _ = self.latents.shape
        for rows in row_blocks(count, _ROWS_AT_ONCE):
            within = places[np.searchsorted(places, rows.start) : np.searchsorted(places, rows.stop)]
            if len(within):
                read = np.asarray(self.latents.rows(source, rows.start, rows.stop))
                block = torch.from_numpy(read[within - rows.start])
                yield block.to(device=context.device, dtype=context.dtype)


def join_latents(
    reference: str, name: str, samples: Samples, context: Context, *, replicate: int | None = None
) -> JoinedLatents:
    """Join latents of a stored run to the samples of this one, for an objective that goes on where that run ended.

    Args:
        reference: the stored run, by id, unique prefix, name or `@last`.
        name: of its latents.
        samples: of this run; rows are the same where their ids are.
        context: of this run.
        replicate: the one stored replicate that all replicates take; None gives each the stored one of its own number.

    Raises:
        OptionsError: there are no such latents or not enough replicates, no row has an id of the samples, or rows with
            one id have other inputs.
        StoreError: there is no such run.
    """
    run = context.open_run(reference)
    if name not in run.latents:
        there = ", ".join(run.latents) or "none"
        raise OptionsError(f"the run {run.id} has no latents {name!r}; it has: {there}")
    latents = run.latents[name]
    said = f"the latents {name!r} of {run.id}"
    _check_replicates(said, latents, replicate, context.count)
    width = latents.shape[2] if replicate is None else latents.sizes[replicate][1]
    if width is None:
        raise OptionsError(f"{said} have another width in each replicate", hint="choose one with replicate = 0")
    numbers, places = _join(samples.ids, latents.ids)
    if not len(numbers):
        raise OptionsError(
            f"no row of {said} has the id of a sample of this run ({latents.shape[1]:,} stored, {len(samples):,} "
            "samples)",
            hint="take the dataset, its options and the seed of the stored run",
        )
    _check_same_inputs(run, samples, numbers)
    if len(numbers) < len(samples):
        context.warn(f"{len(numbers):,} of {len(samples):,} samples have a row in {said}; the others are left out")
    return JoinedLatents(
        latents=latents,
        numbers=numbers,
        places=places,
        width=width,
        chosen=replicate,
        claim=latents.identified_up_to,
    )


def _check_replicates(said: str, latents: StoredLatents, replicate: int | None, count: int) -> None:
    if replicate is not None and replicate >= latents.count:
        raise OptionsError(f"replicate is {replicate}, but {said} have replicates 0 to {latents.count - 1}")
    if replicate is None and latents.count < count:
        raise OptionsError(
            f"{said} have {latents.count} replicates, but this run has {count}",
            hint=f"set replicates = {latents.count}, or choose one for all with replicate = 0",
        )


def _join(ours: Numbers, theirs: Numbers) -> tuple[Numbers, Numbers]:
    """Row numbers of equal ids, ours and theirs, in their order."""
    if (ours.dtype.kind == "U") != (theirs.dtype.kind == "U"):
        return np.arange(0), np.arange(0)
    _, mine, other = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    order = np.argsort(other)
    return mine[order], other[order]


def _check_same_inputs(run: StoredRun, samples: Samples, numbers: Numbers) -> None:
    stored = run.row_fingerprints
    if stored is None or not samples.known_inputs:
        return
    mine, theirs = _join(samples.ids[numbers], run.ids)
    different = int((samples.row_fingerprints[numbers][mine] != stored[theirs]).sum())
    if different:
        raise OptionsError(
            f"{different:,} of {len(mine):,} rows of {run.id} have the id of a sample of this run and other inputs",
            hint="take the dataset, its options and the seed of the stored run",
        )
