"""Samples: the columns, ids, factors and splits that a dataset hands to a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import torch

from identify_core.data.fingerprints import Column, fingerprint_rows, numpy_bits
from identify_core.factor_kinds import FactorKind
from identify_core.findings import LabelledArray
from identify_core.kinds import fits


def _arrays(values: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    return {name: np.asarray(value) for name, value in values.items()}


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
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@attrs.frozen(kw_only=True, eq=False)
class Samples:
    """Everything that a run knows about its data.

    By convention the column `x` holds a model's inputs and `y` its targets; a dataset may add any others. NaN in `y` is
    a missing target; anything else is finite.

    Args:
        columns: name to tensor of shape (n, ...), or to a tuple of n strings.
        ids: one unique id a sample, integers or strings, shape (n,); runs are lined up on them.
        splits: name to row numbers, 1-D integer arrays; `train` and `test` by convention. Rows may be in no split.
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

    @property
    def shape(self) -> Shape:
        """The sizes of one row of `x` and of `y`; a one-dimensional `y` counts as one output."""

        def one(name: str) -> tuple[int, ...]:
            column = self.columns.get(name)
            return tuple(column.shape[1:]) if isinstance(column, torch.Tensor) else ()

        outputs = one("y")
        if "y" in self.columns and not outputs:
            outputs = (1,)
        return Shape(inputs=one("x"), outputs=outputs)

    def tensor(self, name: str) -> torch.Tensor:
        """The column `name`, which must hold numbers.

        Raises:
            KeyError: there is no such column, or it holds strings.
        """
        column = self.columns.get(name)
        if not isinstance(column, torch.Tensor):
            tensors = sorted(key for key, value in self.columns.items() if isinstance(value, torch.Tensor))
            raise KeyError(f"no tensor column {name!r}; there are: {', '.join(tensors)}")
        return column

    def split(self, name: str) -> Samples:
        """The rows of one split, as Samples of their own."""
        if name not in self.splits:
            raise KeyError(f"no split {name!r}; there are: {', '.join(sorted(self.splits))}")
        return self.rows(self.splits[name], splits={name: np.arange(len(self.splits[name]))})

    def rows(self, rows: np.ndarray[Any, Any], *, splits: Mapping[str, np.ndarray[Any, Any]] | None = None) -> Samples:
        """The given rows, in the given order; without splits unless they are given."""
        index = torch.as_tensor(rows, dtype=torch.long)

        def take(column: Column) -> Column:
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
        """The same samples with their tensors on `device`; floating-point ones in `dtype` if it is given."""

        def move(column: Column) -> Column:
            if not isinstance(column, torch.Tensor):
                return column
            return column.to(device=device, dtype=dtype if dtype is not None and column.is_floating_point() else None)

        return attrs.evolve(self, columns={name: move(column) for name, column in self.columns.items()})

    @property
    def row_fingerprints(self) -> np.ndarray[Any, Any]:
        """A hash of each sample's inputs, uint64 (n,); see `fingerprint_rows`."""
        return fingerprint_rows(self.columns, len(self))

    @property
    def fingerprint(self) -> str:
        """A SHA-256 of the content: equal exactly where columns, ids, factors, truths and splits are."""
        digest = hashlib.sha256()

        def add(label: str, array: np.ndarray[Any, Any]) -> None:
            contiguous = np.ascontiguousarray(array)
            digest.update(f"{label}|{contiguous.dtype.str}|{contiguous.shape}|".encode())
            digest.update(contiguous.tobytes())

        add("ids", self.ids)
        for name in sorted(self.columns):
            column = self.columns[name]
            if isinstance(column, torch.Tensor):
                add(f"column {name}", numpy_bits(column))
            else:
                digest.update(f"column {name}|text|{len(column)}|".encode())
                for text in column:
                    encoded = text.encode()
                    digest.update(f"{len(encoded)}:".encode())
                    digest.update(encoded)
        for name in sorted(self.factors):
            add(f"factor {name} {self.factors[name].kind}", self.factors[name].values)
        for name in sorted(self.truths):
            add(f"truth {name} {self.truths[name].dimensions}", self.truths[name].values)
        for name in sorted(self.splits):
            add(f"split {name}", self.splits[name].astype(np.int64))
        return digest.hexdigest()
