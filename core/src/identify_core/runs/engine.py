"""The engine: one spec, executed: samples, replicates, training, latents, findings and figures, then one commit.

Everything is written into a staging folder as soon as it exists, with a note of which stage is done, so that `resume`
goes on from the last stage or checkpoint and ends with the arrays of an uninterrupted run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import torch

from identify_core.contexts.context import Context
from identify_core.contexts.device import resolve_device
from identify_core.data import Latents, Samples
from identify_core.errors import Interrupted, RunError, SpecError, StoreError
from identify_core.evaluation import targets
from identify_core.evaluation.evaluators import Source, evaluate_into
from identify_core.evaluation.surroundings import Surroundings
from identify_core.findings import Finding, Scalar
from identify_core.replicates import Replicates
from identify_core.replicates.memory import count_without_memory
from identify_core.runs.observation import Observers
from identify_core.runs.threads import SMALL, fitting_threads, flushed_denormals
from identify_core.spec import Chosen, ResolvedSpec
from identify_core.spec.memory import refuse_beyond_memory
from identify_core.spec.trust import signature_of
from identify_core.store import RunWriter, StoredRun
from identify_core.store.layout import timestamp, utc_now
from identify_core.store.provenance import Clock, describe_machine, package_versions

TRAINED = "trained"


@attrs.frozen(kw_only=True)
class Outcome:
    """How a run ended.

    Args:
        run_id: its id in the store.
        folder: where it lies.
        scalars: its headline numbers.
        failures: label of each evaluator that failed, with the reason; the rest of the run is kept.
        warnings: what the run said.
    """

    run_id: str
    folder: Path
    scalars: dict[str, Scalar]
    failures: dict[str, str]
    warnings: tuple[str, ...]


@attrs.frozen(kw_only=True)
class RunSurroundings(Surroundings):
    """What a run is executed in.

    Args:
        observers: plugins and trackers that want to know.
        seconds_between_checkpoints: how much work a crash may cost.
        render: makes the run's page from what it left; None for no page.
        force: go on although the run needs more memory than there is.
    """

    observers: Observers = attrs.field(factory=Observers)
    seconds_between_checkpoints: float = 30.0
    render: Callable[[StoredRun], str] | None = None
    force: bool = False


def execute(
    spec: ResolvedSpec,
    surroundings: RunSurroundings,
    *,
    document: Mapping[str, Any] | None = None,
    signature: str | None = None,
) -> Outcome:
    """Run a spec from the beginning.

    Args:
        spec: what to run.
        surroundings: what it is run in.
        document: further fields of run.json, there from the run's first moments on.
        signature: of the spec, where somebody else signed it; else it is signed here, if it names code or files.

    Raises:
        SpecError: options do not go together or do not fit the data; nothing is left in the store.
        Interrupted: the user stopped it; `resume` goes on.
        RunError: it failed; what was made so far stays in the staging folder.
        StoreError: the store cannot be written.
    """
    resolve_device(spec.device, dtype=getattr(torch, spec.dtype))  # before anything is written
    with RunWriter.create(surroundings.store, name=spec.name, plugin=spec.plugin) as writer:
        if signature is None:
            signature = signature_of(spec, warn=surroundings.display.warning)
        writer.write_document({**(document or {}), "spec_signature": signature})
        writer.write_spec(spec.as_toml())
        return _Execution(spec, surroundings, writer).perform()


def resume(spec: ResolvedSpec, surroundings: RunSurroundings, writer: RunWriter) -> Outcome:
    """Go on with an interrupted run, from its last checkpoint.

    Args:
        spec: the staging folder's own spec, loaded again.
        surroundings: as for `execute`.
        writer: of the staging folder, taken over by this process.
    """
    execution = _Execution(spec, surroundings, writer)
    execution.mend(writer.discard_damaged())
    return execution.perform()


class _Execution:
    """One attempt at one run; the staging folder holds all state that outlives it."""

    def __init__(self, spec: ResolvedSpec, surroundings: RunSurroundings, writer: RunWriter) -> None:
        self.spec = spec
        self.surroundings = surroundings
        self.writer = writer
        self.dtype: torch.dtype = getattr(torch, spec.dtype)
        self.device = resolve_device(spec.device, dtype=self.dtype)
        earlier = writer.document
        self.clock = Clock(earlier.get("seconds"))
        self.stage: str = earlier.get("stage", "")
        self.fingerprint: str = earlier.get("data_fingerprint", "")
        self.warnings: list[str] = list(earlier.get("warnings", []))
        self.evaluated: list[str] = list(earlier.get("evaluated", []))
        self.opened: dict[str, str] = dict(earlier.get("opened", {}))
        self.failures: dict[str, str] = {}

    def mend(self, gone: Mapping[str, str]) -> None:
        """Make again what is damaged in the staging folder.

        Args:
            gone: what the writer has discarded, to what is wrong with it.
        """
        for what, problem in gone.items():
            again = "is evaluated again"
            if what not in self.evaluated:
                self.stage = "" if self.stage == "" else "training"
                again = "is made again from the last checkpoint"
            text = f"{what} {again}: {problem}"
            self.warnings.append(text)
            self.surroundings.display.warning(text)
        self.evaluated = [label for label in self.evaluated if label not in gone]

    def perform(self) -> Outcome:
        observers = self.surroundings.observers
        self._note()
        observers.started(self.writer.id, self.spec.as_dict(), str(self.writer.folder), self.surroundings.display)
        try:
            outcome = self._perform()
        except (Interrupted, KeyboardInterrupt):
            self._leave("interrupted", "stopped by the user")
            raise Interrupted(
                f"the run {self.writer.id} was stopped; what it made so far is kept",
                hint=f"go on with `identify resume {self.writer.id}`",
                run_id=self.writer.id,
            ) from None
        except SpecError:
            # Found while the data or the model was made: nothing was trained, so nothing is worth keeping.
            if self.stage == "":
                self._discard()
            else:
                self._leave("failed", "the spec does not fit")
            raise
        except BaseException as error:
            self._leave("failed", f"{type(error).__name__}: {error}")
            raise
        observers.finished(self.writer.id, "finished", outcome.scalars, str(outcome.folder))
        return outcome

    def _leave(self, status: str, reason: str) -> None:
        try:
            self._note(status=status, reason=reason)
        except StoreError as error:  # a full disk must not hide why the run ended
            self.surroundings.display.warning(error.message)
        self.surroundings.observers.finished(self.writer.id, status, {}, str(self.writer.folder))

    def _discard(self) -> None:
        store = self.surroundings.store
        self.writer.close()
        store.remove(store.find(self.writer.id))

    def _perform(self) -> Outcome:
        samples = self._make_samples()
        context = self._context("objective")
        with flushed_denormals():
            live = None if self.stage == TRAINED or self.spec.model is None else self._build(samples, context)
            with fitting_threads(self._parameters(live)):
                if self.stage != TRAINED:
                    self._train(samples, live, context)
                self._evaluate_all(samples, live)
        return self._commit()

    def _build(self, samples: Samples, context: Context) -> Replicates:
        shape = samples.shape
        sizes_told = self.spec.model is not None and self.spec.model.registered.component.sizes
        known = None if sizes_told else count_without_memory(lambda: context.build_model(shape, replicate=0))
        if known is not None:
            self._admit(known)
        with fitting_threads(0):  # drawing the first weights is not work for several
            return Replicates.build(
                lambda r: context.build_model(shape, replicate=r),
                self.spec.replicates,
                device=self.device,
                dtype=context.dtype,
                strategy=self.spec.strategy,
                admit=self._admit,
            )

    def _admit(self, parameters: int) -> None:
        """Refuse replicates of this size that do not fit; a model made by foreign code tells its size only now."""
        refuse_beyond_memory(self.spec, force=self.surroundings.force, parameters=parameters)

    def _parameters(self, live: Replicates | None) -> int:
        """How many parameters all replicates have together; without a model, as many as take all threads."""
        if self.spec.model is None:
            return SMALL
        if live is None:
            return StoredRun.open(self.writer.folder).parameters
        return sum(each.numel() for each in live.parameters.values())

    def _evaluate_all(self, samples: Samples, live: Replicates | None) -> None:
        source = Source(
            spec=self.spec,
            run=StoredRun.open(self.writer.folder),
            samples=samples,
            replicates=live,
            device=self.device,
            make_context=self._context,
        )
        for chosen in self.spec.evaluators:
            if self.surroundings.stop_requested():
                raise Interrupted("stopped")
            self._evaluate(chosen, source)

    def _make_samples(self) -> Samples:
        context = self._context("dataset")
        samples = targets.make_samples(self.spec.dataset, context)
        self._take_warnings(context)
        if self.fingerprint and samples.fingerprint != self.fingerprint:
            raise RunError(
                f"the dataset {self.spec.dataset.registered.qualified_name} gives other samples "
                "than when this run began",
                hint="put the data back as it was, or start a new run",
            )
        self.fingerprint = samples.fingerprint
        return samples

    def _train(self, samples: Samples, replicates: Replicates | None, context: Context) -> None:
        claim = self.spec.objective.registered.component.identified_up_to
        self.stage = "training"
        self._note()
        self.writer.write_samples(samples)
        for kept in targets.train(self.spec.objective, replicates, samples, context):
            if isinstance(kept, Latents):
                self._check_count(kept)
                if kept.undeclared:
                    context.warn(
                        f"the latents {kept.name!r} are integers and taken as numbers, because nothing declares them; "
                        "codes are declared by Latents(kind='symbols')"
                    )
                self.writer.write_latents(kept, identified_up_to=claim)
            else:
                self._keep(kept, context)
        if replicates is not None:
            self.writer.write_weights(replicates.state())
        self.writer.write_history(context.history.series())
        self._take_warnings(context)
        self.stage = TRAINED
        self._note()

    def _check_count(self, kept: Latents) -> None:
        if kept.count != self.spec.replicates:
            raise RunError(
                f"{self.spec.objective.registered.qualified_name} kept the latents {kept.name!r} of {kept.count} "
                f"replicates in a run of {self.spec.replicates}",
                hint=f"set replicates = {kept.count} in the spec, or --set replicates={kept.count}",
            )

    def _keep(self, finding: Finding, context: Context) -> None:
        if not finding.name:
            raise RunError(f"{self.spec.objective.registered.qualified_name} kept a finding without a name")
        self.writer.write_finding(finding.name, finding, evaluator="", options={})
        for warning in finding.warnings:
            context.warn(f"{finding.name}: {warning}")

    def _evaluate(self, chosen: Chosen, source: Source) -> None:
        if chosen.label in self.evaluated:
            return
        context = self._context(f"evaluators/{chosen.label}")
        failed: dict[str, Exception] = {}
        with targets.apart(chosen.label, failed, self.surroundings.display):
            evaluate_into(self.writer, chosen, source, context)
            self.evaluated.append(chosen.label)
        self.failures |= {label: targets.reason_of(error) for label, error in failed.items()}
        self._take_warnings(context)
        self._note()

    def _commit(self) -> Outcome:
        self._note(finished=timestamp(utc_now()))  # the report says it, too
        if self.surroundings.render is not None:
            self.writer.write_report(self.surroundings.render(StoredRun.open(self.writer.folder)))
        folder = self.writer.commit()
        return Outcome(
            run_id=self.writer.id,
            folder=folder,
            scalars=StoredRun.open(folder).summary.scalars,
            failures=self.failures,
            warnings=tuple(self.warnings),
        )

    def _context(self, part: str) -> Context:
        spec = self.spec
        return Context(
            device=self.device,
            dtype=self.dtype,
            autocast_dtype=None if spec.autocast == "off" else getattr(torch, spec.autocast),
            seed=spec.seed,
            count=spec.replicates,
            scratch=self.writer.make_scratch(part),
            build=None if spec.model is None else targets.model_builder(spec.model),
            open_run=self._open_run,
            display=self.surroundings.display,
            observe=lambda step, scalars: self.surroundings.observers.logged(self.writer.id, step, scalars),
            stop_requested=self.surroundings.stop_requested,
            seconds_between_checkpoints=self.surroundings.seconds_between_checkpoints,
        )

    def _open_run(self, reference: str) -> StoredRun:
        """Another run of the store; after an interruption the same one, whatever `@last` is by then."""
        run = self.surroundings.store.open(self.opened.get(reference, reference), statuses=("finished",))
        if reference not in self.opened:
            self.opened[reference] = run.id
            self._note()
        return run

    def _take_warnings(self, context: Context) -> None:
        self.warnings.extend(text for text in context.warnings if text not in self.warnings)

    def _note(self, status: str = "running", **more: Any) -> None:
        """Bring run.json up to date."""
        spec = self.spec
        components = [spec.dataset, spec.model, spec.objective, *spec.evaluators]
        leading = (each.label for each in spec.evaluators if getattr(each.registered.component, "headline", False))
        document = {
            "status": status,
            "stage": self.stage,
            "headline": next(leading, ""),
            "name": spec.name,
            "plugin": spec.plugin,
            "seed": spec.seed,
            "replicates": spec.replicates,
            "dtype": spec.dtype,
            "spec": spec.as_dict(),
            "spec_hash": spec.hash,
            "components": [each for chosen in components if chosen is not None for each in describe_components(chosen)],
            "provenance": describe_machine(self.device),
            "data_fingerprint": self.fingerprint,
            "seconds": self.clock.seconds(),
            "warnings": self.warnings,
            "evaluated": self.evaluated,
            "opened": self.opened,
            "failures": self.failures,
            **more,
        }
        self.writer.write_document(document)


def describe_components(chosen: Chosen) -> list[dict[str, str]]:
    """The provenance of a component and of the evaluators that it consults: qualified name, distribution, version."""
    versions = package_versions([each.distribution for each in (chosen.registered, *chosen.consulted.values())])
    return [
        {
            "kind": registered.component.kind,
            "name": registered.qualified_name,
            "label": chosen.label,
            "distribution": registered.distribution,
            "version": versions.get(registered.distribution, registered.version),
            **({} if registered.file is None else {"file": registered.file.path, "sha256": registered.file.sha256}),
        }
        for registered in (chosen.registered, *chosen.consulted.values())
    ]
