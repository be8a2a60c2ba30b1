"""The door: references to arrays outside the store become representations, with ids, factors and axes by one rule."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import attrs
import numpy as np

from identify_core.comparisons.foreign.axes import Reading, parse_axes, readings
from identify_core.comparisons.foreign.dissimilarities import (
    dissimilarity_readings,
    looks_like_dissimilarities,
    looks_like_triangle,
)
from identify_core.comparisons.foreign.factors import named_factors, refuse_strangers, split_factor
from identify_core.comparisons.foreign.locations import Located, locate
from identify_core.comparisons.foreign.numbers import check_real
from identify_core.comparisons.foreign.recognition import FORMATS, like_another, recognise
from identify_core.comparisons.foreign.record import Array, ForeignArray
from identify_core.comparisons.foreign.tables import Table, open_parquet, open_text_table
from identify_core.data import Factor
from identify_core.data.sample_ids import Ids, normal_ids
from identify_core.errors import UsageError
from identify_core.evaluation.subjects import Holds, Representation
from identify_core.suggestions import did_you_mean

TakenAs = Literal["representations", "symbols", "dissimilarities"]

_OPENERS = {
    "npy": "numpy_files:open_npy",
    "npz": "numpy_files:open_npz",
    "zarr": "zarr_stores:open_zarr",
    "safetensors": "tensors:open_safetensors",
    "pt": "tensors:open_pt",
    "hdf5": "hdf5:open_hdf5",
    "mat": "matlab:open_mat",
}
_ID_HEADERS = ("id", "ids", "sample", "samples", "sample_id", "sample id")


def _as_several(said: str | Sequence[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


@attrs.frozen(kw_only=True)
class Terms:
    """How arrays from outside are read.

    Args:
        axes: `sample,layer,latent`: what the axes of arrays of as many axes are; empty where the files say it.
        ids: a column of the tables or a file, for all arrays, or `ARRAY=FILE` for one of them.
        factors: ground truth as `NAME[:KIND]=ARRAY`, or `COLUMN[:KIND]` of the tables.
        taken_as: what the arrays hold, for all of them or as `ARRAY=KIND` for one: `representations` of numbers,
            `symbols` of which only whether two are the same counts, or `dissimilarities`. Where nothing is said, square
            symmetric matrices are guessed to be dissimilarities and all else numbers.
    """

    axes: str = ""
    ids: Sequence[str] = ()
    factors: Sequence[str] = ()
    taken_as: Sequence[str] = attrs.field(default=(), converter=_as_several)

    def kind_of(self, reference: str) -> TakenAs | None:
        """What was said of one array; None for nothing."""
        own = [each.removeprefix(f"{reference}=") for each in self.taken_as if each.startswith(f"{reference}=")]
        general = [each for each in self.taken_as if "=" not in each]
        kinds = own or general
        if len(kinds) > 1:
            raise UsageError(f"--as is given {len(kinds)} times for {reference}", hint=f"--as {reference}=KIND")
        for kind in get_args(TakenAs):
            if kinds == [kind]:
                return kind  # type: ignore[no-any-return]
        if kinds:
            raise UsageError(
                f"--as {kinds[0]!r} is not a kind of arrays", hint=did_you_mean(kinds[0], get_args(TakenAs))
            )
        return None


@attrs.frozen(kw_only=True)
class Opened:
    """What one reference gave.

    Args:
        reference: as the user wrote it.
        readings: its representations.
        ids: of the rows; None where nothing gives them.
        factors: ground truth of the rows.
        holds: what the readings are.
        undeclared: whether they are integers that were taken for numbers because nothing was said.
        remark: what was guessed, to be said to the user; empty for nothing.
    """

    reference: str
    readings: tuple[Reading, ...]
    ids: Ids | None
    factors: Mapping[str, Factor]
    holds: Holds = "latents"
    undeclared: bool = False
    remark: str = ""

    @property
    def rows(self) -> int:
        """How many rows each of its representations has."""
        return self.readings[0].shape[0]

    def representations(self) -> tuple[Representation, ...]:
        """As evaluators take them."""
        label = self.reference.partition("[")[0] if self.readings[0].coordinates else self.reference
        return tuple(
            Representation(
                label=f"{label}{each.suffix}",
                run_id="",
                latents=Path(self.reference).name,
                replicate=number,
                ids=np.arange(self.rows) if self.ids is None else self.ids,
                identified_up_to="",
                shape=each.shape,
                load_rows=each.load_rows,
                factors=self.factors,
                has_ids=self.ids is not None,
                holds=self.holds,
                undeclared=self.undeclared,
            )
            for number, each in enumerate(self.readings)
        )


def open_outside(sources: Sequence[str | ForeignArray], terms: Terms | None = None) -> list[Opened]:
    """Open arrays outside the store; metadata and ids are read, and of tables everything.

    Args:
        sources: a file, `file:key`, `c.zarr/path`, each with `[layer=7]` behind it for one of several; or an array in
            memory.
        terms: how they are read.

    Raises:
        UsageError: one of them cannot be read, or the terms do not fit; the message says what to do.
    """
    terms = terms or Terms()
    axes = parse_axes(terms.axes)
    leave_out = [split_factor(each)[0] for each in terms.factors if "=" not in each]
    leave_out += [each for each in terms.ids if "=" not in each and not _is_file(each)]
    arrays = [_source(each, leave_out) for each in sources]
    if axes and not any(len(array.shape) == len(axes) for _, _, array in arrays):
        shapes = ", ".join(f"{array.name} has {len(array.shape)}" for _, _, array in arrays)
        raise UsageError(f"--axes {terms.axes} names {len(axes)} axes, but {shapes}")
    refuse_strangers(terms.factors, [array for _, _, array in arrays])
    references = [reference for reference, _, _ in arrays]
    said = [terms.kind_of(each) for each in references]
    _refuse_unnamed(terms.taken_as, references)
    guesses = _guess(said, axes, [array for _, _, array in arrays])
    return [
        _open_one(reference, located, array, axes, terms, guess)
        for (reference, located, array), guess in zip(arrays, guesses, strict=True)
    ]


def _open_one(
    reference: str, located: Located, array: ForeignArray, axes: Sequence[str], terms: Terms, guess: tuple[Holds, str]
) -> Opened:
    holds, remark = guess
    square = holds == "dissimilarities"
    found = dissimilarity_readings(array, axes) if square else readings(array, axes, located.coordinates)
    if square and located.coordinates:
        found = [each for each in found if dict(each.coordinates) == located.coordinates]
        if not found:
            raise UsageError(f"{reference!r} names no matrix of {array.name}")
    rows = found[0].shape[0]
    ids = _ids_of(reference, array, terms.ids)
    if ids is not None and len(ids) != rows:
        raise UsageError(f"there are {len(ids)} ids for the {rows} rows of {reference}")
    return Opened(
        reference=reference,
        readings=tuple(found),
        ids=ids,
        factors=named_factors(terms.factors, array, rows, read_values),
        holds=holds,
        undeclared=array.is_integral and not square and terms.kind_of(reference) is None,
        remark=remark,
    )


def _source(source: str | ForeignArray, leave_out: Sequence[str]) -> tuple[str, Located, ForeignArray]:
    if isinstance(source, ForeignArray):
        return source.name, Located(path=Path(source.name)), source
    located = _located(source)
    return source, located, open_foreign(located, leave_out=leave_out)


def _refuse_unnamed(taken_as: Sequence[str], references: Sequence[str]) -> None:
    for each in taken_as:
        if "=" in each and not any(each.startswith(f"{reference}=") for reference in references):
            raise UsageError(f"--as {each!r} is of none of the arrays", hint=f"they are: {', '.join(references)}")


def _guess(
    said: Sequence[TakenAs | None], axes: Sequence[str], arrays: Sequence[ForeignArray]
) -> list[tuple[Holds, str]]:
    """For each array what it holds, and what to say of that where it was guessed."""
    looks = [
        kind == "dissimilarities" if kind else not axes and looks_like_dissimilarities(array)
        for kind, array in zip(said, arrays, strict=True)
    ]
    square = "is square and symmetric with a zero diagonal"
    guesses: list[tuple[Holds, str]] = []
    for kind, array, look in zip(said, arrays, looks, strict=True):
        side = looks_like_triangle(array)
        if kind:
            guesses.append(("latents" if kind == "representations" else kind, ""))
        elif all(looks):
            remark = f"{square}: taken as dissimilarities; --as representations takes it as latents"
            guesses.append(("dissimilarities", f"{array.name} {remark}"))
        elif look:
            others = "dissimilarities compare with one another alone"
            guesses.append(("latents", f"{array.name} {square}, but is taken as latents, as the others are; {others}"))
        elif side and not axes:
            remark = (
                f"{array.name} is taken as one latent of {array.shape[0]} samples; if it is the upper triangle of "
                f"{side} × {side} dissimilarities, say --as dissimilarities"
            )
            guesses.append(("latents", remark))
        else:
            guesses.append(("latents", ""))
    return guesses


def _located(reference: str) -> Located:
    located = locate(reference)
    if located is None:
        raise UsageError(f"there is no file {reference}", hint=like_another(Path(reference)) or FORMATS)
    return located


def _is_file(text: str) -> bool:
    located = locate(text)
    return located is not None and located.path.exists()


def open_foreign(located: Located, *, leave_out: Sequence[str] = ()) -> ForeignArray:
    """The array that a reference names, of real numbers.

    Args:
        located: the reference, taken apart.
        leave_out: columns of tables that are not latents.

    Raises:
        UsageError: it cannot be read, or holds something else.
    """
    opened = _open(located)
    if isinstance(opened, Table):
        return opened.latents(located.key, leave_out=leave_out)
    if opened.dtype.startswith(("<U", ">U", "|S", "object")):
        check_real(np.dtype("O" if opened.dtype == "object" else opened.dtype), opened.name)
    return opened


def _open(located: Located) -> ForeignArray | Table:
    format_ = recognise(located.path)
    if format_ in ("text", "parquet"):
        return open_text_table(located.path) if format_ == "text" else open_parquet(located.path)
    module, _, name = _OPENERS[format_].partition(":")
    opener: Callable[[Path, str], ForeignArray] = getattr(importlib.import_module(f"{__package__}.{module}"), name)
    return opener(located.path, located.key)


def read_values(reference: str) -> dict[str, Array]:
    """Ids or factors from a file: numbers or text, by column where it is a table.

    Raises:
        UsageError: there is no such file or column.
    """
    located = _located(reference)
    opened = _open(located)
    if isinstance(opened, ForeignArray):
        return {"": opened.whole()}
    names = [located.key] if located.key in opened.names else located.key.split(",") if located.key else opened.names
    for name in names:
        if name not in opened.names:
            raise UsageError(f"{located.path} has no column {name!r}", hint=did_you_mean(name, opened.names))
    return {name: opened.column(name) for name in names}


def read_ids(reference: str | Path) -> Ids:
    """Sample ids: a column of a table, an array of integers or text, or a text file with one a line.

    Raises:
        UsageError: the file is missing, or its ids repeat or are neither integers nor text.
    """
    located = _located_ids(str(reference))
    name = str(reference)
    if located.path.is_file() and located.path.suffix.lower() not in (".csv", ".tsv", ".gz"):
        lines = _text_lines(located.path)
        if lines is not None:
            return normal_ids(np.asarray(lines, dtype=np.str_), name)
    opened = _open(located)
    if isinstance(opened, ForeignArray):
        return normal_ids(opened.whole(), name)
    if not located.key and len(opened.names) == 1:
        header, values = opened.names[0], opened.text(opened.names[0])
        headed = header.lower() in _ID_HEADERS or header == "column-1"
        return normal_ids(values if headed else np.concatenate([[header], values.astype(np.str_)]), name)
    column = located.key or opened.default_ids()
    if column not in opened.names:
        raise UsageError(
            f"{located.path} has no column {column!r}" if column else f"{located.path} has no column of ids",
            hint=f"say which, as in {located.path}:{opened.names[0]}",
        )
    return normal_ids(opened.text(str(column)), name)


def _located_ids(reference: str) -> Located:
    located = locate(reference)
    if located is None or not located.path.exists():
        raise UsageError(
            f"there is no file {reference if located is None else located.path}",
            hint="--ids takes a column of the tables, or a file: .npy, csv:column, or text with one id a line",
        )
    return located


def _text_lines(path: Path) -> list[str] | None:
    """The lines of a text file; None where it is not text but some format of arrays."""
    try:
        recognise(path)
    except UsageError:
        pass
    else:
        return None
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) and len(content) % 2 == 0 else "utf-8-sig"
    try:
        lines = content.decode(encoding).splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text in UTF-8") from error
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _ids_of(reference: str, array: ForeignArray, given: Sequence[str]) -> Ids | None:
    """The ids that the user gave for an array, else those that its file holds."""
    own = [text for text in given if text.startswith(f"{reference}=")]
    general = [text for text in given if "=" not in text or _is_file(text)]
    if len(own) > 1 or (not own and len(general) > 1):
        raise UsageError(f"--ids is given {len(own or general)} times for {reference}", hint=f"--ids {reference}=FILE")
    if own:
        return read_ids(own[0].removeprefix(f"{reference}="))
    if general and not _is_file(general[0]) and general[0] in array.columns:
        return normal_ids(array.columns[general[0]](), f"the column {general[0]!r} of {array.name}")
    if general:
        return read_ids(general[0])
    return None if array.ids is None else normal_ids(array.ids(), f"the ids of {array.name}")
