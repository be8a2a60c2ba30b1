"""Checks of the smoke preset's runs: end to end, repeatable, independent of their company, and resumable."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from identify_core.components import Evaluator
from identify_core.errors import IdentifyError
from identify_core.evaluation import targets
from identify_core.testing.conformance.bench import SMOKE, Bench
from identify_core.testing.conformance.differences import changed_parts, differences, distance
from identify_core.testing.conformance.questions import told
from identify_core.testing.conformance.record import NotApplicable
from identify_core.testing.conformance.runs import Made, Resumed

# What replicates may differ by for another number of them: kernels of other sizes sum in another order.
_CLOSE = 1e-4
_PNG = b"\x89PNG"


def runs(bench: Bench) -> Iterator[str]:
    """As `identify run PLUGIN --preset smoke` would run it."""
    try:
        made = bench.runs.whole()
    except NotApplicable:
        raise
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is what is told
        yield (
            f"the smoke preset fails: {told(error)}; see it with: identify --debug run {bench.plugin} --preset {SMOKE}"
        )
        return
    if not made.run.latents:
        yield "the objective keeps no latents: yield Latents(name=..., values=..., split=...) of what the models encode"
    for name, latents in made.run.latents.items():
        for replicate in range(latents.count):
            if not np.isfinite(latents.values(replicate)).all():
                yield (
                    f"the latents {name!r} of replicate {replicate} are not finite: the smoke preset trains too "
                    "boldly; take a smaller learning rate"
                )


def ends_in_time(bench: Bench) -> Iterator[str]:
    """Everybody's first command ends before he wonders."""
    made, budget = _whole(bench), bench.settings.smoke_seconds
    if made.seconds > budget:
        yield (
            f"the smoke preset takes {made.seconds:.1f} s of CPU time, more than {budget:g} s: take fewer samples, "
            "steps and replicates, or say smoke_seconds = ... in the class where it cannot be less"
        )


def finds(bench: Bench) -> Iterator[str]:
    """No evaluator fails, and none comes with empty hands."""
    made = _whole(bench)
    for label, reason in made.failures.items():
        yield f"the evaluator {label!r} failed: {reason}; it must work on the smoke preset"
    for chosen in bench.runs.spec.evaluators:
        found = [name for name in made.record.findings if name == chosen.label or name.startswith(f"{chosen.label}.")]
        if not found and chosen.label not in made.failures:
            yield f"the evaluator {chosen.label!r} found nothing: give a Finding for every run"
    for label, finding in made.record.findings.items():
        if not (finding.scalars or finding.tables or finding.arrays):
            yield f"the finding {label!r} is empty: give it scalars, tables or arrays"
        elif not finding.summary.strip():
            yield f"the finding {label!r} has no summary: say in one sentence what was found, summary=..."


def draws(bench: Bench) -> Iterator[str]:
    """What was drawn while the run went on comes out again from the store."""
    made = _whole(bench)
    drawing = [each for each in bench.runs.spec.evaluators if _draws(each.registered.component)]
    if not drawing:
        raise NotApplicable("no evaluator of the smoke preset draws")
    for chosen in drawing:
        for label in [each for each in made.record.findings if each.partition(".")[0] == chosen.label]:
            names = [name for owner, name in made.record.figures if owner == label]
            stored = made.run.findings[label].finding
            try:
                again = [figure.name for figure in targets.draw(chosen, stored, _drawing_context(bench))]
            except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is what is told
                yield (
                    f"{label!r} cannot be drawn from the stored finding: {told(error)}: put all that the picture needs "
                    "into the finding's arrays and tables"
                )
                continue
            if again != names:
                yield (
                    f"{label!r} drew {', '.join(names) or 'nothing'} in the run and {', '.join(again) or 'nothing'} "
                    "from the stored finding: draw from the finding alone"
                )
            elif not names:
                yield f"{label!r} has a draw target that draws nothing: yield a Figure, or leave out draw="
    for entry in made.run.document.get("figures", []):
        if not (made.run.folder / entry["static"]).read_bytes().startswith(_PNG):
            yield f"the figure {entry['name']!r} is not a picture: give Figure(static=matplotlib figure)"


def stores_findings(bench: Bench) -> Iterator[str]:
    """What is read back is what was written, in plain JSON and arrays."""
    made = _whole(bench)
    if not made.record.findings:
        raise NotApplicable("the smoke preset has no findings")
    for label, finding in made.record.findings.items():
        for part in changed_parts(finding, made.run.findings[label].finding):
            yield (
                f"{part} of the finding {label!r} is read back as something else: use numbers, strings, booleans and "
                "None, and arrays of numbers or strings"
            )


