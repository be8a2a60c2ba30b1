"""Samples: the columns, ids, factors and splits that a dataset hands to a run; Latents: what an objective keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch

from identify_core.errors import OptionsError
from identify_core.factor_kinds import FactorKind
from identify_core.findings import LabelledArray
from identify_core.kinds import fits

Column = torch.Tensor | tuple[str, ...]


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
        truths: what is known of the data beside its rows, by name: a mixing matrix, an indicator of each task.
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
                add(f"column {name}", _numpy_bits(column))
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


def fingerprint_rows(columns: Mapping[str, Column], count: int) -> np.ndarray[Any, Any]:
    """A 64-bit hash of each sample's content, with which two runs tell whether equal ids mean equal samples.

    Floating-point numbers are hashed in float32, so that runs in different precision agree. Each row is a sum of its
    32-bit words times fixed odd multipliers (multiply-shift hashing, Dietzfelbinger et al. 1997): unequal rows collide
    with a probability of about 2⁻⁶³.

    Args:
        columns: name to tensor (n, ...) or strings; where there is an `x`, it alone counts.
        count: n.

    Returns:
        uint64, shape (n,).
    """
    hashes = np.zeros(count, dtype=np.uint64)
    for name in ["x"] if "x" in columns else sorted(columns):
        column = columns[name]
        if isinstance(column, torch.Tensor):
            floating = column.is_floating_point()
            words = column.detach().to("cpu", torch.float32 if floating else torch.int64).reshape(count, -1).numpy()
            lanes = np.ascontiguousarray(words).view(np.uint32).reshape(count, -1)
            hashes = _mix(hashes, lanes)
        else:
            digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in column)
            hashes = _mix(hashes, np.frombuffer(digests, dtype=np.uint32).reshape(count, 2))
    return hashes


def _mix(hashes: np.ndarray[Any, Any], lanes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    width = lanes.shape[1]
    random = np.random.Generator(np.random.PCG64(0x1DE27F))
    multipliers = random.integers(0, 2**63, size=width, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    total = np.full(len(lanes), width, dtype=np.uint64) + hashes * np.uint64(0x9E3779B97F4A7C15)
    for start in range(0, width, 256):  # the products of a block of columns at a time: memory does not grow with width
        block = lanes[:, start : start + 256].astype(np.uint64) * multipliers[start : start + 256]
        total += block.sum(axis=1, dtype=np.uint64)
    return total


def _numpy_bits(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype is torch.bfloat16:  # numpy has no bfloat16; its bits identify it as well
        return tensor.view(torch.uint16).numpy()
    array: np.ndarray[Any, Any] = tensor.numpy()
    return array


@attrs.frozen(kw_only=True, eq=False)
class Latents:
    """Representations that an objective wants kept.

    Args:
        name: lower-case words joined by hyphens, such as `hidden-1`.
        values: (R, n, d), or one (n, d_r) tensor a replicate where widths differ.
        ids: ids of the n samples; None for `samples.ids[samples.splits[split]]`.
        split: the split that the rows are, as a name.
        identified_up_to: the rung that theory claims for them; empty where it claims nothing.
        summary: what they are, in a few words.
        names: what the replicates are called, R different names, where they are more than numbers: `bert-large`. They
            stand in every table and figure instead of the numbers.
    """

    name: str
    values: torch.Tensor | Sequence[torch.Tensor]
    split: str
    ids: np.ndarray[Any, Any] | None = None
    identified_up_to: str = ""
    summary: str = ""
    names: tuple[str, ...] = attrs.field(default=(), converter=tuple)

    def __attrs_post_init__(self) -> None:
        sound = all(name and not set(name) & set("[]") for name in self.names)
        if self.names and not (sound and len(self.names) == self.count == len(set(self.names))):
            raise OptionsError(
                f"the latents {self.name!r} of {self.count} replicates are called {', '.join(map(repr, self.names))}",
                hint="give each replicate a name of its own, without brackets, or none to all",
            )

    @property
    def count(self) -> int:
        """The number of replicates, R."""
        return len(self.values)
