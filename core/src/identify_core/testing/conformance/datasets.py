"""Checks of datasets: Samples that are aligned, with ids of their own, and the same wherever they are made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from identify_core.data import Samples
from identify_core.data.blocks import row_blocks
from identify_core.data.mapped import MappedColumn
from identify_core.plugins import Registered
from identify_core.spec import plain_options
from identify_core.testing.conformance.bench import Bench, item_of
from identify_core.testing.conformance.imports import run_process
from identify_core.testing.conformance.material import SEED, expected, make_samples, not_made
from identify_core.testing.conformance.questions import told
from identify_core.testing.conformance.record import NotApplicable

_SCRIPT = Path(__file__).with_name("fingerprint_process.py")
# What Samples says when it refuses; each has a check of its own.
_LENGTHS = (" rows, but there are ", " values, but there are ", "must hold row numbers from 0 to")
_IDS = ("sample ids repeat", "ids are integers or strings")


def gives_samples(bench: Bench, registered: Registered) -> Iterator[str]:
    """The target makes samples that a model can be fed with."""
    try:
        samples = make_samples(bench, registered)
    except NotApplicable:
        raise
    except Exception as error:  # noqa: BLE001 - a dataset may raise anything; it is what is told
        if not _is_about(error, _LENGTHS) and not _is_about(error, _IDS):
            yield f"it makes no samples: {told(error)}{_advice(item_of(registered)) if expected(error) else ''}"
        return
    if len(samples) == 0:
        yield "it gives no samples at all: give at least one"
    if not samples.splits:
        yield 'it gives no splits: name the rows of training and testing, splits={"train": ..., "test": ...}'
    for name, column in samples.columns.items():
        if not isinstance(column, tuple) and not all(_is_finite(rows, missing=name == "y") for rows in _blocks(column)):
            yield f"the column {name!r} holds numbers that are not finite: leave such rows out, or fill them in"


def _blocks(column: torch.Tensor | MappedColumn) -> Iterator[torch.Tensor]:
    for block in row_blocks(len(column), row_bytes=column.dtype.itemsize * column.shape[1:].numel()):
        yield column.take(block) if isinstance(column, MappedColumn) else column[block]


def _is_finite(rows: torch.Tensor, *, missing: bool) -> bool:
    return bool((rows.isfinite() | rows.isnan() if missing else rows.isfinite()).all())


def is_aligned(bench: Bench, registered: Registered) -> Iterator[str]:
    """Columns, factors and splits speak of the same n samples."""
    try:
        samples = make_samples(bench, registered)
    except NotApplicable:
        raise
    except Exception as error:
        if not _is_about(error, _LENGTHS):
            raise not_made("samples-made" if not _is_about(error, _IDS) else "samples-ids") from error
        yield (
            f"{error}: give every column and factor one row a sample, in the order of the ids, and splits as row "
            "numbers"
        )
        return
    for name, rows in samples.splits.items():
        if len(np.unique(rows)) != len(rows):
            yield f"the split {name!r} names a row more than once: name each row at most once"


def has_unique_ids(bench: Bench, registered: Registered) -> Iterator[str]:
    """Runs are lined up on ids."""
    try:
        make_samples(bench, registered)
    except NotApplicable:
        raise
    except Exception as error:
        if not _is_about(error, _IDS):
            raise not_made("samples-made" if not _is_about(error, _LENGTHS) else "samples-aligned") from error
        yield f"{error}: number the samples, ids=np.arange(n), or give each the id that its source gives it"


def has_stable_fingerprint(bench: Bench, registered: Registered) -> Iterator[str]:
    """Twice here, with other global random states, and once in another process, with other hashes of strings."""
    try:
        first, second = make_samples(bench, registered), make_samples(bench, registered, disturbance=1)
    except NotApplicable:
        raise
    except Exception as error:
        raise not_made("samples-made") from error
    if first.fingerprint != second.fingerprint:
        yield (
            f"made twice with the same seed, {_differences(first, second)} differ: draw from context.stream(name) or "
            "context.streams.numpy(name), never from the global random generators of Python, numpy or torch"
        )
        return
    elsewhere = _elsewhere(bench)
    if elsewhere.get(item_of(registered), first.fingerprint) != first.fingerprint:
        yield (
            "in another process the same seed gives other samples: nothing may depend on hash(), on the order of a set "
            "or of a folder's files, on the time or on the process; sort, and derive numbers from context.stream(name)"
        )


def _elsewhere(bench: Bench) -> dict[str, str]:
    """The fingerprint of each dataset in another process, all of them made there in one go."""
    if "fingerprints" not in bench.shared:
        file = bench.registry.plugin(bench.plugin).file
        trials = {}
        for each in bench.components("dataset"):
            try:
                make_samples(bench, each)
                trials[item_of(each)] = bench.trial(each)
            except Exception:  # noqa: BLE001 - told by samples-made
                continue
        request = {
            "plugin": bench.plugin,
            "plugin_file": None if file is None else file.path,
            "seed": SEED,
            "folder": str(bench.scratch("elsewhere")),
            "datasets": {
                item: {
                    "options": plain_options(trial.chosen.options),
                    "spec": None if trial.spec is None else trial.spec.as_toml(),
                }
                for item, trial in trials.items()
            },
        }
        bench.shared["fingerprints"] = run_process(_SCRIPT, request, environment={"PYTHONHASHSEED": "4321"})
    found: dict[str, str] = bench.shared["fingerprints"]
    return found


def _differences(first: Samples, second: Samples) -> str:
    parts: list[tuple[str, object, object]] = [("the ids", first.ids, second.ids)]
    for name in sorted(set(first.columns) | set(second.columns)):
        parts.append((f"the column {name!r}", first.columns.get(name), second.columns.get(name)))
    for name in sorted(set(first.splits) | set(second.splits)):
        parts.append((f"the split {name!r}", first.splits.get(name), second.splits.get(name)))
    named = [label for label, one, other in parts if not _is_equal(one, other)]
    return ", ".join(named) or "factors"


def _is_equal(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor | MappedColumn) and isinstance(other, torch.Tensor | MappedColumn):
        pairs = zip(_blocks(one), _blocks(other), strict=False)
        return one.shape == other.shape and all(torch.equal(a, b) for a, b in pairs)
    return one == other if isinstance(one, tuple) else np.array_equal(np.asarray(one), np.asarray(other))


def _is_about(error: Exception, texts: tuple[str, ...]) -> bool:
    return isinstance(error, ValueError) and any(text in str(error) for text in texts)


def _advice(item: str) -> str:
    return (
        f'; where it needs files or options that only you have, say so in the class: options = {{"{item}": {{...}}}} '
        "or "
        f'skip = {{"{item}": "needs ..."}}'
    )
