"""The measures against factors as evaluators of one stored representation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from identify_core import Context, Representation, Scored, Subject
from identify_measures.factors import dci as _dci
from identify_measures.factors import explicitness as _explicitness
from identify_measures.factors import gaps, voting
from identify_measures.factors import irs as _irs
from identify_measures.factors import sap as _sap
from identify_measures.factors.measuring import Formula, evaluate
from identify_measures.factors.study import make_study, takes_symbols
from identify_measures.information.infomec import INFOMEC
from identify_measures.options.factors import FactorOptions, SplitOptions

SingleEvaluator = Callable[[FactorOptions, Subject, Context], Scored]


def _representation(formula: Formula) -> SingleEvaluator:
    def evaluator(options: FactorOptions, subject: Subject, context: Context) -> Scored:
        """The scores of the subject's representation; every one of a comparison has its rows split the same way.

        Rows are taken in the order of their ids, so that the order in which they are stored decides nothing.

        Raises:
            InputError: latents or factors hold something else than finite real numbers.
        """
        representation = subject.representations[0]
        options = _as_declared(options, representation)
        order = np.argsort(representation.ids, kind="stable")
        study = make_study(
            representation.values()[order],
            {name: attrs.evolve(each, values=each.values[order]) for name, each in representation.factors.items()},
            factor_bins=options.factor_bins,
            train_fraction=options.train_fraction if isinstance(options, SplitOptions) else 2 / 3,
            symbols=takes_symbols(options),
            seed=context.streams.derive("factors split"),
            name=representation.label,
        )
        return evaluate(formula, study, options, seed=context.streams.derive("factors draws"))

    return evaluator


def _as_declared(options: FactorOptions, representation: Representation) -> FactorOptions:
    """Options that say what latents are: where they leave it to the latents, what those hold."""
    if getattr(options, "latents", "") != "declared":
        return options
    read: Any = {"latents": "symbols" if representation.holds == "symbols" else "numbers"}
    return attrs.evolve(options, **read)


mig = _representation(gaps.MIG)
modularity = _representation(gaps.MODULARITY)
infomec = _representation(INFOMEC)
sap = _representation(_sap.SAP)
explicitness = _representation(_explicitness.EXPLICITNESS)
dci = _representation(_dci.DCI)
factor_vae = _representation(voting.FACTOR_VAE)
beta_vae = _representation(voting.BETA_VAE)
irs = _representation(_irs.IRS)
