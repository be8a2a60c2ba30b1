"""The evaluator `recovery`: how much of the true latents and of the tasks a run found, next to floors and ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from identify_core import Context, Finding, LabelledArray, OptionsError, RunSubject, Spread, Subject, Table
from identify_mtlcm.evaluators.agreement import CONSULTED, Agreement, Judge, random_mixing
from identify_mtlcm.evaluators.alignment import Alignment, Array, align
from identify_mtlcm.evaluators.likelihood_gap import likelihood_gaps
from identify_mtlcm.evaluators.references import UNTRAINED, reference_latents
from identify_mtlcm.evaluators.tasks_recovered import gamma_recovery, indicator_recovery
from identify_mtlcm.evaluators.truth import Truth, truth_of
from identify_mtlcm.options.evaluators import RecoveryOptions

FLOOR, CEILING = "random mixing of the true latents", "noisy true latents"

_SCORES = ("weak", "strong", "strong_ranks", "per_task")
_COLUMNS = ("latents", "replicate", "weak", "strong", "strong, ranks", "per task", "remarks")


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """The agreement of one array of latents with the truth.

    Args:
        name: of the latents, or of the reference.
        replicate: which; None for a reference that no replicate has.
        agreement: with the true latents.
    """

    name: str
    replicate: int | None
    agreement: Agreement


def evaluate(options: RecoveryOptions, subject: Subject, context: Context) -> Finding:
    """Compare all latents that a run kept, and what they are to be read against, with the true ones.

    Weak is the mean correlation after both were carried to their canonical components, strong that of the latents
    themselves after the best matching. Both are taken over all tasks with one matching. The study's figure has another
    matching in every task and ranks; within a task all spurious latents are nearly functions of the target, so that a
    random mixing of the latents scores high on it: read it next to the floor.

    Raises:
        OptionsError: the samples' latents are not known, or the run kept none.
    """
    run = subject.run
    assert run is not None  # arity is "run"
    truth = truth_of(run.samples)
    if not run.latents:
        raise OptionsError("the run kept no latents, so that nothing can be said of their recovery")
    warnings = list(_missing(context))
    judged = list(_judge(options, run, truth, context))
    tasks = _tasks(run, truth)
    gaps = likelihood_gaps(options, run, context) if options.refit else None
    if gaps is not None:
        warnings.extend(gaps.remarks)
    tables = {"scores": _table(judged)}
    scalars = _scalars(judged) | (tasks.scalars if tasks else {})
    if gaps is not None and gaps.values:
        scalars["likelihood-gap"] = float(max(gaps.values))
    if tasks is not None:
        tables["tasks"] = tasks.table
    return Finding(
        summary=_summary(judged, scalars),
        scalars=scalars,
        tables=tables,
        arrays=_arrays(judged, tasks),
        conventions={
            "weak": "Pearson correlation of canonical variates, over all tasks, in sample",
            "strong": "absolute Pearson correlation under the best one-to-one matching, one for all tasks",
            "strong, ranks": "the same with Spearman's",
            "per task": "Spearman's, with a matching of its own in every task, averaged over tasks: the study's figure",
            "untrained encoder": "replicate 0 as it was drawn",
            "floor": "the true latents under a matrix of independent normal numbers",
            "ceiling": "the inputs under the inverse of the true mixing",
            "causal": "a latent causes the target where its probability is above one half; matched latents only",
            "γ error": "root mean squared over entries that are spurious in truth, in the units of the true latents",
            "likelihood gap": "nats a row above the best of fits with restarts on the same representation",
        },
        warnings=(*warnings, *_remarks(judged)),
    )


def _missing(context: Context) -> Iterator[str]:
    missing = [name for name in CONSULTED if not context.can_score(name)]
    if missing:
        yield (
            f"weak and strong correlations with the true latents are left out: {', '.join(missing)} not installed; "
            "pip install identify-measures"
        )


def _judge(options: RecoveryOptions, run: RunSubject, truth: Truth, context: Context) -> Iterator[Judged]:
    for name, representations in run.latents.items():
        rows = truth.rows_of(representations[0])
        judge = _judge_of(options, truth, rows, context)
        for each in representations:
            agreement = judge.agreement(each.values().astype(np.float64))
            yield Judged(name=name, replicate=each.replicate, agreement=agreement)
    rows = truth.rows_of(next(iter(run.latents.values()))[0])
    judge = _judge_of(options, truth, rows, context)
    for name, latents in reference_latents(run, rows, context):
        yield Judged(name=name, replicate=None, agreement=judge.agreement(latents))
    if truth.noisy is not None:
        yield Judged(name=CEILING, replicate=None, agreement=judge.agreement(truth.noisy[rows]))
    generator = context.streams.numpy("random-mixing")
    width = truth.latents.shape[1]
    drawn = [
        judge.agreement(truth.latents[rows] @ random_mixing(width, generator).T)
        for _ in range(options.mixings if width > 1 else 0)  # one latent has no mixtures
    ]
    if drawn:
        yield Judged(name=FLOOR, replicate=None, agreement=_mean(drawn))


def _judge_of(options: RecoveryOptions, truth: Truth, rows: Array, context: Context) -> Judge:
    generator = context.streams.numpy("rows")
    count = min(options.rows, len(rows))
    pooled = np.sort(generator.choice(len(rows), count, replace=False))
    return Judge(
        truth=truth.latents[rows],
        task=None if truth.task is None else truth.task[rows],
        pooled=pooled,
        per_task=options.per_task,
        context=context,
    )


def _mean(drawn: Sequence[Agreement]) -> Agreement:
    def mean(score: str) -> Any:
        values = [getattr(each, score) for each in drawn]
        return None if None in values else float(np.mean(values))

    remarks = dict.fromkeys(remark for each in drawn for remark in each.remarks)
    return Agreement(**{score: mean(score) for score in _SCORES}, remarks=tuple(remarks))


@attrs.frozen(kw_only=True, eq=False)
class _Tasks:
    """What a causal model says of the tasks, replicate by replicate."""

    table: Table
    scalars: dict[str, float]
    probabilities: Array
    effects: Array
    causal: Array
    gamma: Array | None


def _tasks(run: RunSubject, truth: Truth) -> _Tasks | None:
    """Indicators and slopes of every replicate against the truth; None where the run fitted no causal model."""
    found = run.findings.get("causal-model")
    if found is None or truth.causal is None or "z" not in run.latents:
        return None
    fitted = {name: array.values for name, array in found.arrays.items()}
    rows = truth.rows_of(run.latents["z"][0])
    lines, probabilities, effects = [], [], []
    for each in run.latents["z"]:
        r = each.replicate
        matched = align(truth.latents[rows], each.values())
        said = fitted["probabilities"][r]
        slopes = fitted["gamma"][r] * (1 - said)
        indicator = indicator_recovery(truth.causal, said, matched)
        gamma = None if truth.gamma is None else gamma_recovery(truth.gamma, truth.causal, slopes, matched)
        lines.append((r, indicator.accuracy, indicator.majority, indicator.auc, *_cells(gamma)))
        probabilities.append(_in_true_order(said, matched, truth.causal.shape))
        effects.append(_in_true_order(_unscaled(slopes, matched), matched, truth.causal.shape))
    columns = ("replicate", "accuracy", "by majority", "AUC", "γ error", "γ error, relative", "γ correlation")
    middle = [np.median([line[k] for line in lines if line[k] is not None] or [np.nan]) for k in range(1, 7)]
    names = ("indicator-accuracy", "indicator-majority", "indicator-auc", "gamma-error", "", "gamma-correlation")
    return _Tasks(
        table=Table(columns=columns, rows=lines, caption="Causal indicators and slopes of each replicate's tasks."),
        scalars={name: float(value) for name, value in zip(names, middle, strict=True) if name and np.isfinite(value)},
        probabilities=np.stack(probabilities),
        effects=np.stack(effects),
        causal=truth.causal,
        gamma=truth.gamma,
    )


def _cells(gamma: Any) -> tuple[float | None, ...]:
    return (None, None, None) if gamma is None else (gamma.error, gamma.relative, gamma.correlation)


def _unscaled(slopes: Array, matched: Alignment) -> Array:
    unit = np.ones(slopes.shape[1])
    unit[matched.estimated] = np.where(matched.scales == 0, np.inf, matched.scales)
    return slopes / unit


def _in_true_order(values: Array, matched: Alignment, shape: tuple[int, ...]) -> Array:
    """Columns of fitted latents at the places of the true ones that they are matched with; NaN where there is none."""
    placed = np.full(shape, np.nan)
    placed[:, matched.true] = values[:, matched.estimated]
    return placed


def _table(judged: Sequence[Judged]) -> Table:
    return Table(
        columns=_COLUMNS,
        rows=[
            (
                each.name,
                each.replicate,
                *(getattr(each.agreement, score) for score in _SCORES),
                "; ".join(each.agreement.remarks),
            )
            for each in judged
        ],
        caption="Mean correlation with the true latents, of what the run kept and of what it is to be read against.",
    )


def _finite(judged: Sequence[Judged], name: str, score: str) -> list[float]:
    """The scores of all latents, or references, of a name that have one."""
    values = [getattr(each.agreement, score) for each in judged if each.name == name]
    return [value for value in values if value is not None and np.isfinite(value)]


def _scalars(judged: Sequence[Judged]) -> dict[str, float]:
    def middle(name: str, score: str) -> float | None:
        finite = _finite(judged, name, score)
        return float(np.median(finite)) if finite else None

    wanted = {"floor": (FLOOR, "strong"), "floor-per-task": (FLOOR, "per_task"), "ceiling": (CEILING, "strong")}
    wanted |= {"untrained-weak": (UNTRAINED, "weak"), "untrained-strong": (UNTRAINED, "strong")}
    for name in dict.fromkeys(each.name for each in judged if each.replicate is not None):
        wanted |= {
            f"{name}-weak": (name, "weak"),
            f"{name}-strong": (name, "strong"),
            f"{name}-per-task": (name, "per_task"),
        }
    values = {label: middle(*key) for label, key in wanted.items()}
    return {label: value for label, value in values.items() if value is not None}


def _arrays(judged: Sequence[Judged], tasks: _Tasks | None) -> dict[str, LabelledArray]:
    arrays = {}
    if tasks is not None:
        kept = ("replicate", "task", "latent")
        arrays["probabilities"] = LabelledArray(
            values=tasks.probabilities, dimensions=kept, summary="of being causal, in the order of the true latents"
        )
        arrays["effects"] = LabelledArray(
            values=tasks.effects, dimensions=kept, summary="γ (1 − c), in the order and units of the true latents"
        )
        arrays["causal"] = LabelledArray(values=tasks.causal, dimensions=kept[1:], summary="the truth")
        if tasks.gamma is not None:
            arrays["gamma"] = LabelledArray(values=tasks.gamma, dimensions=kept[1:], summary="the truth")
    return arrays


def _summary(judged: Sequence[Judged], scalars: dict[str, float]) -> str:
    parts = []
    for name, score, words in (("h", "weak", "up to a linear map"), ("z", "strong", "up to order and scale")):
        if known := _finite(judged, name, score):
            parts.append(f"{name} agrees with the true latents {words}: {score} MCC {Spread.of(known).in_words()}")
    others = [
        f"{name.removesuffix('-strong')}: strong MCC {value:.4g}"
        for name, value in scalars.items()
        if name.endswith("-strong") and name not in ("h-strong", "z-strong", "untrained-strong")
    ]
    if "floor" in scalars:
        others.append(f"a random mixing has {scalars['floor']:.2g}")
    if "indicator-accuracy" in scalars:
        others.append(
            f"{scalars['indicator-accuracy']:.1%} of the causal indicators are right, by majority "
            f"{scalars['indicator-majority']:.1%} would be"
        )
    return "; ".join((*parts, *others)) or "no correlation with the true latents was computed"


def _remarks(judged: Sequence[Judged]) -> tuple[str, ...]:
    own = (each for each in judged if each.replicate is not None)
    return tuple(dict.fromkeys(f"{each.name}: {remark}" for each in own for remark in each.agreement.remarks))
