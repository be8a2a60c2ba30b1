"""Making a comparison: every evaluator on the representations, what is found kept at once, one commit at the end.

An interruption leaves the comparison in the staging folder. What is gone on with is the same comparison: findings of
groups that are complete are kept as they are, those of pairs are made of the journal, and the pairs that it lacks are
done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import attrs

from identify_core.comparisons.blocks import Block, blocks_of, make_block
from identify_core.comparisons.comparison import Comparison, Request, applicable, make_context
from identify_core.comparisons.joins import Lined
from identify_core.comparisons.opening import with_runs
from identify_core.comparisons.stored_requests import names_of, request_as_toml
from identify_core.contexts.context import Context
from identify_core.contexts.device import resolve_device
from identify_core.errors import IdentifyError, Interrupted, RunError, StoreError, UsageError
from identify_core.evaluation import targets
from identify_core.evaluation.applicability import say_undeclared
from identify_core.evaluation.grids import different, grid_finding, meets
from identify_core.evaluation.journal import Journal, read_lines
from identify_core.evaluation.pairs import Grid, Preparations, missing_pairs, pairs_of, score_pairs
from identify_core.evaluation.subjects import Subject
from identify_core.evaluation.surroundings import Surroundings
from identify_core.findings import Finding
from identify_core.spec import Chosen, plain_options
from identify_core.spec.trust import sign_names
from identify_core.store import RunWriter, StoredRun
from identify_core.store.provenance import Clock, describe_machine
from identify_core.tasks import Executor, Loading


@attrs.frozen(kw_only=True)
class ComparisonSurroundings(Surroundings):
    """What a comparison is made with.

    Args:
        executor: does pairs in other processes; None for this process alone.
        loading: what `load_registry` takes in them.
    """

    executor: Executor | None = None
    loading: Loading = attrs.field(factory=lambda: Loading(disabled=[], enabled=[], files=[]))


def compare(request: Request, means: ComparisonSurroundings) -> Comparison:
    """Make a comparison and store it; an evaluator that fails costs no other.

    Nothing is drawn: figures and the page are made from what is stored when somebody wants them.

    Raises:
        UsageError: the representations cannot be lined up, or no evaluator applies, or the expectation needs a ladder.
        IdentifyError: every evaluator failed; nothing is stored.
        Interrupted: the user stopped it; `identify resume` goes on, where the request says what it was asked from.
        StoreError: the store cannot be written.
    """
    lined = request.line_up()
    chosen, skipped = applicable(request.evaluators, lined)
    if not chosen:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise UsageError(f"no evaluator applies to these representations: {reasons}")
    if request.asked is not None:
        request = attrs.evolve(request, asked=request.asked.pinned(request.groups))
    with RunWriter.create(means.store, name=request.name, plugin="", kind="comparison") as writer:
        text = request_as_toml(request)
        signature = sign_names(names_of(request.asked, request.evaluators), text, warn=means.display.warning)
        writer.write_document({"spec_signature": signature})
        writer.write_spec(text)
        return _Making(request, means, writer, text, lined, chosen, skipped).make()


def resume(request: Request, means: ComparisonSurroundings, writer: RunWriter, text: str) -> Comparison:
    """Go on with an interrupted comparison.

    Args:
        request: its own, read back from its text.
        means: what it is made with.
        writer: of the staging folder, taken over by this process.
        text: what it was asked as.
    """
    lined = request.line_up()
    chosen, skipped = applicable(request.evaluators, lined)
    making = _Making(request, means, writer, text, lined, chosen, skipped)
    making.mend(writer.discard_damaged())
    return making.make()


class _Making:
    """One attempt at one comparison; the staging folder holds all state that outlives it."""

    def __init__(
        self,
        request: Request,
        means: ComparisonSurroundings,
        writer: RunWriter,
        text: str,
        lined: Lined,
        chosen: Sequence[Chosen],
        skipped: dict[str, str],
    ) -> None:
        self.request, self.means, self.writer, self.text = request, means, writer, text
        self.lined, self.chosen, self.skipped = lined, chosen, skipped
        earlier = writer.document
        self.clock = Clock(earlier.get("seconds"))
        self.warnings: list[str] = list(earlier.get("warnings", []))
        self.evaluated: list[str] = list(earlier.get("evaluated", []))
        self.failed: dict[str, Exception] = {}
        self.grids: list[Grid] = []
        self.findings: dict[str, Finding] = {}

    def mend(self, gone: Mapping[str, str]) -> None:
        """Evaluate again what is damaged in the staging folder.

        Args:
            gone: the findings that the writer has discarded, to what is wrong with them.
        """
        for label, problem in gone.items():
            self.warnings.append(f"{label} is evaluated again: {problem}")
            self.means.display.warning(self.warnings[-1])
        self.evaluated = [each for each in self.evaluated if not any(_is_of(label, each) for label in gone)]

    def make(self) -> Comparison:
        try:
            self._note("running")
            return self._make()
        except (Interrupted, KeyboardInterrupt):
            if self.request.asked is None:
                self._discard()
                raise
            self._leave("interrupted", "stopped by the user")
            raise Interrupted(
                f"the comparison {self.writer.id} was stopped; what it found so far is kept",
                hint=f"go on with `identify resume {self.writer.id}`",
                run_id=self.writer.id,
            ) from None
        except IdentifyError as error:
            if isinstance(error, StoreError) and self.request.asked is not None:
                self._leave("failed", error.message)
            else:  # nothing was found, or what was found cannot be judged as asked: going on would change nothing
                self._discard()
            raise
        except BaseException as error:
            self._leave("failed", f"{type(error).__name__}: {error}")
            raise

    def _leave(self, status: str, reason: str) -> None:
        try:
            self._note(status, reason=reason)
        except StoreError as error:  # a full disk must not hide why it ended
            self.means.display.warning(error.message)

    def _discard(self) -> None:
        store = self.means.store
        self.writer.close()
        store.remove(store.find(self.writer.id, kind="comparison"))

    def _make(self) -> Comparison:
        context = self._context("")
        for text in (self.lined.warning, say_undeclared(self.lined.representations)):
            if text:
                context.warn(text)
        lined = self.lined
        if self.request.registry is not None:
            lined = with_runs(lined, self.means.store, self.request.registry, context, trusted=self.request.trusted)
        preparations = Preparations(lined.representations)
        folder = self.writer.make_scratch("pairs")
        journals = [Journal(folder / f"{index:03}.jsonl") for index in range(len(self.chosen))]
        lost = {} if self.means.executor is None else self._spread(journals)
        for index, each in enumerate(self.chosen):
            with targets.apart(each.label, self.failed, self.means.display):
                if each.label in lost:
                    raise RunError(lost[each.label])
                self._evaluate(each, preparations, journals[index], self._context(f"evaluators/{index:03}"))
        return self._commit()

    def _evaluate(self, chosen: Chosen, preparations: Preparations, journal: Journal, context: Context) -> None:
        """Keep the findings of one evaluator."""
        if chosen.registered.component.arity == "group" and chosen.label in self.evaluated:
            self.findings |= self._kept(chosen)
            return
        for label, finding, grid in _found(chosen, preparations, journal, context):
            self.writer.write_finding(
                label, finding, evaluator=chosen.registered.qualified_name, options=plain_options(chosen.options)
            )
            for warning in finding.warnings:
                context.warn(f"{label}: {warning}")
            self.grids += [grid] if grid else []
            self.findings[label] = finding
        if chosen.label not in self.evaluated:
            self.evaluated.append(chosen.label)
        self._note("running")

    def _kept(self, chosen: Chosen) -> dict[str, Finding]:
        """What an evaluator of groups found before the interruption."""
        stored = StoredRun.open(self.writer.folder).findings
        return {label: each.finding for label, each in stored.items() if _is_of(label, chosen.label)}

    def _spread(self, journals: Sequence[Journal]) -> dict[str, str]:
        """Have the pairs done that the journals lack; label to the reason of each evaluator that failed."""
        assert self.means.executor is not None
        count = len(self.lined.representations)
        trusted = [each.value for each in names_of(self.request.asked, self.request.evaluators)]
        shared = {
            "comparison": self.writer.id,
            "asked": self.text,
            "store": str(self.means.store.path.resolve()),
            "folder": str(self.writer.make_scratch("processes").resolve()),
            "trusted": [*trusted, *self.request.trusted],
            **self.means.loading,
        }
        places = {id(each): place for place, each in enumerate(self.request.evaluators)}
        of: list[int] = []
        blocks: list[Block] = []
        for index, each in enumerate(self.chosen):
            component = each.registered.component
            if component.arity == "pair":
                missing = missing_pairs(component, pairs_of(component, count), journals[index])
                for pairs in blocks_of(component, missing):
                    blocks.append(make_block(len(blocks), places[id(each)], pairs, shared))
                    of.append(index)
        lost: dict[str, str] = {}
        with closing(self.means.executor(blocks, self.means.stop_requested)) as ends:
            for end in ends:
                index = of[end["index"]]
                for entry in read_lines(end["content"]):
                    journals[index].add(entry)
                journals[index].write()
                if end["status"] == "failed":
                    lost.setdefault(self.chosen[index].label, end["reason"])
        if self.means.stop_requested():
            raise Interrupted("stopped")
        return lost

    def _commit(self) -> Comparison:
        below = _below(self.grids, self.request.expect) if self.grids or not self.failed else ()
        if not self.findings:
            targets.raise_failure(self.failed)
        self._note("running")
        return Comparison(
            id=self.writer.id,
            folder=self.writer.commit(),
            findings=self.findings,
            lined=self.lined,
            skipped=self.skipped,
            failures=self._reasons(),
            judged=any(grid.verdicts for grid in self.grids),
            below=below,
        )

    def _reasons(self) -> dict[str, str]:
        return {label: targets.reason_of(error) for label, error in self.failed.items()}

    def _context(self, part: str) -> Context:
        context = make_context(
            self.request,
            count=len(self.lined.representations),
            scratch=self.writer.make_scratch(part),
            display=self.means.display,
            stop_requested=self.means.stop_requested,
        )
        context.warnings = self.warnings  # what one has said, none says again
        return context

    def _note(self, status: str, **more: Any) -> None:
        """Bring run.json up to date."""
        groups = [group.name for group in self.request.groups for _ in group.representations]
        self.writer.write_document(
            {
                "status": status,
                "representations": [
                    {
                        "label": each.label,
                        "group": group,
                        "run": each.run_id,
                        "latents": each.latents,
                        "replicate": each.replicate,
                        "width": each.shape[1],
                        "identified_up_to": each.identified_up_to,
                    }
                    for each, group in zip(self.lined.representations, groups, strict=True)
                ],
                "rows": self.lined.rows,
                "left_out": self.lined.left_out,
                "skipped": self.skipped,
                "failures": self._reasons(),
                "evaluated": self.evaluated,
                "expect": self.request.expect,
                "seed": self.request.seed,
                "provenance": describe_machine(resolve_device(self.request.device)),
                "seconds": self.clock.seconds(),
                "warnings": self.warnings,
                **more,
            }
        )


def _is_of(label: str, evaluator: str) -> bool:
    """Whether a finding of that label is one of the evaluator's."""
    return label == evaluator or label.startswith(f"{evaluator}.")


