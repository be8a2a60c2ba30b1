"""Samples, latents and weights as Zarr nodes: what each keeps and how latents refer to their sample ids."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from identify_core.errors import StoreError
from identify_core.store.arrays import placing, write_array
from identify_core.store.files import to_plain
from identify_core.store.folder import Folder
from identify_core.store.layout import ARRAYS, encode_name
from identify_core.store.nodes import child_names, read_node

if TYPE_CHECKING:
    from identify_core.data import Factor, Latents, Samples

_KINDS = ("parameters", "buffers")


def write_samples_group(group: zarr.Group, samples: Samples) -> None:
    """Write ids, splits and factors into an empty group; facts and fingerprint become its attributes."""
    facts = {"count": len(samples), "facts": dict(samples.facts), "fingerprint": samples.fingerprint}
    group.attrs.update(to_plain(facts))
    write_array(group, "ids", samples.ids, ("sample",))
    if samples.known_inputs:
        write_array(group, "fingerprints", samples.row_fingerprints, ("sample",))
    splits = group.create_group("splits")
    taken: list[str] = []
    for name, rows in samples.splits.items():
        taken.append(encode_name(name, taken))
        write_array(splits, taken[-1], rows, ("row",))
    factors = group.create_group("factors")
    taken = []
    for name, factor in samples.factors.items():
        taken.append(encode_name(name, taken))
        write_array(factors, taken[-1], factor.values, ("sample",), attributes=_factor_notes(factor))


def _factor_notes(factor: Factor) -> dict[str, Any]:
    return {"kind": factor.kind} | ({"guessed": True} if factor.guessed else {})


def write_latents_node(folder: Folder, latents: Latents, *, identified_up_to: str = "") -> list[str]:
    """Write latents as one array, or where widths differ as a group of one array a replicate.

    The attribute `ids` names the array of sample ids; where it is `samples/ids`, `rows` names the split's rows of it.

    Returns:
        The paths of what was written, or stands there already, below arrays.zarr.
    """
    each: Any = latents.values
    uniform = hasattr(each, "shape")
    counts = {int(each.shape[1])} if uniform else {int(values.shape[0]) for values in each}
    if len(counts) != 1:
        raise StoreError(f"the latents {latents.name!r} have different numbers of rows: {sorted(counts)}")
    reference = _id_reference(folder, latents, counts.pop())
    notes = {
        "split": latents.split,
        "identified_up_to": latents.identified_up_to or identified_up_to,
        "summary": latents.summary,
        **reference,
        **({"names": list(latents.names)} if latents.names else {}),
        **({"kind": latents.kind} if latents.kind else {}),
    }
    place = f"latents/{encode_name(latents.name, child_names(folder.path / ARRAYS, 'latents'))}"
    with placing(folder, place) as (group, name):
        if uniform:
            write_array(group, name, each, ("replicate", "sample", "latent"), attributes=notes, whole=1)
        else:
            ragged = group.create_group(name, attributes=to_plain(notes | {"replicates": len(each)}))
            for r, values in enumerate(each):
                write_array(ragged, str(r), values, ("sample", "latent"), whole=1)
    return [place] if latents.ids is None else [place, reference["ids"]]


def _id_reference(folder: Folder, latents: Latents, count: int) -> dict[str, str]:
    root = folder.path / ARRAYS
    if latents.ids is None:
        rows = f"samples/splits/{encode_name(latents.split)}"
        if not (root / rows).is_dir():
            raise StoreError(
                f"the latents {latents.name!r} are of the split {latents.split!r}, which the samples do not have",
                hint="write the samples first, or give the latents ids of their own",
            )
        known, reference = read_node(root, rows).shape[0], {"ids": "samples/ids", "rows": rows}
    else:
        ids = np.asarray(latents.ids)
        text = np.ascontiguousarray(ids)
        digest = hashlib.sha256(f"{text.dtype.str}|".encode() + text.tobytes()).hexdigest()[:12]
        if not (root / "ids" / digest).is_dir():
            with placing(folder, f"ids/{digest}") as (group, name):
                write_array(group, name, ids, ("sample",))
        known, reference = len(ids), {"ids": f"ids/{digest}"}
    if known != count:
        raise StoreError(f"the latents {latents.name!r} have {count} rows for {known} sample ids")
    return reference


def write_weights_group(group: zarr.Group, state: Mapping[str, Any]) -> None:
    """Write `parameters/<name>` and `buffers/<name>`, each (R, ...), as arrays `<name>` with the attribute `kind`."""
    taken: list[str] = []
    for order, (key, values) in enumerate(state.items()):
        kind, _, name = key.partition("/")
        if kind not in _KINDS:
            kind, name = "", key
        encoded = encode_name(name, taken)
        if encoded in taken:
            raise StoreError(f"two weights are called {name!r}; a module's parameters and buffers have different names")
        taken.append(encoded)
        axes = ("replicate", *(f"axis-{axis}" for axis in range(1, len(values.shape))))
        write_array(group, encoded, values, axes[: len(values.shape)], attributes={"kind": kind, "order": order})
