"""Samples: the columns, ids, factors and splits that a dataset hands to a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NoReturn

import attrs
import numpy as np
import torch

from identify_core.data import fingerprint_cache
from identify_core.data.fingerprints import Column, column_bytes, fingerprint_rows
from identify_core.data.mapped import MappedColumn
from identify_core.errors import OptionsError
from identify_core.factor_kinds import FactorKind
from identify_core.findings import LabelledArray
from identify_core.kinds import fits


class MissingPartError(OptionsError, KeyError):
    """The samples of a dataset lack a split or a column that a component needs."""

    __str__ = Exception.__str__  # a KeyError shows its message in quotes


class _Splits(dict[str, np.ndarray[Any, Any]]):
    """Name to row numbers; a name that is not there is an error that a user can act on."""

    def __missing__(self, name: str) -> NoReturn:
        there = ", ".join(sorted(self)) or "none"
        raise MissingPartError(f"the samples have no split {name!r}; there are: {there}", hint="choose another dataset")


def _arrays(values: Mapping[str, Any]) -> _Splits:
    return _Splits({name: np.asarray(value) for name, value in values.items()})


@attrs.frozen(kw_only=True, eq=False)
class Factor:
    """A ground-truth factor of variation.

    Args:
        values: one value a sample, shape (n,).
        kind: how the values are to be read; `circular` values are in radians.
        guessed: whether nobody said the kind and the values leave it in doubt.
    """

    values: np.ndarray[Any, Any] = attrs.field(converter=np.asarray)
    kind: FactorKind = attrs.field(validator=fits(FactorKind))
    guessed: bool = False

    def rows(self, rows: np.ndarray[Any, Any]) -> Factor:
        """The factor of the given rows, in the given order."""
        return attrs.evolve(self, values=self.values[rows])

    @values.validator
    def _one_dimension(self, _: object, values: np.ndarray[Any, Any]) -> None:
        if values.ndim != 1:
            raise ValueError(f"a factor has one value a sample, not an array of shape {values.shape}")


@attrs.frozen(kw_only=True)
class Shape:
    """The sizes of one sample, from which a model is built.

    Args:
        inputs: shape of one input without the sample axis; empty for text.
        outputs: shape of one target without the sample axis; empty where there is none.
        columns: name to the shape of one row, of every column that holds numbers.
        factors: name to the number of different values, of every ground-truth factor in its order: a model may have
            twice as many latents as there are, `2 * len(shape.factors)`.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    columns: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict)
    factors: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Samples:
    """Everything that a run knows about its data.

    By convention the column `x` holds a model's inputs and `y` its targets; a dataset may add any others. NaN in `y` is
    a missing target; anything else is finite.

    Args:
        columns: name to tensor of shape (n, ...), to a `MappedColumn` of a file, or to a tuple of n strings.
        ids: one unique id a sample, integers or strings, shape (n,); runs are lined up on them.
        splits: name to row numbers, 1-D integer arrays; `train` and `test` by convention. Rows may be in no split.
            A name that is not there raises an OptionsError that lists the others.
        factors: ground truth, each of n values.
        truths: what is known of the data besides its rows, by name: a mixing matrix, an indicator of each task.
        facts: small plain values to keep with the run (sizes, normalisers, energies).
        known_inputs: whether the columns hold what the models see, so that other runs can tell equal samples by them.

    Raises:
        ValueError: lengths differ, ids repeat, or a split names a row that does not exist.
    """

    columns: Mapping[str, Column]
    ids: np.ndarray[Any, Any] = attrs.field(converter=np.asarray)
    splits: Mapping[str, np.ndarray[Any, Any]] = attrs.field(converter=_arrays)
    factors: Mapping[str, Factor] = attrs.field(factory=dict)
    truths: Mapping[str, LabelledArray] = attrs.field(factory=dict)
    facts: Mapping[str, float | int | str | bool] = attrs.field(factory=dict)
    known_inputs: bool = True

    def __attrs_post_init__(self) -> None:
        if self.ids.ndim != 1 or self.ids.dtype.kind not in "iuU":
            raise ValueError(
                f"ids are integers or strings, one a sample, not {self.ids.dtype} of shape {self.ids.shape}"
            )
        if not self.columns:
            raise ValueError("samples need at least one column")
        for name, column in self.columns.items():
            if len(column) != len(self):
                raise ValueError(f"column {name!r} has {len(column)} rows, but there are {len(self)} ids")
        for name, factor in self.factors.items():
            if len(factor.values) != len(self):
                raise ValueError(f"factor {name!r} has {len(factor.values)} values, but there are {len(self)} ids")
        if len(np.unique(self.ids)) != len(self):
            raise ValueError("sample ids repeat; runs are lined up on them, so each must be unique")
        for name, rows in self.splits.items():
            if (
                rows.ndim != 1
                or rows.dtype.kind not in "iu"
                or (len(rows) and not 0 <= rows.min() <= rows.max() < len(self))
            ):
                raise ValueError(f"split {name!r} must hold row numbers from 0 to {len(self) - 1}")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def shape(self) -> Shape:
        """The sizes of one row of each column, and of the factors; a one-dimensional `y` counts as one output."""
        columns = {name: tuple(each.shape[1:]) for name, each in self.columns.items() if not isinstance(each, tuple)}
        outputs = columns.get("y", ())
        if "y" in self.columns and not outputs:
            outputs = (1,)
        factors = {name: len(np.unique(each.values)) for name, each in self.factors.items()}
        return Shape(inputs=columns.get("x", ()), outputs=outputs, columns=columns, factors=factors)

    def numbers(self, name: str) -> torch.Tensor | MappedColumn:
        """The column `name`, which must hold numbers, where it is: in memory or in its file.

        `fit` and `Replicates.encode` take either.

        Raises:
            OptionsError: there is no such column, or it holds strings (it is a KeyError, too).
        """
        column = self.columns.get(name)
        if column is None or isinstance(column, tuple):
            others = sorted(key for key, value in self.columns.items() if not isinstance(value, tuple))
            what = "column" if column is None else "column of numbers"
            there = ", ".join(others) or "none"
            raise MissingPartError(
                f"the samples have no {what} {name!r}; there are: {there}", hint="choose another dataset"
            )
        return column

    def tensor(self, name: str) -> torch.Tensor:
        """The column `name`, which must hold numbers; one that is mapped is read into memory, on the CPU.

        Raises:
            OptionsError: there is no such column, or it holds strings (it is a KeyError, too).
        """
        column = self.numbers(name)
        return column.take(slice(0, len(column))) if isinstance(column, MappedColumn) else column

    def split(self, name: str) -> Samples:
        """The rows of one split, as Samples of their own.

        Raises:
            OptionsError: there is no such split (it is a KeyError, too).
        """
        rows = self.splits[name]
        return self.rows(rows, splits={name: np.arange(len(rows))})

    def rows(self, rows: np.ndarray[Any, Any], *, splits: Mapping[str, np.ndarray[Any, Any]] | None = None) -> Samples:
        """The given rows, in the given order; without splits unless they are given. Mapped columns are not read."""
        index = torch.as_tensor(np.ascontiguousarray(rows), dtype=torch.long)

        def take(column: Column) -> Column:
            if isinstance(column, MappedColumn):
                return column.rows(rows)
            if isinstance(column, torch.Tensor):
                return column[index.to(column.device)]
            return tuple(column[i] for i in rows.tolist())

        return Samples(
            columns={name: take(column) for name, column in self.columns.items()},
            ids=self.ids[rows],
            splits=splits or {},
            factors={name: each.rows(rows) for name, each in self.factors.items()},
            truths=self.truths,
            facts=self.facts,
            known_inputs=self.known_inputs,
        )

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Samples:
        """The same samples with their tensors on `device`; floating-point ones in `dtype` if it is given.

        Mapped columns stay in their files: what reads their rows says where they go.
        """

        def move(column: Column) -> Column:
            if not isinstance(column, torch.Tensor):
                return column
            return column.to(device=device, dtype=dtype if dtype is not None and column.is_floating_point() else None)

        return attrs.evolve(self, columns={name: move(column) for name, column in self.columns.items()})

    @cached_property
    def row_fingerprints(self) -> np.ndarray[Any, Any]:
        """A hash of each sample's inputs, uint64 (n,); see `fingerprint_rows`."""
        key = self._cache_key("rows")
        found = fingerprint_cache.recall(key, np.uint64, len(self)) if key else None
        if found is None:
            found = fingerprint_rows(self.columns, len(self))
            if key:
                fingerprint_cache.keep(key, found)
        return found

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 of the content: equal exactly where columns, ids, factors, truths and splits are."""
        key = self._cache_key("content")
        found = fingerprint_cache.recall(key, np.uint8, 32) if key else None
        if found is None:
            digest = hashlib.sha256()
            for part in self._content():
                digest.update(part)
            found = np.frombuffer(digest.digest(), dtype=np.uint8)
            if key:
                fingerprint_cache.keep(key, found)
        return found.tobytes().hex()

    def _cache_key(self, what: str) -> str:
        """The name under which a fingerprint is kept: of all that is in memory and of what tells the files apart.

        Empty where no column is mapped, or a file changed a moment ago.
        """
        mapped = {name: each for name, each in self.columns.items() if isinstance(each, MappedColumn)}
        told = {name: fingerprint_cache.identity(each) for name, each in mapped.items()}
        if not told or None in told.values():
            return ""
        digest = hashlib.sha256(f"{what}|format 1|{sorted(told.items())}|".encode())
        for part in self._content(without=frozenset(told)):
            digest.update(part)
        return digest.hexdigest()

    def _content(self, without: frozenset[str] = frozenset()) -> Iterator[bytes | memoryview]:
        """All that the fingerprint is made of, in one order; without some columns."""

        def array(label: str, values: np.ndarray[Any, Any]) -> Iterator[bytes]:
            values = np.ascontiguousarray(values)
            yield f"{label}|{values.dtype.str}|{values.shape}|".encode()
            yield values.tobytes()

        yield from array("ids", self.ids)
        for name in sorted(set(self.columns) - without):
            column = self.columns[name]
            if isinstance(column, tuple):
                yield f"column {name}|text|{len(column)}|".encode()
                for text in column:
                    encoded = text.encode()
                    yield f"{len(encoded)}:".encode() + encoded
            else:
                head, blocks = column_bytes(column)
                yield f"column {name}|{head}".encode()
                yield from blocks
        for name in sorted(self.factors):
            yield from array(f"factor {name} {self.factors[name].kind}", self.factors[name].values)
        for name in sorted(self.truths):
            yield from array(f"truth {name} {self.truths[name].dimensions}", self.truths[name].values)
        for name in sorted(self.splits):
            yield from array(f"split {name}", self.splits[name].astype(np.int64))
