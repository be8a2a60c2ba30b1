"""Importing: foreign representations as a run of the store, so that they can be compared like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from identify_core.comparisons.foreign.axes import REPLICATE
from identify_core.comparisons.foreign.door import Opened, Terms, open_outside
from identify_core.comparisons.foreign.sizes import judge_size
from identify_core.comparisons.joins import line_up
from identify_core.data import Latents, Samples
from identify_core.data.latents import LatentKind
from identify_core.errors import UsageError
from identify_core.evaluation.applicability import say_undeclared
from identify_core.evaluation.subjects import NUMBERED, Representation
from identify_core.rungs import rung
from identify_core.store import RunWriter, Store, StoredRun
from identify_core.store.provenance import Clock, describe_machine

LATENTS = "imported"


def import_arrays(
    references: Sequence[str],
    store: Store,
    *,
    name: str,
    terms: Terms | None = None,
    latents: str = LATENTS,
    identified_up_to: str = "",
    render: Callable[[StoredRun], str] | None = None,
) -> Path:
    """Put arrays into the store as the replicates of one run.

    Args:
        references: arrays as `open_outside` takes them; each representation becomes one replicate.
        store: where the run lands.
        name: what the run is called.
        terms: how the arrays are read: their axes, ids and factors.
        latents: what the latents are called; of an array with an axis `layer`, those of layer 7 get
            `-layer-7` behind it.
        identified_up_to: the rung that is claimed for them.
        render: makes the run's page; None for no page.

    Returns:
        The run's folder.

    Raises:
        UsageError: an array, the ids or a factor does not fit, or the arrays have different samples.
    """
    if identified_up_to:
        rung(identified_up_to)
    clock = Clock()
    opened = open_outside(references, terms)
    found = _lined_up(opened)
    for each in found:
        judge_size(each.label, each.shape, 8)
    if len(held := {each.holds for each in found}) > 1:
        raise UsageError(
            f"a run's latents are numbers or symbols, and these are {' and '.join(sorted(held))}",
            hint="import symbols as a run of their own",
        )
    values = [_finite(each.values(), each.label) for each in found]
    rows = found[0].shape[0]
    samples = Samples(
        columns={"row": torch.arange(rows)},
        ids=found[0].ids,
        splits={"all": np.arange(rows)},
        factors={name: factor for each in reversed(found) for name, factor in each.factors.items()},
        facts={} if found[0].has_ids else {NUMBERED: True},
        known_inputs=False,  # equal ids are all that imports can be lined up by
    )
    groups: dict[str, list[np.ndarray[Any, Any]]] = {}
    for place, array in zip((reading for one in opened for reading in one.readings), values, strict=True):
        parts = [f"-{axis}-{index}" for axis, index in place.coordinates.items() if axis != REPLICATE]
        groups.setdefault("".join((latents, *parts)), []).append(array)
    with RunWriter.create(store, name=name, plugin="") as writer:
        writer.write_samples(samples)
        for label, arrays in groups.items():
            kind: LatentKind = "symbols" if found[0].holds == "symbols" else ""
            writer.write_latents(_latents(label, arrays, identified_up_to, kind))
        writer.write_spec("# imported: there is nothing to run again\n")
        writer.write_document(
            {
                "imported": [_provenance(each.label, array) for each, array in zip(found, values, strict=True)],
                "replicates": len(next(iter(groups.values()))),
                "provenance": describe_machine(torch.device("cpu")),
                "seconds": clock.seconds(),
                "warnings": list(filter(None, [say_undeclared(found)])),
            }
        )
        if render is not None:
            writer.write_report(render(StoredRun.open(writer.folder)))
        return writer.commit()


def _latents(name: str, arrays: Sequence[np.ndarray[Any, Any]], identified_up_to: str, kind: LatentKind) -> Latents:
    same = len({each.shape[1] for each in arrays}) == 1 and len({each.dtype for each in arrays}) == 1
    tensors = [torch.from_numpy(each) for each in arrays]
    return Latents(
        name=name,
        values=torch.stack(tensors) if same else tensors,
        split="all",
        identified_up_to=identified_up_to,
        summary="imported from files",
        kind=kind,
    )


def _lined_up(opened: Sequence[Opened]) -> tuple[Representation, ...]:
    """The representations with their rows in the order of the first; every row of one must be in all."""
    for each in opened:
        if each.holds == "dissimilarities":
            said = each.remark.partition(":")[0] or f"{each.reference} holds dissimilarities"
            raise UsageError(
                f"{said}, and a run holds latents",
                hint="`identify compare` compares dissimilarities as they are; --as representations imports the matrix "
                "as latents",
            )
    found = tuple(representation for each in opened for representation in each.representations())
    if len(found) == 1:
        return found
    lined = line_up(found, partial=True)
    for label, count in lined.left_out.items():
        raise UsageError(
            f"{label} has {count} row{'' if count == 1 else 's'} that others lack, and the replicates of a run "
            "have the same samples",
            hint="import the arrays one by one: `identify compare` joins runs on their ids",
        )
    return lined.representations


def _finite(values: np.ndarray[Any, Any], label: str) -> np.ndarray[Any, Any]:
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            raise UsageError(
                f"{label} has NaN or infinite values in {int(bad.sum())} of {len(values)} rows, "
                f"the first of them row {int(bad.argmax())}",
                hint="leave those rows out and give --ids, so that the others still line up",
            )
        return np.array(values)  # a copy: torch wants memory that it may write
    return np.ascontiguousarray(values.astype(np.float64))


def _provenance(label: str, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {
        "from": label,
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "sha256": hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest(),
    }
