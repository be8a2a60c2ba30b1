"""The measures against factors as functions of two arrays."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from identify_core import Score, Scored
from identify_measures.factors.dci import DCI
from identify_measures.factors.explicitness import EXPLICITNESS
from identify_measures.factors.gaps import MIG, MODULARITY
from identify_measures.factors.irs import IRS
from identify_measures.factors.measuring import Formula, evaluate
from identify_measures.factors.sap import SAP
from identify_measures.factors.study import make_study, takes_symbols
from identify_measures.factors.truth import Kinds
from identify_measures.factors.voting import BETA_VAE, FACTOR_VAE
from identify_measures.options.factors import (
    BetaVaeOptions,
    DciOptions,
    ExplicitnessOptions,
    FactorOptions,
    FactorVaeOptions,
    IrsOptions,
    SapOptions,
    SplitOptions,
)
from identify_measures.options.information import Bins, Estimator, MatrixOptions

Latents = Literal["numbers", "symbols"]


@attrs.frozen(kw_only=True)
class Dci:
    """The three scores of DCI.

    Args:
        disentanglement: whether each latent matters for one factor only.
        completeness: whether each factor is kept in one latent only.
        informativeness: how well the factors are predicted.
    """

    disentanglement: Score
    completeness: Score
    informativeness: Score


def mig(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    latents: Latents = "numbers",
    estimator: Estimator = "plug-in",
    bins: Bins = 20,
    neighbours: int = 3,
    factor_bins: int = 20,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Mutual information gap (Chen, Li, Grosse & Duvenaud 2018, equation 6).

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: of the same rows: a mapping of names to arrays or `Factor`s, or an array of shape (n, F).
        kinds: continuous, circular (in radians), degrees, ordinal or categorical: one for all, one a factor, or a
            mapping of names; where none is said, integers, text, true and false are categorical, the others continuous.
        latents: `numbers`, or `symbols` of which only whether two are the same counts.
        estimator: of the information: `plug-in`, `miller-madow`, `permutation` or `neighbours`.
        bins: equal-width bins of each latent, or a rule of numpy.
        neighbours: of the estimator of that name.
        factor_bins: equal-width bins of continuous and circular factors.
        interval_draws: bootstrap resamples for a 95 % interval; 0 for none.
        chance_draws: random pairings of rows for the chance level; 0 for none.
        seed: of those draws.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    options = MatrixOptions(
        latents=latents,
        estimator=estimator,
        bins=bins,
        neighbours=neighbours,
        factor_bins=factor_bins,
        interval_draws=interval_draws,
        chance_draws=chance_draws,
    )
    return _single(MIG, codes, factors, kinds, options, seed)


def modularity(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    latents: Latents = "numbers",
    estimator: Estimator = "plug-in",
    bins: Bins = 20,
    neighbours: int = 3,
    factor_bins: int = 20,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Modularity (Ridgeway & Mozer 2018, equation 2); the arguments are those of `mig`.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    options = MatrixOptions(
        latents=latents,
        estimator=estimator,
        bins=bins,
        neighbours=neighbours,
        factor_bins=factor_bins,
        interval_draws=interval_draws,
        chance_draws=chance_draws,
    )
    return _single(MODULARITY, codes, factors, kinds, options, seed)


def sap(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    latents: Latents = "numbers",
    train_fraction: float = 2 / 3,
    test_rows: Any = None,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Separated attribute predictability (Kumar, Sattigeri & Balakrishnan 2018, section 3).

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: as for `mig`.
        kinds: as for `mig`.
        latents: `numbers` or `symbols`.
        train_fraction: the part of the rows, drawn at random, that predictors are fitted on.
        test_rows: the row numbers to judge on instead, all others to fit on.
        interval_draws: bootstrap resamples for a 95 % interval; 0 for none.
        chance_draws: random pairings of rows for the chance level; 0 for none.
        seed: of the split and of the draws.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    options = SapOptions(
        latents=latents, train_fraction=train_fraction, interval_draws=interval_draws, chance_draws=chance_draws
    )
    return _single(SAP, codes, factors, kinds, options, seed, test_rows)


def explicitness(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    scaled: bool = False,
    factor_bins: int = 20,
    train_fraction: float = 2 / 3,
    test_rows: Any = None,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Explicitness (Ridgeway & Mozer 2018, section 3): a mean area under the curve; other arguments as for `sap`.

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: as for `mig`.
        kinds: as for `mig`.
        scaled: whether to give 2 AUC − 1, of which chance is 0.
        factor_bins: equal-width bins of continuous and circular factors.
        train_fraction: the part of the rows to fit on.
        test_rows: the row numbers to judge on instead.
        interval_draws: bootstrap resamples for a 95 % interval; 0 for none.
        chance_draws: random pairings of rows for the chance level; 0 for none.
        seed: of the split and of the draws.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    options = ExplicitnessOptions(
        scaled=scaled,
        factor_bins=factor_bins,
        train_fraction=train_fraction,
        interval_draws=interval_draws,
        chance_draws=chance_draws,
    )
    return _single(EXPLICITNESS, codes, factors, kinds, options, seed, test_rows)


def dci(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    latents: Latents = "numbers",
    mode: Literal["reference", "fast"] = "reference",
    train_fraction: float = 2 / 3,
    test_rows: Any = None,
    jobs: int = 0,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Dci:
    """Disentanglement, completeness and informativeness (Eastwood & Williams 2018) from gradient boosting.

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: as for `mig`; classifiers predict ordinal and categorical ones, regressions the others.
        kinds: as for `mig`.
        latents: `numbers` or `symbols`.
        mode: `reference` grows scikit-learn's trees; `fast` is the same algorithm on binned latents.
        train_fraction: the part of the rows, drawn at random, that predictors are fitted on.
        test_rows: the row numbers to judge on instead, all others to fit on.
        jobs: factors fitted side by side; 0 for as many as there are cores.
        interval_draws: bootstrap resamples for a 95 % interval; 0 for none.
        chance_draws: random pairings of rows for the chance level; 0 for none.
        seed: of the split and of the draws.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    options = DciOptions(
        latents=latents,
        mode=mode,
        train_fraction=train_fraction,
        jobs=jobs,
        interval_draws=interval_draws,
        chance_draws=chance_draws,
    )
    scores = judge(DCI, codes, factors, kinds, options, seed, test_rows).scores
    return Dci(
        disentanglement=scores["dci-disentanglement"],
        completeness=scores["dci-completeness"],
        informativeness=scores["dci-informativeness"],
    )


