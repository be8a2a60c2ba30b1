"""The evaluator `probes`: a linear classifier on every encoder, compared on the same held-out sentences."""

from __future__ import annotations

import warnings as python_warnings
from itertools import combinations

import numpy as np

from identify_core import Context, Finding, OptionsError, Representation, Subject, Table, did_you_mean
from identify_homotopy.options.probes import ProbeOptions
from identify_homotopy.probes.agreement import (
    accuracy,
    agreement,
    brier,
    f1,
    jensen_shannon,
    kappa,
    log_loss,
    rank_correlation,
)
from identify_homotopy.probes.preprocessing import preprocess

Array = np.ndarray
_ITERATIONS = 1000


def evaluate(options: ProbeOptions, subject: Subject, context: Context) -> Finding:
    """Multinomial logistic regression on one part of the sentences, judged on the other, joined by id.

    Sentences with a negative label, as the hidden ones of GLUE, are left out.

    Raises:
        OptionsError: there is no such label, the encoders share too few sentences, or their labels are all the same.
    """
    encoders = subject.representations
    ids, y = _labelled(options, encoders)
    order = context.streams.numpy("probes").permutation(len(ids))
    judged = np.sort(order[: max(1, round(options.test_share * len(ids)))])
    train = np.setdiff1d(order, judged)
    if len(np.unique(y[train])) < len(np.unique(y)) or len(np.unique(y)) < 2:
        raise OptionsError(
            f"the {len(train)} training sentences have {len(np.unique(y[train]))} of {len(np.unique(y))} labels",
            hint="take more sentences, or a smaller test_share",
        )
    said, warnings = [], []
    with context.progress("probes", len(encoders), "probes") as bar:
        for each in encoders:
            values = preprocess(_rows(each, ids), train, options.preprocessing)
            p, converged = _probabilities(values, y, train, judged, options.strength)
            said.append(p)
            warnings += [] if converged else [f"the probe of {each.label} had not converged"]
            bar.advance()
    draws = context.streams.numpy("draws").integers(len(judged), size=(options.draws, len(judged)))
    return _finding(options, [each.label for each in encoders], said, y[train], y[judged], draws, warnings)


def _labelled(options: ProbeOptions, encoders: tuple[Representation, ...]) -> tuple[Array, Array]:
    """The sentences that all encoders have, and their classes, counted from 0."""
    first = encoders[0]
    if options.factor not in first.factors:
        raise OptionsError(
            f"{first.label} has no label {options.factor!r}", hint=did_you_mean(options.factor, list(first.factors))
        )
    ids = first.ids
    for each in encoders[1:]:
        ids = np.intersect1d(ids, each.ids)
    labels = np.asarray(first.factors[options.factor].values)[_places(first, ids)]
    ids, labels = ids[labels >= 0], labels[labels >= 0]
    if len(ids) < 4:
        raise OptionsError(f"{len(ids)} sentences have a label in all encoders", hint="at least four are needed")
    return ids, np.unique(labels, return_inverse=True)[1]


def _rows(encoder: Representation, ids: Array) -> Array:
    rows: Array = encoder.values()[_places(encoder, ids)].astype(np.float64)
    return rows


def _places(encoder: Representation, ids: Array) -> Array:
    """Where the rows of these ids stand in an encoder that has them all."""
    order = np.argsort(encoder.ids, kind="stable")
    places: Array = order[np.searchsorted(encoder.ids[order], ids)]
    return places


def _probabilities(values: Array, y: Array, train: Array, judged: Array, strength: float) -> tuple[Array, bool]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=strength, max_iter=_ITERATIONS, tol=1e-6)
    with python_warnings.catch_warnings(record=True) as caught:
        python_warnings.simplefilter("always", ConvergenceWarning)
        probe.fit(values[train], y[train])
    return probe.predict_proba(values[judged]), not caught


def _interval(draws: Array) -> tuple[float, float]:
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return float(low), float(high)


def _finding(
    options: ProbeOptions,
    labels: list[str],
    said: list[Array],
    y_train: Array,
    y: Array,
    draws: Array,
    warned: list[str],
) -> Finding:
    right = np.stack([p.argmax(axis=1) == y for p in said])
    accuracies = [accuracy(p, y) for p in said]
    drawn = right[:, draws].mean(axis=2)
    alone = [
        (name, a, *_interval(d), f1(p, y), brier(p, y), log_loss(p, y))
        for name, p, a, d in zip(labels, said, accuracies, drawn, strict=True)
    ]
    pairs = []
    for i, j in combinations(range(len(labels)), 2):
        p, q = said[i], said[j]
        low, high = _interval(drawn[i] - drawn[j])
        pairs.append(
            (
                *(labels[i], labels[j], agreement(p, q), kappa(p, q), jensen_shannon(p, q), rank_correlation(p, q)),
                *(accuracies[i] - accuracies[j], low, high, f1(p, y) - f1(q, y)),
            )
        )
    usual = float((y == np.bincount(y_train).argmax()).mean())
    best = int(np.argmax(accuracies))
    low, high = alone[best][2:4]
    summary = (
        f"the best probe, of {labels[best]}, is right on {100 * accuracies[best]:.1f} % of {len(y)} held-out sentences "
        f"(95 % over sentences {100 * low:.1f} to {100 * high:.1f}; the commonest label {100 * usual:.1f})"
    )
    if pairs:
        summary += f"; two probes agree on {100 * np.median([each[2] for each in pairs]):.1f} % in the median pair"
    return Finding(
        summary=summary,
        scalars={"best-accuracy": accuracies[best], "commonest-label": usual}
        | ({"median-agreement": float(np.median([each[2] for each in pairs]))} if pairs else {}),
        tables={
            "encoders": Table(
                columns=("encoder", "accuracy", "low", "high", "F1", "Brier", "log loss"),
                rows=alone,
                caption="How well a linear probe of each encoder does on held-out sentences.",
            ),
            "pairs": Table(
                columns=(
                    *("first", "second", "agreement", "kappa", "Jensen-Shannon", "Spearman"),
                    *("accuracy difference", "low", "high", "F1 difference"),
                ),
                rows=pairs,
                caption="Whether the probes of two encoders say the same of the same sentences.",
            ),
        },
        arrays={"probabilities": (("encoder", "sentence", "class"), np.stack(said), "of the held-out sentences")},
        conventions={
            "probe": f"multinomial logistic regression, C = {options.strength:g}, {options.preprocessing}, "
            f"{len(y_train)} training sentences; the same split for all, rows joined by id",
            "interval": f"95 %, {len(draws)} draws of the held-out sentences, the same for both of a pair",
            "Brier": "mean of (p − y)² of two classes; half the sum over classes",
            "Jensen-Shannon": "mean divergence in bits",
            "Spearman": "of the probabilities of the last class, average ranks",
        },
        warnings=warned,
    )
