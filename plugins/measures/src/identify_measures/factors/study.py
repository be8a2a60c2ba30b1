"""Study: latents and factors of the same samples, and which of the rows predictors are fitted on and judged on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import torch

from identify_measures.factors.truth import Array, Kinds, TrueFactor, as_truth
from identify_measures.holding_out import draw_distinct, hold_out, shuffle_distinct
from identify_measures.inputs import InputError, as_matrix
from identify_measures.repeats import caution, count_groups, fingerprint, groups_of

LEAST_ROWS = 4
_NAMED = 10  # up to so many factors are named in the result


@attrs.frozen(kw_only=True, eq=False)
class Study:
    """What a measure against factors is computed from.

    Args:
        codes: latents less their mean, float64, shape (n, d); symbols as they came.
        truth: factors of the same rows that take more than one value.
        train: rows that predictors are fitted on.
        test: rows that judge them.
        device: where the latents came from, and counting is done.
        dtype: the type that they came in.
        notes: what could mislead about the data.
        split: in words, how train and test rows were told apart.
        groups: which rows are equal, latents and factors together, shape (n,); None where all rows differ.
        symbols: whether latents are symbols, of which only whether two are the same counts.
    """

    codes: Array
    truth: tuple[TrueFactor, ...]
    train: Array
    test: Array
    device: torch.device
    dtype: str
    notes: tuple[str, ...]
    split: str
    groups: Array | None = None
    symbols: bool = False

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.codes)

    @property
    def distinct(self) -> int:
        """Distinct rows."""
        return self.n if self.groups is None else len(np.unique(self.groups))

    @property
    def read(self) -> str:
        """In words, as what the factors were read."""
        kinds = dict.fromkeys(factor.kind for factor in self.truth)
        named = {kind: [factor.name for factor in self.truth if factor.kind == kind] for kind in kinds}
        few = len(self.truth) <= _NAMED
        said = (f"{', '.join(names)} {kind}" if few else f"{len(names)} {kind}" for kind, names in named.items())
        return f"factors read as {'; '.join(said)}" if self.truth else ""

    @property
    def width(self) -> int:
        """Latents."""
        return int(self.codes.shape[1])

    @property
    def not_split(self) -> str:
        """Why there are no rows both to fit on and to judge on; empty where there are."""
        if self.distinct >= LEAST_ROWS:
            return ""
        return f"the {self.n} rows are {self.distinct} distinct ones; {LEAST_ROWS} are needed to fit and to judge"

    def states(self) -> Array:
        """Each latent's symbols numbered from 0 upwards in their order, shape (n, d)."""
        return np.stack([np.unique(column, return_inverse=True)[1].reshape(-1) for column in self.codes.T], axis=1)

    def columns(self) -> tuple[Array, Array]:
        """What predictors take, shape (n, c), and the latent that each column is of, shape (c,).

        Numbers are columns themselves; of symbols each one has a column, 1 where the latent is that symbol.
        """
        if not self.symbols:
            return self.codes, np.arange(self.width)
        states = self.states()
        counts = states.max(axis=0) + 1
        columns = np.concatenate([np.eye(count)[state] for count, state in zip(counts, states.T, strict=True)], axis=1)
        return columns, np.repeat(np.arange(self.width), counts)

    def fitted(self) -> Array:
        """The columns of the train rows."""
        rows: Array = self.columns()[0][self.train]
        return rows

    def judged(self) -> Array:
        """The columns of the test rows."""
        rows: Array = self.columns()[0][self.test]
        return rows

    def shuffled(self, generator: np.random.Generator) -> Study:
        """The same factors, paired with the latents at random, those of equal rows with equal rows."""
        order = shuffle_distinct(self.n, self.groups, generator)
        return attrs.evolve(self, truth=tuple(factor.take(order) for factor in self.truth))

    def resampled(self, generator: np.random.Generator) -> Study:
        """Distinct rows drawn with replacement, each with its repeats, train rows from train rows, test from test."""
        return self._taken(*(draw_distinct(rows, self.groups, generator) for rows in (self.train, self.test)))

    def halved(self, generator: np.random.Generator) -> Study:
        """Half of the distinct rows, drawn without replacement, each with its repeats; train and test rows as before.

        Factors that vary in all rows and not in this half are left out of it.
        """
        groups = np.arange(self.n) if self.groups is None else np.unique(self.groups, return_inverse=True)[1]
        count = int(groups.max()) + 1
        kept = (generator.permutation(count) < count // 2)[groups.reshape(-1)]
        half = self._taken(*(rows[kept[rows]] for rows in (self.train, self.test)))
        return attrs.evolve(half, truth=tuple(factor for factor in half.truth if factor.varies))

    def _taken(self, train: Array, test: Array) -> Study:
        rows = np.concatenate([train, test])
        return attrs.evolve(
            self,
            codes=self.codes[rows],
            truth=tuple(factor.take(rows) for factor in self.truth),
            train=np.arange(len(train)),
            test=np.arange(len(train), len(rows)),
            groups=None if self.groups is None else self.groups[rows],
        )


def make_study(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    factor_bins: int = 20,
    train_fraction: float = 2 / 3,
    test_rows: Any = None,
    symbols: bool = False,
    seed: int = 0,
    name: str = "codes",
) -> Study:
    """Check latents and factors.

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: as `as_truth` takes them.
        kinds: kinds of the factors.
        factor_bins: bins of continuous and circular factors.
        train_fraction: the part of the rows to fit on, drawn at random.
        test_rows: the row numbers to judge on, all others to fit on, instead of a random split.
        symbols: whether latents are symbols.
        seed: of the split.
        name: what messages call the latents.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    matrix = as_matrix(codes, name, least_rows=LEAST_ROWS)
    truth, notes = as_truth(factors, matrix.n, kinds=kinds, bins=factor_bins)
    constant = [factor.name for factor in truth if not factor.varies]
    if constant:
        notes.append(f"left out, because all rows have the same value: {', '.join(constant)}")
    values = matrix.values.to("cpu", torch.float64).numpy()
    # Deciding before the mean is taken away: rounding would make a constant latent vary.
    dead = (values == values[:1]).all(axis=0)
    if dead.any():
        notes.append(f"{int(dead.sum())} of {matrix.width} latents are constant")
    centred = values if symbols else values - values.mean(axis=0)
    if not symbols:
        centred[:, dead] = 0.0
    groups = _equal_rows(values, truth)
    notes += caution(count_groups(groups, matrix.n), matrix.n, (name, "factors"))
    train, test, split = _split(matrix.n, train_fraction, test_rows, seed, groups)
    seen_again = 0 if groups is None else len(np.intersect1d(groups[train], groups[test]))
    if seen_again:
        notes.append(f"{seen_again} distinct rows lie both among those to fit on and among those that judge")
    return Study(
        codes=centred,
        truth=tuple(factor for factor in truth if factor.varies),
        train=train,
        test=test,
        device=matrix.values.device,
        dtype=matrix.dtype,
        notes=tuple(notes),
        split=split,
        groups=None if groups is None else groups.numpy(),
        symbols=symbols,
    )


def takes_symbols(options: object) -> bool:
    """Whether options say that latents are symbols; measures that take numbers alone have no such option."""
    return getattr(options, "latents", "numbers") == "symbols"


def _equal_rows(codes: Array, truth: Sequence[TrueFactor]) -> torch.Tensor | None:
    """Which rows are equal, in latents and factors together."""
    known = [torch.from_numpy(each.labels if each.discrete else each.targets) for each in truth]
    return groups_of(
        fingerprint(each.to(torch.float64).reshape(len(codes), -1)) for each in (torch.from_numpy(codes), *known)
    )


def _split(
    n: int, train_fraction: float, test_rows: Any, seed: int, groups: torch.Tensor | None
) -> tuple[Array, Array, str]:
    if test_rows is None:
        held = hold_out(n, train_fraction, seed=seed, groups=groups)
        what = "random distinct rows, each as often as it comes" if held.repeats else "random rows"
        text = f"fitted on {held.fit} {what}, judged on the other {held.judging}"
        return np.flatnonzero(held.fitted), np.flatnonzero(~held.fitted), text
    test = np.unique(np.asarray(test_rows))
    if test.dtype.kind not in "iu" or test.ndim != 1 or len(test) == 0 or not 0 <= test[0] <= test[-1] < n:
        raise InputError(f"test rows must be row numbers from 0 to {n - 1}, at least one")
    train = np.setdiff1d(np.arange(n), test)
    if len(train) < 2:
        raise InputError(f"{len(test)} of {n} rows to judge on leave {len(train)} to fit on; at least 2 are needed")
    return train, test, f"fitted on {len(train)} given rows, judged on the other {len(test)}"