def factor_vae(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    inactive_below: float = 0.05,
    batch: int = 64,
    train_votes: int = 10_000,
    test_votes: int = 5_000,
    least_rows: int = 16,
    factor_bins: int = 20,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """The FactorVAE metric (Kim & Mnih 2018, section 4), drawn from a finite table of samples.

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: as for `mig`.
        kinds: as for `mig`.
        inactive_below: latents with a standard deviation below this, in their own unit, are left out.
        batch: rows behind a vote, drawn with replacement from those that share the value of a factor.
        train_votes: votes that the majority is found from.
        test_votes: votes that judge it.
        least_rows: rows that have to share a value before it is held fixed.
        factor_bins: equal-width bins of continuous and circular factors.
        interval_draws: bootstrap resamples for a 95 % interval; 0 for none.
        chance_draws: random pairings of rows for the chance level; 0 for none.
        seed: of all draws.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    options = FactorVaeOptions(
        inactive_below=inactive_below,
        batch=batch,
        train_votes=train_votes,
        test_votes=test_votes,
        least_rows=least_rows,
        factor_bins=factor_bins,
        interval_draws=interval_draws,
        chance_draws=chance_draws,
    )
    return _single(FACTOR_VAE, codes, factors, kinds, options, seed)


def beta_vae(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    batch: int = 64,
    train_votes: int = 10_000,
    test_votes: int = 5_000,
    least_rows: int = 16,
    factor_bins: int = 20,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """The BetaVAE metric (Higgins et al. 2017, section 3), drawn from a finite table; arguments as for `factor_vae`.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    options = BetaVaeOptions(
        batch=batch,
        train_votes=train_votes,
        test_votes=test_votes,
        least_rows=least_rows,
        factor_bins=factor_bins,
        interval_draws=interval_draws,
        chance_draws=chance_draws,
    )
    return _single(BETA_VAE, codes, factors, kinds, options, seed)


def irs(
    codes: Any,
    factors: Any,
    *,
    kinds: Kinds = None,
    quantile: float = 0.99,
    factor_bins: int = 20,
    interval_draws: int = 0,
    chance_draws: int = 0,
    seed: int = 0,
) -> Score:
    """Interventional robustness score (Suter, Miladinović, Schölkopf & Bauer 2019).

    Args:
        codes: latents, shape (n, d), numpy or torch.
        factors: as for `mig`.
        kinds: as for `mig`.
        quantile: the quantile of the deviations that stands for the largest; 1 is the paper's version.
        factor_bins: equal-width bins of continuous and circular factors.
        interval_draws: bootstrap resamples for a 95 % interval; 0 for none.
        chance_draws: random pairings of rows for the chance level; 0 for none.
        seed: of those draws.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    options = IrsOptions(
        quantile=quantile, factor_bins=factor_bins, interval_draws=interval_draws, chance_draws=chance_draws
    )
    return _single(IRS, codes, factors, kinds, options, seed)


def _single(
    formula: Formula, codes: Any, factors: Any, kinds: Kinds, options: FactorOptions, seed: int, test_rows: Any = None
) -> Score:
    return judge(formula, codes, factors, kinds, options, seed, test_rows).scores[formula.names[0]]


def judge(
    formula: Formula,
    codes: Any,
    factors: Any,
    kinds: Kinds,
    options: FactorOptions,
    seed: int,
    test_rows: Any = None,
) -> Scored:
    """The scores of latents against factors.

    Raises:
        InputError: they are not latents and factors of the same samples.
    """
    study = make_study(
        codes,
        factors,
        kinds=kinds,
        factor_bins=options.factor_bins,
        train_fraction=options.train_fraction if isinstance(options, SplitOptions) else 2 / 3,
        test_rows=test_rows,
        symbols=takes_symbols(options),
        seed=seed,
    )
    return evaluate(formula, study, options, seed=seed)
