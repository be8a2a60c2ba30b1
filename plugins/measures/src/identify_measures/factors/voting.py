"""FactorVAE and BetaVAE: telling from the latents of a batch which factor was held fixed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from sklearn.linear_model import LogisticRegression

from identify_measures.factors.groups import Groups, group_rows
from identify_measures.factors.measuring import Formula, Generator, Outcome, Undefined
from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array
from identify_measures.factors.working import side_by_side
from identify_measures.options.factors import BetaVaeOptions, FactorVaeOptions

_CHUNK = 1 << 21  # numbers of drawn latents at a time
_ITERATIONS = 1000


def factor_vae_value(study: Study, options: FactorVaeOptions, generator: Generator) -> Outcome:
    """Accuracy on new votes of the majority's factor for the latent that varies least, relative to all rows."""
    groups, notes = _groups(study, options)
    variances = study.codes.var(axis=0, ddof=1)
    active = (variances > 0) & (np.sqrt(variances) >= options.inactive_below)
    if not active.any():
        raise Undefined(f"the standard deviation of every latent is below {options.inactive_below:g}")
    codes = study.codes[:, active] / np.sqrt(variances[active])
    fitted = _votes(codes, groups, options.train_votes, options.batch, generator)
    judged = _votes(codes, groups, options.test_votes, options.batch, generator)
    majority = fitted.argmax(axis=0)
    accuracy = judged[majority, np.arange(codes.shape[1])].sum() / judged.sum()
    details = f"{int(active.sum())} of {study.width} latents active"
    return Outcome(values={"factor-vae": float(accuracy)}, notes=notes, details=details)


def _votes(codes: Array, groups: list[Groups], count: int, batch: int, generator: Generator) -> Array:
    """How often each latent varied least while each factor was fixed, shape (F, d)."""
    votes = np.zeros((len(groups), codes.shape[1]), dtype=np.int64)
    step = max(1, _CHUNK // (batch * codes.shape[1]))
    for j, drawn in enumerate(_draws(len(groups), count, generator)):
        for first in range(0, drawn, step):
            rows = groups[j].batches(min(step, drawn - first), batch, generator)
            least = codes[rows].var(axis=1).argmin(axis=1)
            votes[j] += np.bincount(least, minlength=codes.shape[1])
    return votes


def _draws(factors: int, count: int, generator: Generator) -> Array:
    """How many of `count` votes hold each factor fixed, every factor with the same probability."""
    draws: Array = generator.multinomial(count, np.full(factors, 1 / factors))
    return draws


def beta_vae_value(study: Study, options: BetaVaeOptions, generator: Generator) -> Outcome:
    """Accuracy on new batches of a logistic regression on the mean |z_1 − z_2| of pairs that share a factor."""
    groups, notes = _groups(study, options)
    fitted, labels = _differences(study.codes, groups, options.train_votes, options.batch, generator)
    judged, test_labels = _differences(study.codes, groups, options.test_votes, options.batch, generator)
    if len(np.unique(labels)) < 2:
        raise Undefined("all votes to fit on hold the same factor fixed: take more")

    def fit(_: int) -> LogisticRegression:
        return LogisticRegression(max_iter=_ITERATIONS).fit(fitted, labels)

    model = side_by_side(fit, [0])[0]
    if int(np.max(model.n_iter_)) >= _ITERATIONS:
        notes.append(f"the classifier did not converge in {_ITERATIONS} iterations")
    return Outcome(values={"beta-vae": float(np.mean(model.predict(judged) == test_labels))}, notes=notes)


def _differences(
    codes: Array, groups: list[Groups], count: int, batch: int, generator: Generator
) -> tuple[Array, Array]:
    draws = _draws(len(groups), count, generator)
    step = max(1, _CHUNK // (batch * codes.shape[1]))
    parts = []
    for j, drawn in enumerate(draws):
        for first in range(0, drawn, step):
            one, two = groups[j].pairs(min(step, drawn - first), batch, generator)
            parts.append(np.abs(codes[one] - codes[two]).mean(axis=1))
    return np.concatenate(parts), np.repeat(np.arange(len(groups)), draws)


def _groups(study: Study, options: BetaVaeOptions) -> tuple[list[Groups], list[str]]:
    if len(study.truth) < 2:
        raise Undefined("telling which factor was fixed needs at least two factors that vary")
    return group_rows(study, options.least_rows)


def _how(study: Study, options: BetaVaeOptions) -> tuple[str, str]:
    text = f"{options.train_votes} votes to fit on and {options.test_votes} to judge, each from {options.batch}"
    binned = sum(not factor.discrete for factor in study.truth)
    return text, f"; {binned} factors in {options.factor_bins} equal-width bins" if binned else ""


def _factor_vae_estimator(study: Study, options: FactorVaeOptions) -> str:
    text, binned = _how(study, options)
    return f"{text} rows drawn with replacement from those that share a value; chance is 1/{len(study.truth)}{binned}"


def _beta_vae_estimator(study: Study, options: BetaVaeOptions) -> str:
    text, binned = _how(study, options)
    return f"{text} pairs of distinct rows that share a value; chance is 1/{len(study.truth)}{binned}"


def _invariant_to(study: Study, options: FactorVaeOptions) -> Mapping[str, tuple[str, ...]]:
    # The threshold is in the latents' own unit; without it, only variances relative to the global one matter.
    return {"factor-vae": ("permutation-scaling",)} if options.inactive_below == 0 else {}


FACTOR_VAE = Formula(
    names=("factor-vae",), value=factor_vae_value, estimator=_factor_vae_estimator, invariant_to=_invariant_to
)
BETA_VAE = Formula(names=("beta-vae",), value=beta_vae_value, estimator=_beta_vae_estimator)
