"""Subject: what an evaluator is given to study: representations, and for whole-run evaluators all that the run left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from identify_core.components import Requirement
from identify_core.data import Factor, Samples, Shape
from identify_core.errors import RunError
from identify_core.findings import Finding

if TYPE_CHECKING:
    from identify_core.contexts.history import Series
    from identify_core.replicates import Replicates

Holds = Literal["latents", "symbols", "dissimilarities"]

NUMBERED = "rows are numbered"
"""The fact of an imported run that nothing said which samples its rows are: its ids only number them."""


@attrs.frozen(kw_only=True, eq=False)
class Representation:
    """One replicate's latents of one run: the unit of every comparison.

    Args:
        label: what a table or a figure calls it.
        run_id: the run that it belongs to.
        latents: the name of the latents, such as `hidden-1`.
        replicate: which of the run's replicates.
        ids: the samples that the rows are, shape (n,).
        identified_up_to: the rung that the run claims for it; empty where it claims nothing.
        shape: (n, d).
        load_rows: reads rows `start` to `stop`, shape (stop − start, d).
        factors: ground truth of the same rows.
        fingerprints: a hash of each row's inputs, shape (n,); None where they are not known.
        has_ids: whether the ids say which samples the rows are; otherwise they only number the rows.
        holds: `symbols` where only whether two values are the same counts; `dissimilarities` where the values are an
            (n, n) matrix of the samples' dissimilarities.
        undeclared: whether they are integers that were taken for numbers because nothing says what they are.
        has: what its run has besides latents, in the words of `Evaluator.requires`; empty for an array alone.
        load_run: opens its run.
    """

    label: str
    run_id: str
    latents: str
    replicate: int
    ids: np.ndarray[Any, Any]
    identified_up_to: str
    shape: tuple[int, int]
    load_rows: Callable[[int, int], np.ndarray[Any, Any]]
    factors: Mapping[str, Factor] = attrs.field(factory=dict)
    fingerprints: np.ndarray[Any, Any] | None = None
    has_ids: bool = True
    holds: Holds = "latents"
    undeclared: bool = False
    has: frozenset[Requirement] = frozenset()
    load_run: Callable[[], RunSubject] | None = None

    @property
    def run(self) -> RunSubject:
        """All that its run left: samples, findings, history, the networks of all replicates. Opened at first use.

        Raises:
            RunError: it is an array alone, or of an imported run.
        """
        if self.load_run is None:
            raise RunError(
                f"{self.label} is latents alone: no run stands behind it that has inputs or networks",
                hint="say requires={'modules'} in the evaluator's record, and it is left out with a reason",
            )
        return self.load_run()

    @property
    def network(self) -> Replicates:
        """The network that it is of, as replicates of one in evaluation mode; `part("decoder")` is one part of it.

        Raises:
            RunError: its run cannot be opened, or has no model.
        """
        return self.run.replicates.select([self.replicate])

    def values(self) -> np.ndarray[Any, Any]:
        """The latents of all samples, shape (n, d)."""
        return self.load_rows(0, self.shape[0])

    def rows(self, start: int, stop: int) -> np.ndarray[Any, Any]:
        """The latents of samples `start` to `stop`, reading only what holds them, shape (stop − start, d)."""
        return self.load_rows(start, stop)


class RunSubject:
    """All that one run left, for evaluators of arity `run`; what is expensive is made at first use.

    Args:
        run_id: the run's id.
        count: the number of replicates.
        model_name: the model's qualified name, such as `genni:fcn`; empty where the run has none.
        model_options: its options, structured.
        objective_name: the objective's qualified name.
        objective_options: its options, structured.
        load_samples: makes the samples again, or hands over those in memory.
        load_replicates: the trained replicates in evaluation mode, on the run's device.
        load_history: name to (steps (S,), values (S,) or (S, R)).
        findings: what the objective kept besides latents, by name.
        latents: name to its representations, one a replicate.
    """

    def __init__(
        self,
        *,
        run_id: str,
        count: int,
        model_name: str,
        model_options: Any,
        load_samples: Callable[[], Samples],
        load_replicates: Callable[[], Replicates],
        load_history: Callable[[], Mapping[str, Series]],
        findings: Mapping[str, Finding],
        latents: Mapping[str, tuple[Representation, ...]],
        objective_name: str = "",
        objective_options: Any = None,
    ) -> None:
        self.run_id = run_id
        self.count = count
        self.model_name = model_name
        self.model_options = model_options
        self.objective_name = objective_name
        self.objective_options = objective_options
        self.findings = findings
        self.latents = latents
        self._load_samples = load_samples
        self._load_replicates = load_replicates
        self._load_history = load_history

    @cached_property
    def samples(self) -> Samples:
        """The run's samples, on the CPU."""
        return self._load_samples()

    @property
    def shape(self) -> Shape:
        """The sizes of one input and one output."""
        return self.samples.shape

    @cached_property
    def replicates(self) -> Replicates:
        """The trained replicates, in evaluation mode, on the run's device. Do not change them: take a copy."""
        return self._load_replicates()

    @cached_property
    def history(self) -> Mapping[str, Series]:
        """Name to (steps (S,), values (S,) or (S, R))."""
        return self._load_history()


@attrs.frozen(kw_only=True, eq=False)
class Subject:
    """What an evaluator studies.

    Args:
        representations: one for arity `representation`, two for `pair`, all that are compared for `group`, all of the
            run's for `run`. Of a directed measure the first of two is the source, the second the target.
        run: for arity `run`; None otherwise.
        prepared: for arity `pair`, what the evaluator's `prepare` target gave for all representations together.
        indices: for arity `pair`, which two of those representations these are.
    """

    representations: tuple[Representation, ...]
    run: RunSubject | None = None
    prepared: Any = None
    indices: tuple[int, ...] = ()

    @property
    def source(self) -> Representation:
        """The first of two: where a directed measure goes from."""
        return self.representations[0]

    @property
    def target(self) -> Representation:
        """The second of two: where a directed measure goes to."""
        return self.representations[1]
