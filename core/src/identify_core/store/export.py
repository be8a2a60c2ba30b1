"""Export of a run: to one .npz, .safetensors or .csv file, or to a folder of .npy and .csv files."""

from __future__ import annotations

import csv
import fnmatch
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import attrs
import numpy as np

from identify_core.atomic_files import replacing
from identify_core.errors import StoreError, UsageError
from identify_core.store.arrays import Array
from identify_core.store.contents import NamedArray, Rows, array_rows, named_arrays, sheets
from identify_core.store.files import explained
from identify_core.store.folder import Folder
from identify_core.store.layout import RUN_FILE, SPEC_FILE, encode_name
from identify_core.store.reader import StoredRun
from identify_core.store.summary import changed_meanwhile

_SAFE_TYPES = {"b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"}


@attrs.frozen(kw_only=True)
class Exported:
    """What an export did.

    Args:
        path: the file or folder.
        keys: what it holds.
        left_out: what it cannot hold, with the reason.
    """

    path: Path
    keys: tuple[str, ...]
    left_out: dict[str, str]


def export_run(run: StoredRun, target: Path, *, only: Sequence[str] = (), replace: bool = False) -> Exported:
    """Write what a run holds in a form that other programs read; the target appears whole or not at all.

    Args:
        run: the run.
        target: a path ending in .npz, .safetensors or .csv, or a folder to be made. The first two hold arrays under
            the paths that they have in arrays.zarr; a .csv holds one thing; a folder holds everything.
        only: patterns such as `latents/*`; empty for everything.
        replace: whether a file that exists may be replaced; a folder with something in it never is.

    Raises:
        UsageError: the ending is unknown, nothing matches, a .csv is to hold several things, or the target exists.
        StoreError: something cannot be read or written.
    """
    ending = target.suffix.lower()
    is_folder = target.is_dir() or not ending
    if not is_folder and ending not in (".npz", ".safetensors", ".csv"):
        raise UsageError(f"cannot export to {target.name!r}: the ending must be .npz, .safetensors or .csv, or none")
    if is_folder:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UsageError(f"{target} exists and is not empty", hint="name a new folder")
    elif target.exists() and not replace:
        raise UsageError(f"{target} exists", hint="--force replaces it")
    while True:
        try:
            with explained("export the run", target), replacing(target) as draft:
                if is_folder:
                    return _export_folder(run, target, draft, only)
                if ending == ".csv":
                    return _export_csv(run, target, draft, only)
                arrays = _chosen(named_arrays(run), only)
                export = _export_npz if ending == ".npz" else _export_safetensors
                return export(run, target, draft, arrays)
        except StoreError:
            again = changed_meanwhile(run.summary)  # a finding may have been replaced while it was read
            if again is None:
                raise
            run = StoredRun(again)


def _export_npz(run: StoredRun, target: Path, draft: Path, arrays: Sequence[NamedArray]) -> Exported:
    """One array in memory at a time; `numpy.load(..., allow_pickle=False)` reads it."""
    texts = _texts(run)
    with zipfile.ZipFile(draft, "w") as archive:

        def add(key: str, values: Array) -> None:
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)

        for array in arrays:
            add(array.key, array.load())
        for name, text in texts.items():
            add(name, np.array(text))
    return Exported(path=target, keys=(*(array.key for array in arrays), *texts), left_out={})


def _export_safetensors(run: StoredRun, target: Path, draft: Path, arrays: Sequence[NamedArray]) -> Exported:
    from safetensors.numpy import save_file

    kept, left_out = {}, {}
    for array in arrays:
        values = array.load()
        if values.dtype.str[1:] in _SAFE_TYPES:
            kept[array.key] = np.ascontiguousarray(values)
        else:
            left_out[array.key] = f"safetensors holds no {'text' if values.dtype.kind == 'U' else values.dtype}"
    save_file(kept, draft, metadata=_texts(run))
    return Exported(path=target, keys=tuple(kept), left_out=left_out)


def _export_csv(run: StoredRun, target: Path, draft: Path, only: Sequence[str]) -> Exported:
    rows: dict[str, Callable[[], Rows]] = {
        each.key: partial(array_rows, each) for each in _but_history(named_arrays(run))
    }
    rows |= {sheet.key: sheet.load for sheet in sheets(run)}
    keys = [key for key in sorted(rows) if _matches(key, only)]
    if len(keys) != 1:
        raise UsageError(
            f"a .csv file holds one thing, but {len(keys)} of this run's match: {', '.join(keys or sorted(rows))}",
            hint=f"choose one, as in --only {(keys or sorted(rows))[0]!r}",
        )
    _write_csv(draft, rows[keys[0]]())
    return Exported(path=target, keys=(keys[0],), left_out={})


def _export_folder(run: StoredRun, target: Path, draft: Path, only: Sequence[str]) -> Exported:
    draft.mkdir()
    tables = [sheet for sheet in sheets(run) if not sheet.key.startswith("latents/")]
    arrays = _but_history(named_arrays(run))
    keys = []
    for array in _chosen(arrays, only, others=[sheet.key for sheet in tables]):
        np.save(_place(draft, array.key, ".npy"), array.load(), allow_pickle=False)
        keys.append(array.key)
    for sheet in tables:
        if _matches(sheet.key, only):
            _write_csv(_place(draft, sheet.key, ".csv"), sheet.load())
            keys.append(sheet.key)
    for name, text in _texts(run).items():
        (draft / name).write_text(text, encoding="utf-8")
    return Exported(path=target, keys=tuple(keys), left_out={})


def _but_history(arrays: Iterable[NamedArray]) -> list[NamedArray]:
    """Steps and values of a history read better as one sheet."""
    return [array for array in arrays if not array.key.startswith("history/")]


def _write_csv(path: Path, rows: Rows) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows(map(_cells, rows[1]))


def _cells(row: Iterable[object]) -> list[object]:
    """Numbers in the fewest digits that give them back in their own precision."""
    return ["" if cell is None else str(cell) if isinstance(cell, np.generic) else cell for cell in row]


def _place(folder: Path, key: str, ending: str) -> Path:
    *above, name = map(encode_name, key.split("/"))
    path = folder.joinpath(*above, f"{name}{ending}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _texts(run: StoredRun) -> dict[str, str]:
    with Folder.open(run.folder) as folder:
        found = {RUN_FILE: folder.read(RUN_FILE).decode()}
        return found | {SPEC_FILE: run.spec_text} if folder.kind(SPEC_FILE) == "file" else found


def _chosen(arrays: Iterable[NamedArray], only: Sequence[str], others: Sequence[str] = ()) -> list[NamedArray]:
    """The arrays that match; others are keys that may match instead."""
    everything = list(arrays)
    chosen = [array for array in everything if _matches(array.key, only)]
    if not chosen and not any(_matches(key, only) for key in others):
        there = ", ".join(sorted([array.key for array in everything] + list(others)))
        raise UsageError(f"nothing in the run matches {' or '.join(map(repr, only))}; there are: {there}")
    return chosen


def _matches(key: str, only: Sequence[str]) -> bool:
    return not only or any(fnmatch.fnmatchcase(key, pattern) for pattern in only)
