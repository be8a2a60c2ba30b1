"""Pair evaluators over all pairs: what belongs to one representation once, then the pairs, one by one or together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.errors import Interrupted, PluginError
from identify_core.evaluation import targets
from identify_core.evaluation.journal import Entry, Journal, Pair
from identify_core.evaluation.subjects import Representation, Subject
from identify_core.scores import Score, Verdict
from identify_core.spec import Chosen


class Preparations:
    """What evaluators prepare from all representations, made once for all evaluators that name the same function."""

    def __init__(self, representations: Sequence[Representation]) -> None:
        self.representations = tuple(representations)
        self._made: dict[str, Any] = {}
        self._failed: dict[str, Exception] = {}

    def of(self, chosen: Chosen, context: Context) -> Any:
        """The preparation of one evaluator; None where it needs none."""
        component = chosen.registered.component
        if not component.prepare:
            return None
        if component.prepare in self._failed:  # it would fail again, after as much work
            raise self._failed[component.prepare]
        if component.prepare not in self._made:
            try:
                self._made[component.prepare] = targets.prepare(chosen, self.representations, context)
            except Interrupted:
                raise
            except Exception as error:
                self._failed[component.prepare] = error
                raise
        return self._made[component.prepare]


@attrs.frozen(kw_only=True)
class Grid:
    """What one pair evaluator gave to every pair.

    Args:
        chosen: the evaluator.
        labels: of the M representations.
        claims: the rung that theory claims for each; empty where it claims nothing.
        scores: name to pair to score; the name is the evaluator's label where it gives one score a pair.
        verdicts: pair to verdict, for a ladder.
    """

    chosen: Chosen
    labels: tuple[str, ...]
    claims: tuple[str, ...]
    scores: Mapping[str, Mapping[Pair, Score]]
    verdicts: Mapping[Pair, Verdict]


@attrs.frozen(kw_only=True)
class Member:
    """What a picture needs to know of one representation of a comparison.

    Args:
        group: the run or file that it belongs to.
        latents: the name of its latents.
        width: its number of latents, d.
    """

    group: str
    latents: str
    width: int


def score_pairs(chosen: Chosen, preparations: Preparations, context: Context, journal: Journal | None = None) -> Grid:
    """Run a pair evaluator over every pair, each representation with itself included as a control.

    Args:
        chosen: the evaluator.
        preparations: of all representations.
        context: what it is run in.
        journal: what is known of some pairs already, which are not done again; it gets the others.

    Raises:
        PluginError: the evaluator returned something else than scores or a verdict.
        Interrupted: the user stopped it; the journal has what was found so far.
    """
    component = chosen.registered.component
    representations = preparations.representations
    pairs = pairs_of(component, len(representations))
    journal = journal or Journal()
    missing = missing_pairs(component, pairs, journal)
    said = len(context.warnings)
    with context.progress(chosen.label, len(pairs), "pairs") as bar:
        bar.advance(len(pairs) - len(missing))
        try:
            for entry in compute_pairs(chosen, missing, preparations, context):
                journal.add(entry)
                bar.advance()
        finally:
            journal.write()
    _warn_in_order([journal.entries[pair] for pair in pairs], context, said)
    scores: dict[str, dict[Pair, Score]] = {}
    verdicts: dict[Pair, Verdict] = {}
    for pair in pairs:
        entry = journal.entries[pair]
        if isinstance(entry.result, Verdict):
            verdicts[pair] = entry.result
        for name, score in _named(chosen, entry.result).items():
            scores.setdefault(name, {})[pair] = score
    if component.symmetric:
        for table in scores.values():
            table.update({(j, i): score for (i, j), score in table.items()})
        verdicts.update({(j, i): verdict for (i, j), verdict in verdicts.items()})
    return Grid(
        chosen=chosen,
        labels=tuple(each.label for each in representations),
        claims=tuple(each.identified_up_to for each in representations),
        scores=scores,
        verdicts=verdicts,
    )


def _warn_in_order(entries: Sequence[Entry], context: Context, said: int) -> None:
    """Warn of what the entries tell, and put what was said since in their order, whenever each pair was done."""
    order = dict.fromkeys(warning for entry in entries for warning in entry.warnings)
    for warning in order:
        context.warn(warning)
    places = {warning: place for place, warning in enumerate(order)}
    context.warnings[said:] = sorted(context.warnings[said:], key=lambda each: places.get(each, len(places)))


def pairs_of(component: Evaluator, count: int) -> list[Pair]:
    """The pairs of so many representations that an evaluator is called with, in their order."""
    return [(i, j) for i in range(count) for j in range(count) if i <= j or not component.symmetric]


def missing_pairs(component: Evaluator, pairs: Sequence[Pair], journal: Journal) -> list[Pair]:
    """The pairs that have to be done, those of near representations one after the other.

    Pairs of two groups of 2, 4, 8, ... neighbours follow each other, so that what an evaluator keeps of some
    representations serves many pairs. An evaluator that takes pairs together gets all of them, as they stand, if any
    is missing.
    """
    missing = [pair for pair in pairs if pair not in journal.entries]
    return list(pairs) if missing and component.together else sorted(missing, key=_interleaved)


def _interleaved(pair: Pair) -> int:
    """The bits of both numbers in turn, the order of Morton, "A computer oriented geodetic data base" (1966)."""
    first, other = pair
    return sum(
        (first >> bit & 1) << 2 * bit + 1 | (other >> bit & 1) << 2 * bit for bit in range(max(pair).bit_length())
    )


def compute_pairs(
    chosen: Chosen, pairs: Sequence[Pair], preparations: Preparations, context: Context
) -> Iterator[Entry]:
    """What the evaluator gives to some pairs, with what it warned of meanwhile.

    Raises:
        PluginError: the evaluator returned something else than scores or a verdict.
        Interrupted: the user stopped it.
    """
    if not pairs:
        return
    warned = len(context.warnings)
    representations = preparations.representations
    prepared = preparations.of(chosen, context)
    subjects = [
        Subject(representations=(representations[i], representations[j]), prepared=prepared, indices=(i, j))
        for i, j in pairs
    ]
    for pair, result in zip(pairs, _results(chosen, subjects, context), strict=True):
        _named(chosen, result)
        yield Entry(pair=pair, result=result, warnings=tuple(context.warnings[warned:]))
        warned = len(context.warnings)


def _results(chosen: Chosen, subjects: Sequence[Subject], context: Context) -> Iterator[Any]:
    """What the evaluator gives to each pair, in their order."""

    def stop_if_asked() -> None:
        if context.should_stop():
            raise Interrupted("stopped")

    component = chosen.registered.component
    if isinstance(component, Evaluator) and component.together:
        stop_if_asked()
        for result in targets.evaluate_together(chosen, subjects, context):
            yield result
            stop_if_asked()
        return
    for subject in subjects:
        stop_if_asked()
        try:
            yield targets.call_evaluator(chosen, subject, context)
        except Exception as error:
            first, other = subject.representations
            error.add_note(f"at {first.label} and {other.label}")
            raise


def _named(chosen: Chosen, result: Any) -> Mapping[str, Score]:
    """The scores of one pair by name.

    Raises:
        PluginError: the evaluator returned something else than scores or a verdict.
    """
    if isinstance(result, Verdict):
        return result.residuals
    if isinstance(result, Score):
        return {chosen.label: result}
    if isinstance(result, Mapping) and all(isinstance(each, Score) for each in result.values()):
        return result
    raise PluginError(
        f"{chosen.registered.qualified_name} gave {type(result).__name__} for a pair",
        hint="a pair evaluator gives a number, Measured, a mapping of them, or a Verdict",
    )