def _found(
    chosen: Chosen, preparations: Preparations, journal: Journal, context: Context
) -> Iterator[tuple[str, Finding, Grid | None]]:
    """Each finding of an evaluator with its label, and the grid that it was made of where it studies pairs."""
    if chosen.registered.component.arity == "pair":
        grid = score_pairs(chosen, preparations, context, journal)
        yield chosen.label, grid_finding(grid), grid
        return
    subject = Subject(
        representations=preparations.representations,
        prepared=preparations.of(chosen, context),
        indices=tuple(range(len(preparations.representations))),
    )
    for finding in targets.find(chosen, subject, context):
        yield ".".join(part for part in (chosen.label, finding.name) if part), finding, None


def _below(grids: Sequence[Grid], expect: str) -> tuple[tuple[str, str, str], ...]:
    if not expect:
        return ()
    ladders = [grid for grid in grids if grid.verdicts]
    if not ladders:
        raise UsageError(
            f"nothing says whether the pairs are identified up to {expect}: no evaluator is a ladder",
            hint="--evaluator measures:ladder",
        )
    return tuple(
        (grid.labels[i], grid.labels[j], " or ".join(verdict.lowest) or "no rung")
        for grid in ladders
        for (i, j), verdict in different(grid, grid.verdicts).items()
        if not meets(verdict, expect)
    )
