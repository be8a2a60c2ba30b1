"""Every measure against factors keeps its value under the rungs that it declares, and loses it outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from identify_core import Score, includes
from identify_measures.catalogue import CATALOGUE
from identify_measures.factors import functions
from identify_measures.information.functions import infomec

FEW = {"train_votes": 500, "test_votes": 500}
Codes = np.ndarray[Any, Any]

MEASURES: dict[str, tuple[Callable[[Codes, Codes], Score], float]] = {
    "mig": (functions.mig, 1e-9),
    "modularity": (functions.modularity, 1e-9),
    "infom": (lambda z, y: infomec(z, y).infom, 1e-9),
    "infoc": (lambda z, y: infomec(z, y).infoc, 1e-9),
    "infom-gap": (lambda z, y: infomec(z, y).infom_gap, 1e-9),
    "infoc-gap": (lambda z, y: infomec(z, y).infoc_gap, 1e-9),
    "infoe": (lambda z, y: infomec(z, y).infoe, 1e-5),
    "irs": (functions.irs, 1e-9),
    "sap": (functions.sap, 1e-9),
    "explicitness": (functions.explicitness, 1e-4),
    # A latent's place decides ties of votes, and a solver stops within its tolerance.
    "factor-vae": (lambda z, y: functions.factor_vae(z, y, **FEW), 1e-9),
    "beta-vae": (lambda z, y: functions.beta_vae(z, y, batch=4, **FEW), 4e-3),
    # Ties among equally good splits are broken by the place of a latent.
    "dci-disentanglement": (lambda z, y: functions.dci(z, y > 1, jobs=1).disentanglement, 0.03),
    "dci-completeness": (lambda z, y: functions.dci(z, y > 1, jobs=1).completeness, 0.03),
}


def _element(rung: str, codes: Codes, random: np.random.Generator) -> Codes:
    """The codes under a random map of that rung."""
    d = codes.shape[1]
    if rung == "orthogonal":
        return codes @ np.linalg.qr(random.normal(size=(d, d)))[0]
    order = random.permutation(d)
    if rung == "permutation-monotone":
        # Rising or falling, with a slope that changes a hundredfold over the data.
        bent = np.sign(codes) * np.abs(codes) ** 3 + 0.05 * codes
        return (bent * random.choice([-1, 1], size=d))[:, order]
    signs = random.choice([-1, 1], size=d)
    if rung == "permutation-scaling":
        return (codes * signs * np.exp(random.uniform(-6, 6, size=d)))[:, order]
    if rung == "linear":
        return codes @ random.normal(size=(d, d))
    assert rung == "signed-permutation"
    return (codes * signs)[:, order]


@pytest.fixture
def data(grid: Codes) -> tuple[Codes, Codes]:
    random = np.random.default_rng(3)
    centred = grid - grid.mean(axis=0)
    mixing = np.array([[1.0, 0.3, 0.0, 0.2], [0.0, 1.0, 0.3, 0.4], [0.2, 0.0, 0.8, 0.4]])
    return centred @ mixing + 0.3 * random.normal(size=(360, 4)), grid


@pytest.mark.parametrize("name", MEASURES)
def test_it_holds_under_what_is_declared(name: str, data: tuple[Codes, Codes]) -> None:
    measure, tolerance = MEASURES[name]
    codes, factors = data
    before = measure(codes, factors)
    assert before.invariant_to == CATALOGUE[name].invariant_to
    for rung in before.invariant_to:
        after = measure(_element(rung, codes, np.random.default_rng(5)), factors)
        assert after.value == pytest.approx(before.value, abs=tolerance)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("rung", ["permutation-scaling", "permutation-monotone", "orthogonal"])
def test_it_breaks_outside(name: str, rung: str, data: tuple[Codes, Codes]) -> None:
    measure, tolerance = MEASURES[name]
    if any(includes(declared, rung) for declared in CATALOGUE[name].invariant_to):
        pytest.skip(f"{name} is invariant to it")
    codes, factors = data
    before = measure(codes, factors).value
    changes = [abs(measure(_element(rung, codes, np.random.default_rng(s)), factors).value - before) for s in (5, 6, 7)]
    assert max(changes) > max(2 * tolerance, 5e-4)


def test_a_shift_of_latents_changes_nothing_where_the_origin_means_nothing(data: tuple[Codes, Codes]) -> None:
    codes, factors = data
    shifted = codes + np.array([5.0, -3.0, 100.0, 0.1])
    for name in ("mig", "modularity", "infom", "infoe", "infoc", "irs", "explicitness", "factor-vae", "beta-vae"):
        measure, tolerance = MEASURES[name]
        assert measure(shifted, factors).value == pytest.approx(measure(codes, factors).value, abs=tolerance)
