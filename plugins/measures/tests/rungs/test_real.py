"""The ladder on real representations: what comes out is recorded here with an independent check."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from identify_measures.options.ladder import LadderOptions
from identify_measures.rungs.splitting import split_rows
from identify_measures.rungs.verdict import equivalence_ladder

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"


def load(name: str) -> dict[str, np.ndarray]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand")
    with np.load(path) as archive:
        return dict(archive)


@pytest.mark.shared
def test_logits_of_two_mnist_networks_are_not_even_affinely_equivalent() -> None:
    x, y = load("svcca_mnist_logits_two_seeds.npz").values()
    verdict = equivalence_ladder(x, y, seed=0)
    assert verdict.lowest == ()
    fit = split_rows(len(x), fraction=0.5, blocks=20, seed=0).fitted
    for direction, (source, target) in {"forward": (x, y), "backward": (y, x)}.items():
        wide = source.astype(float), target.astype(float)
        predicted = LinearRegression().fit(wide[0][fit], wide[1][fit]).predict(wide[0][~fit])
        spread = ((wide[1][~fit] - wide[1][fit].mean(axis=0)) ** 2).sum()
        expected = ((wide[1][~fit] - predicted) ** 2).sum() / spread
        assert verdict.directions[direction]["affine"].value == pytest.approx(expected, rel=1e-6)
    found = {rung: score.value for rung, score in verdict.residuals.items()}
    # The classes name the coordinates: the identity already is the best permutation of the logits.
    assert found["permutation"] == found["identity"] == pytest.approx(0.86, abs=0.02)
    assert found["affine"] == pytest.approx(0.27, abs=0.02)
    assert found["similarity"] == pytest.approx(0.50, abs=0.02)
    assert all(score.value < 1e-20 for score in verdict.controls["identity"].values())
    assert all(score.value > 0.99 for score in verdict.controls["shuffled"].values())


@pytest.mark.shared
def test_sentence_features_of_four_language_models_share_little() -> None:
    features = {name: values for name, values in load("sst2_dev_features_4lms.npz").items() if name != "labels"}
    assert len(features) == 4
    for first, second in combinations(features, 2):
        verdict = equivalence_ladder(
            features[first], features[second], LadderOptions(rungs=("permutation-monotone", "similarity", "affine"))
        )
        assert verdict.lowest == ()
        assert verdict.residuals["affine"].dtype == "float16"
        assert 0.35 < verdict.residuals["affine"].value < 1.05
        assert verdict.residuals["permutation-monotone"].value > 0.7
        # By chance a rotation, which is affine too, is worth more than what least squares makes of as many rows.
        assert verdict.controls["shuffled"]["affine"].value == pytest.approx(1.04, abs=0.02)
