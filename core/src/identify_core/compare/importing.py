"""Importing: foreign representations as a run of the store, so that they can be compared like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from identify_core.compare.arrays import open_array, read_ids
from identify_core.data import Factor, Latents, Samples
from identify_core.errors import UsageError
from identify_core.report.page import render_page
from identify_core.run.provenance import Clock, describe_machine
from identify_core.rungs import rung
from identify_core.store import RunWriter, Store, StoredRun

LATENTS = "imported"


def import_arrays(
    references: Sequence[str],
    store: Store,
    *,
    name: str,
    ids: Path | None = None,
    factors: Sequence[str] = (),
    latents: str = LATENTS,
    identified_up_to: str = "",
) -> Path:
    """Put arrays into the store as the replicates of one run.

    Args:
        references: arrays as `open_array` takes them; each representation becomes one replicate.
        store: where the run lands.
        name: what the run is called.
        ids: a file of sample ids; rows are numbered without one.
        factors: ground truth as `NAME[:KIND]=ARRAY`, one value a row; `continuous` where no kind is said.
        latents: what the latents are called.
        identified_up_to: the rung that is claimed for them.

    Returns:
        The run's folder.

    Raises:
        UsageError: an array, the ids or a factor does not fit.
    """
    if identified_up_to:
        rung(identified_up_to)
    clock = Clock()
    sample_ids = None if ids is None else read_ids(ids)
    found = [each for reference in references for each in open_array(reference, ids=sample_ids)]
    rows = found[0].shape[0]
    for each in found:
        if each.shape[0] != rows:
            raise UsageError(f"{each.label} has {each.shape[0]} rows, but {found[0].label} has {rows}")
    values = [_finite(each.values(), each.label) for each in found]
    truth = _read_factors(factors, rows)
    widths = {each.shape[1] for each in values}
    same = len(widths) == 1 and len({each.dtype for each in values}) == 1
    tensors = [torch.from_numpy(each) for each in values]
    samples = Samples(
        columns={"row": torch.arange(rows)},
        ids=found[0].ids,
        splits={"all": np.arange(rows)},
        factors=truth,
        known_inputs=False,  # equal ids are all that imports can be lined up by
    )
    with RunWriter.create(store, name=name, plugin="") as writer:
        writer.write_samples(samples)
        writer.write_latents(
            Latents(
                name=latents,
                values=torch.stack(tensors) if same else tensors,
                split="all",
                identified_up_to=identified_up_to,
                summary="imported from files",
            )
        )
        writer.write_spec("# imported: there is nothing to run again\n")
        writer.write_document(
            {
                "imported": [_provenance(each.label, array) for each, array in zip(found, values, strict=True)],
                "replicates": len(values),
                "provenance": describe_machine(torch.device("cpu")),
                "seconds": clock.seconds(),
            }
        )
        writer.write_report(render_page(StoredRun.open(writer.folder), status="finished"))
        return writer.commit()


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


def _read_factors(texts: Sequence[str], rows: int) -> Mapping[str, Factor]:
    truth = {}
    for text in texts:
        head, equals, reference = text.partition("=")
        name, _, kind = head.partition(":")
        if not equals or not name:
            raise UsageError(f"the factor {text!r} is not NAME=ARRAY or NAME:KIND=ARRAY")
        (each, *more) = open_array(reference)
        if more or each.shape[1] != 1:
            raise UsageError(f"the factor {name!r} must have one value a row, not the shape {each.shape}")
        if each.shape[0] != rows:
            raise UsageError(f"the factor {name!r} has {each.shape[0]} values for {rows} rows")
        try:
            truth[name] = Factor(values=each.values()[:, 0], kind=kind or "continuous")  # type: ignore[arg-type]
        except ValueError as error:
            raise UsageError(
                f"the factor {name!r} cannot be {kind!r}", hint="continuous, circular, ordinal or categorical"
            ) from error
    return truth


def _provenance(label: str, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    return {
        "from": label,
        "shape": list(values.shape),
        "dtype": str(values.dtype),
        "sha256": hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest(),
    }