def repeats(bench: Bench) -> Iterator[str]:
    """Latents, weights and data, bit for bit, whatever the global generators are at."""
    first, second = _whole(bench).run, _training(bench, bench.runs.again).run
    if first.fingerprint != second.fingerprint:
        yield (
            "two runs with the same seed have other samples: draw them from context.stream(name); samples-fingerprint "
            "says more"
        )
        return
    for difference in differences(first, second):
        yield (
            f"two runs with the same seed differ: {difference}; draw from context.stream(name, replicate), never from "
            "the global random generators of Python, numpy or torch"
        )


def varies(bench: Bench) -> Iterator[str]:
    """Each replicate's latents are others for another seed and for another replicate; the data may be the same."""
    first = _whole(bench).run
    seed = bench.runs.spec.seed
    other = _training(bench, lambda: bench.runs.with_seed(seed + 1)).run
    for name, latents in first.latents.items():
        values = [latents.values(replicate) for replicate in range(latents.count)]
        others = other.latents.get(name)
        for replicate, one in enumerate(values):
            if others is not None and np.array_equal(one, others.values(replicate)):
                yield (
                    f"the latents {name!r} of replicate {replicate} are the same with the seeds {seed} and {seed + 1}: "
                    "draw initialisation and batches from the run's streams, not from a fixed seed"
                )
            if any(np.array_equal(one, before) for before in values[:replicate]):
                yield (
                    f"the latents {name!r} of replicate {replicate} are those of another replicate: let the model draw "
                    "its initialisation from torch's global generator, which the core seeds for each replicate"
                )


def trains_alone(bench: Bench) -> Iterator[str]:
    """Replicate r of a run of R is replicate r of a run of fewer."""
    whole = _whole(bench).run
    count = bench.runs.spec.replicates
    for fewer in sorted({1, count - 1}):
        part = _training(bench, functools.partial(bench.runs.with_replicates, fewer)).run
        for name, latents in part.latents.items():
            if latents.count != fewer:
                yield f"the latents {name!r} of a run of {fewer} have {latents.count} replicates: keep one for each"
                continue
            for replicate in range(fewer):
                one, among = latents.values(replicate), whole.latents[name].values(replicate)
                apart = distance(one, among)
                if apart > _CLOSE:
                    yield (
                        f"the latents {name!r} of replicate {replicate} are others in a run of {fewer} than in one of "
                        f"{count} (by {apart:.2g} of their size): draw from context.stream(name, replicate), stop each "
                        "replicate by itself, and take no mean over replicates"
                    )


def resumes(bench: Bench) -> Iterator[str]:
    """Stopped a few times while it trains and once while it evaluates; bit for bit."""
    whole = _whole(bench)
    asked = _training(bench, bench.runs.again).asked
    if asked == 0:
        yield (
            "the objective never asks context.should_stop(): ask at every step; where it says yes, call "
            "context.checkpoint(state) and raise Interrupted, and begin with context.restore()"
        )
        return
    try:
        resumed: Resumed = bench.runs.interrupted()
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is what is told
        yield f"interrupted and resumed it fails: {told(error)}; begin with context.restore() and go on from there"
        return
    if resumed.ignored:
        yield (
            "the objective was asked to stop and went on: where context.should_stop() says yes, call "
            "context.checkpoint(state) and raise identify_core.errors.Interrupted"
        )
    if resumed.unsaved:
        yield (
            "the objective stopped and left no checkpoint, so that all its work was lost: call "
            "context.checkpoint(state) "
            "before it raises Interrupted, and whenever context.checkpoint_due()"
        )
    for difference in differences(whole.run, resumed.run):
        yield (
            f"interrupted and resumed, the run ends otherwise: {difference}; whatever training goes on from belongs "
            "into "
            "the checkpoint: weights, the optimiser's state, the step, the state of generators, what was found so far"
        )
    for label, reason in resumed.failures.items():
        if label not in whole.failures:
            yield f"interrupted and resumed, the evaluator {label!r} fails: {reason}"
    for label, stored in whole.run.findings.items():
        if label in resumed.run.findings:
            for part in changed_parts(stored.finding, resumed.run.findings[label].finding):
                yield (
                    f"interrupted and resumed, {part} of the finding {label!r} is another: an evaluator draws from "
                    "context.stream(name), depends on no clock, and restores all that it goes on from"
                )


def _whole(bench: Bench) -> Made:
    return _training(bench, bench.runs.whole)


def _training(bench: Bench, make: Any) -> Made:
    """A run that a check needs.

    Raises:
        NotApplicable: it fails; smoke-runs says why.
    """
    try:
        made: Made = make()
    except NotApplicable:
        raise
    except (Exception, IdentifyError) as error:
        raise NotApplicable(f"the smoke preset fails: {told(error)}; smoke-runs says more") from error
    return made


def _drawing_context(bench: Bench) -> Any:
    from identify_core.testing.conformance.material import make_context

    return make_context(bench, bench.runs.spec, "drawing")


def _draws(component: Any) -> bool:
    return isinstance(component, Evaluator) and bool(component.draw)
