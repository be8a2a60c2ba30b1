"""Truth: a user's factors of variation, checked once, as classes for counting and as targets for regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from identify_core import Factor, FactorKind, UsageError, did_you_mean, doubt_of_kind, read_factor
from identify_measures.inputs import InputError

Array = np.ndarray[Any, Any]
Kinds = str | Sequence[str] | Mapping[str, str] | None

_MANY_VALUES = 0.5  # a factor with more distinct values than this part of the rows is not a set of classes


@attrs.frozen(kw_only=True, eq=False)
class TrueFactor:
    """One factor of variation.

    Args:
        name: what messages call it.
        kind: how its values are to be read.
        labels: classes from 0 upwards, shape (n,): the values of an ordinal or categorical factor, the bins of another.
        targets: what a regression predicts, shape (n, t): the values of a continuous factor, the cosine and the sine of
            a circular one; no columns for the others.
    """

    name: str
    kind: FactorKind
    labels: Array
    targets: Array

    @property
    def discrete(self) -> bool:
        """Whether its values are classes by themselves."""
        return self.kind in ("ordinal", "categorical")

    @property
    def classes(self) -> int:
        """How many classes there are, those included that a part of the rows lacks."""
        return int(self.labels.max()) + 1

    @property
    def varies(self) -> bool:
        """Whether it has more than one value."""
        moving = self.labels if self.discrete else self.targets
        return bool((moving != moving[:1]).any())

    def take(self, rows: Array) -> TrueFactor:
        """The same factor on the given rows."""
        return attrs.evolve(self, labels=self.labels[rows], targets=self.targets[rows])


def as_truth(factors: Any, n: int, *, kinds: Kinds = None, bins: int = 20) -> tuple[tuple[TrueFactor, ...], list[str]]:
    """Check the factors of n samples.

    Kinds are read by the rule of `identify_core.data.factors`: where none is said, integers, text, true and false are
    categorical and other numbers are continuous.

    Args:
        factors: a mapping of names to `Factor` or to arrays of shape (n,), or an array of shape (n, F) or (n,).
        n: rows of the representation.
        kinds: one kind for all, one a factor, or a mapping of names to kinds.
        bins: equal-width bins of continuous factors, and arcs of circular ones.

    Returns:
        The factors, and what could mislead about how they were read.

    Raises:
        InputError: they are not factors of n samples, or a kind does not exist or does not go with the values.
    """
    columns = _columns(factors)
    if not columns:
        raise InputError("there are no factors", hint="give at least one, as an array of shape (n, F) or a mapping")
    said = _said_kinds(kinds, list(columns))
    truth: list[TrueFactor] = []
    notes: list[str] = []
    for name, column in columns.items():
        one = _one(name, column, said.get(name, ""), n)
        notes += filter(None, [doubt_of_kind(name, one)])
        factor = _read(name, one, bins)
        if factor.discrete and factor.classes > _MANY_VALUES * n and factor.classes > 2:
            notes.append(
                f"factor {name!r} has {factor.classes} values on {n} rows: read as {one.kind}, it is known by heart"
            )
        truth.append(factor)
    return tuple(truth), notes


def _one(name: str, column: Any, kind: str, n: int) -> Factor:
    """A column as a factor of n values; what was said of its kind goes before what it is recorded to be."""
    values = column.values if isinstance(column, Factor) else column
    shape = np.shape(values)
    if shape != (n,):
        raise InputError(f"factor {name!r} has the shape {shape}, and there are {n} rows")
    try:
        read = read_factor(name, values, kind or (column.kind if isinstance(column, Factor) else ""))
    except UsageError as error:
        raise InputError(str(error), hint=error.hint) from error
    return attrs.evolve(read, guessed=column.guessed) if isinstance(column, Factor) and not kind else read


def _columns(factors: Any) -> dict[str, Any]:
    if isinstance(factors, Mapping):
        return {str(name): _host(column) for name, column in factors.items()}
    array = np.asanyarray(_host(factors))  # a mask is kept, so that what it hides is noticed
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(f"factors have the shape {array.shape}", hint="one column a factor: (n, F)")
    return {f"factor {j}": array[:, j] for j in range(array.shape[1])}


def _host(column: Any) -> Any:
    return column.detach().cpu().numpy() if hasattr(column, "detach") else column


def _said_kinds(kinds: Kinds, names: list[str]) -> dict[str, str]:
    said: dict[str, str] = {}
    if kinds is None:
        return said
    if isinstance(kinds, str):
        said = dict.fromkeys(names, kinds)
    elif isinstance(kinds, Mapping):
        said = dict(kinds)
        for name in said:
            if name not in names:
                raise InputError(f"there is no factor {name!r} to have a kind", hint=did_you_mean(name, names))
    else:
        if len(kinds) != len(names):
            raise InputError(f"there are {len(kinds)} kinds for {len(names)} factors")
        said = dict(zip(names, kinds, strict=True))
    return said


def _read(name: str, factor: Factor, bins: int) -> TrueFactor:
    """The classes and the targets of a factor whose values are in order."""
    values, kind = factor.values, factor.kind
    nothing = np.empty((len(values), 0))
    if kind in ("ordinal", "categorical"):
        return TrueFactor(name=name, kind=kind, labels=_compressed(values), targets=nothing)
    numbers = values.astype(np.float64)
    if kind == "circular":
        turns = np.mod(numbers, 2 * np.pi) / (2 * np.pi)
        labels = np.minimum((turns * bins).astype(np.int64), bins - 1)
        targets = np.stack([np.cos(numbers), np.sin(numbers)], axis=1)
        return TrueFactor(name=name, kind=kind, labels=_compressed(labels), targets=targets)
    low, high = float(numbers.min()), float(numbers.max())
    edges = np.linspace(low, high, bins + 1)[:-1] if high > low else np.array([low])
    labels = np.searchsorted(edges, numbers, side="right") - 1
    return TrueFactor(name=name, kind=kind, labels=_compressed(labels), targets=numbers[:, None])


def _compressed(values: Array) -> Array:
    labels: Array = np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return labels
