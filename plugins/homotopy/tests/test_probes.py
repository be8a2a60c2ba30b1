"""Probes: their figures against libraries, preprocessing, rows joined by id, hidden labels, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import identify_core as ic
from identify_core.testing.contexts import make_context
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
from identify_homotopy.probes.evaluator import evaluate
from identify_homotopy.probes.preprocessing import preprocess

Values = np.ndarray[Any, Any]


def tables(n: int, classes: int, seed: int) -> Values:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), size=n)


@pytest.mark.parametrize("classes", [2, 3])
def test_figures_are_those_of_the_libraries(classes: int) -> None:
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import spearmanr
    from sklearn import metrics

    p, q = tables(80, classes, 0), tables(80, classes, 1)
    y = np.random.default_rng(2).integers(classes, size=80)
    one, other = p.argmax(axis=1), q.argmax(axis=1)
    assert accuracy(p, y) == pytest.approx(metrics.accuracy_score(y, one))
    assert f1(p, y) == pytest.approx(metrics.f1_score(y, one, average="binary" if classes == 2 else "weighted"))
    assert agreement(p, q) == pytest.approx(np.mean(one == other))
    assert kappa(p, q) == pytest.approx(metrics.cohen_kappa_score(one, other))
    assert jensen_shannon(p, q) == pytest.approx(np.mean(jensenshannon(p, q, base=2, axis=1) ** 2))
    assert rank_correlation(p, q) == pytest.approx(spearmanr(p[:, -1], q[:, -1]).statistic)
    assert log_loss(p, y) == pytest.approx(metrics.log_loss(y, p))
    if classes == 2:
        assert brier(p, y) == pytest.approx(metrics.brier_score_loss(y, p[:, 1]))


def test_figures_at_their_ends() -> None:
    sure = np.eye(2)[[0, 1, 1, 0]]
    y = np.array([0, 1, 1, 0])
    assert (brier(sure, y), log_loss(sure, y), jensen_shannon(sure, 1 - sure)) == (0.0, 0.0, 1.0)
    assert brier(1 - sure, y) == 1.0
    assert kappa(sure, 1 - sure) == -1.0
    always = np.eye(2)[[0, 0, 0, 0]]
    assert np.isnan(kappa(always, always))
    assert np.isnan(rank_correlation(always, sure))


def test_preprocessing_is_fitted_on_the_training_rows_alone() -> None:
    values = np.random.default_rng(0).normal(3.0, [0.1, 5.0, 2.0], size=(60, 3))
    train = np.arange(40)
    assert preprocess(values, train, "none") is values
    assert preprocess(values, train, "centre")[train].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert np.square(preprocess(values, train, "unit-rms")[train]).mean() == pytest.approx(1.0)
    white = preprocess(np.c_[values, values[:, :1]], train, "whiten")
    assert white.shape == (60, 3)
    assert np.cov(white[train].T, bias=True) == pytest.approx(np.eye(3), abs=1e-9)
    changed = values.copy()
    changed[40:] += 9.0
    for how in ("centre", "unit-rms", "whiten"):
        assert preprocess(changed, train, how)[train] == pytest.approx(preprocess(values, train, how)[train])


def encoder(label: str, values: Values, y: Values, rows: Values | None = None) -> ic.Representation:
    rows = np.arange(len(values)) if rows is None else rows
    values = values[rows]
    return ic.Representation(
        label=label,
        run_id="r",
        latents="z",
        replicate=0,
        ids=rows,
        identified_up_to="",
        shape=(len(values), values.shape[1]),
        load_rows=lambda start, stop: values[start:stop],
        factors={"label": ic.Factor(values=y[rows], kind="categorical")},
    )


def found(folder: Path, *encoders: ic.Representation, **options: Any) -> ic.Finding:
    return evaluate(ProbeOptions(**options), ic.Subject(representations=encoders), make_context(folder))


def sample(n: int = 240) -> tuple[Values, Values]:
    values = np.random.default_rng(0).normal(size=(n, 3))
    return values, (values[:, 0] > 0).astype(int)


def test_the_same_encoder_agrees_with_itself_in_any_order_of_rows(tmp_path: Path) -> None:
    """The study paired probabilities of test sets in two random orders."""
    values, y = sample()
    turned = np.random.default_rng(3).permutation(len(y))
    finding = found(tmp_path, encoder("a", values, y), encoder("b", values, y, turned))
    (pair,) = finding.tables["pairs"].rows
    assert pair[2:5] == pytest.approx((1.0, 1.0, 0.0))
    assert pair[6:9] == (0.0, 0.0, 0.0)


def test_what_an_encoder_knows_is_read_and_what_it_does_not_know_is_chance(tmp_path: Path) -> None:
    values, y = sample()
    finding = found(tmp_path, encoder("knows", values, y), encoder("not", values[:, 1:], y))
    knows, guesses = finding.tables["encoders"].rows
    assert knows[1] > 0.93
    assert knows[2] <= knows[1] <= knows[3]
    assert guesses[1] == pytest.approx(0.5, abs=0.12)
    (pair,) = finding.tables["pairs"].rows
    assert pair[7] > 0.2, "the interval of the difference is above 0"
    assert abs(float(pair[3])) < 0.3
    assert finding.summary.startswith("the best probe, of knows, is right on")
    assert "95 % over sentences" in finding.summary


def test_whitened_affine_copies_have_the_same_probe(tmp_path: Path) -> None:
    values, y = sample()
    copy = values @ np.array([[3.0, 0.2, 0.0], [0.0, 0.1, 1.0], [1.0, 0.0, 2.0]]) + 7.0
    finding = found(tmp_path, encoder("a", values, y), encoder("b", copy, y), preprocessing="whiten")
    p = finding.arrays["probabilities"].values
    assert p[0] == pytest.approx(p[1], abs=1e-4)


def test_hidden_labels_take_no_part(tmp_path: Path) -> None:
    values, y = sample()
    hidden = np.where(np.arange(len(y)) < 40, -1, y)
    finding = found(tmp_path, encoder("a", values, hidden))
    assert finding.arrays["probabilities"].values.shape == (1, 100, 2)
    assert not finding.tables["pairs"].rows


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1] * 10, {"factor": "lable"}, "a has no label 'lable'"),
        ([-1] * 20, {}, "0 sentences have a label in all encoders"),
        ([1] * 20, {}, "training sentences have 1 of 1 labels"),
    ],
)
def test_what_cannot_be_classified_is_refused(tmp_path: Path, labels: list[int], options: Any, message: str) -> None:
    with pytest.raises(ic.IdentifyError) as raised:
        found(tmp_path, encoder("a", np.ones((20, 2)), np.array(labels)), **options)
    assert message in str(raised.value)
    assert raised.value.hint
