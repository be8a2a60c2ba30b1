"""The family as evaluators of a stored representation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import identify_measures
from identify_core import Factor, Score, Subject
from identify_core.testing.contexts import make_context
from identify_core.testing.representations import represent
from identify_measures.catalogue.factors import FACTORS
from identify_measures.options.factors import BetaVaeOptions, DciOptions, FactorVaeOptions

OPTIONS = {
    "dci": DciOptions(mode="fast"),
    "factor-vae": FactorVaeOptions(train_votes=200, test_votes=100),
    "beta-vae": BetaVaeOptions(train_votes=200, test_votes=100),
}


@pytest.mark.parametrize("measure", [each for each in FACTORS if each.target], ids=lambda each: each.name)
def test_evaluators_give_scores_by_name(
    measure: identify_measures.catalogue.Measure, tmp_path: Path, grid: np.ndarray, noisy: np.ndarray
) -> None:
    factors = {
        "shape": Factor(values=grid[:, 0], kind="categorical"),
        "size": Factor(values=grid[:, 1], kind="ordinal"),
    }
    representation = represent(noisy, "mine/0", factors=factors)
    evaluator = measure.evaluator()
    context = make_context(tmp_path)
    options = OPTIONS.get(measure.name, evaluator.options())
    found = evaluator.load()(options, Subject(representations=(representation,)), context).scores
    names = {
        "dci": {"dci-disentanglement", "dci-completeness", "dci-informativeness"},
        "infomec": {"infom", "infoe", "infoc", "infom-gap", "infoc-gap"},
    }
    assert set(found) == names.get(measure.name, {measure.name})
    for score in found.values():
        assert isinstance(score, Score)
        assert 0.1 < score.value <= 1
    again = evaluator.load()(options, Subject(representations=(representation,)), make_context(tmp_path)).scores
    assert again == found


def test_the_library_offers_them_by_name() -> None:
    for measure in FACTORS:
        if measure.function:
            assert callable(getattr(identify_measures, measure.name.replace("-", "_")))
