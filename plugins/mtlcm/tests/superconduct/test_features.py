"""The 81 features: a slow reference after the paper's formulas, its worked example, invariances, the original rows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from identify_mtlcm.superconduct.features import FEATURE_NAMES, PROPERTIES, compute_features
from identify_mtlcm.superconduct.formulas import ELEMENTS

SHARED = Path(__file__).parents[5] / "shared" / "data"
GENERATOR = np.random.default_rng(0)
TABLE = GENERATOR.uniform(0.5, 400.0, (86, 8))


def slow_features(amounts: dict[int, float]) -> list[float]:
    """One composition, one property after the other, straight from table 2 of the paper."""
    total = sum(amounts.values())
    p = {element: amount / total for element, amount in amounts.items()}
    found = [float(len(p))]
    for column in range(8):
        t = {element: float(TABLE[element, column]) for element in p}
        w = {element: t[element] / sum(t.values()) for element in p}
        a = {element: p[element] * w[element] / sum(p[e] * w[e] for e in p) for element in p}
        mean, weighted = sum(t.values()) / len(p), sum(p[e] * t[e] for e in p)
        found += [
            mean,
            weighted,
            math.prod(t.values()) ** (1 / len(p)),
            math.prod(t[e] ** p[e] for e in p),
            -sum(w[e] * math.log(w[e]) for e in p),
            -sum(a[e] * math.log(a[e]) for e in p),
            max(t.values()) - min(t.values()),
            max(p[e] * t[e] for e in p) - min(p[e] * t[e] for e in p),
            math.sqrt(sum((t[e] - mean) ** 2 for e in p) / len(p)),
            math.sqrt(sum(p[e] * (t[e] - weighted) ** 2 for e in p)),
        ]
    return found


def some_compositions() -> list[dict[int, float]]:
    chosen = []
    for size in (1, 1, 2, 3, 4, 5, 6, 7, 8, 9):
        elements = GENERATOR.choice(86, size, replace=False).tolist()
        chosen.append(dict(zip(elements, GENERATOR.uniform(0.01, 9.0, size).tolist(), strict=True)))
    return chosen


def matrix(compositions: list[dict[int, float]]) -> np.ndarray:
    amounts = np.zeros((len(compositions), 86))
    for row, composition in zip(amounts, compositions, strict=True):
        for element, amount in composition.items():
            row[element] = amount
    return amounts


def test_the_features_are_the_papers_formulas() -> None:
    compositions = some_compositions()
    expected = [slow_features(each) for each in compositions]
    np.testing.assert_allclose(compute_features(matrix(compositions), TABLE), expected, rtol=1e-11, atol=1e-11)


def test_the_papers_worked_example() -> None:
    """Hamidieh (2018), section 2.2: Re6Zr1 with thermal conductivities 48 and 23 W/(m K)."""
    properties = np.full((86, 8), np.nan)
    properties[ELEMENTS.index("Re")] = 48.0
    properties[ELEMENTS.index("Zr")] = 23.0
    amounts = np.zeros((1, 86))
    amounts[0, [ELEMENTS.index("Re"), ELEMENTS.index("Zr")]] = 6.0, 1.0
    named = dict(zip(FEATURE_NAMES, compute_features(amounts, properties)[0], strict=True))
    assert named["mean_ThermalConductivity"] == pytest.approx(35.5)
    assert named["wtd_mean_ThermalConductivity"] == pytest.approx(44.43, abs=5e-3)
    assert named["gmean_ThermalConductivity"] == pytest.approx(33.23, abs=5e-3)
    assert named["wtd_gmean_ThermalConductivity"] == pytest.approx(43.21, abs=5e-3)
    assert named["entropy_ThermalConductivity"] == pytest.approx(0.63, abs=5e-3)
    assert named["wtd_entropy_ThermalConductivity"] == pytest.approx(0.26, abs=6e-3)
    assert named["range_ThermalConductivity"] == pytest.approx(25.0)
    assert named["wtd_range_ThermalConductivity"] == pytest.approx(37.86, abs=5e-3)
    assert named["std_ThermalConductivity"] == pytest.approx(12.5)
    assert named["wtd_std_ThermalConductivity"] == pytest.approx(8.75, abs=5e-3)


def test_only_the_parts_of_a_composition_count_and_only_its_own_elements() -> None:
    amounts = matrix(some_compositions())
    features = compute_features(amounts, TABLE)
    np.testing.assert_allclose(compute_features(3.7 * amounts, TABLE), features, rtol=1e-12, atol=1e-12)
    order = GENERATOR.permutation(86)
    np.testing.assert_allclose(compute_features(amounts[:, order], TABLE[order]), features, rtol=1e-12, atol=1e-12)
    unknown = TABLE.copy()
    unknown[amounts.sum(axis=0) == 0] = np.nan
    np.testing.assert_array_equal(compute_features(amounts, unknown), features)
    np.testing.assert_allclose(compute_features(amounts[-1:], TABLE), features[-1:], rtol=1e-12, atol=1e-12)


def test_a_pure_element_has_its_own_properties_and_no_spread() -> None:
    features = compute_features(np.eye(86), TABLE)
    named = dict(zip(FEATURE_NAMES, features.T, strict=True))
    for column, name in enumerate(PROPERTIES):
        for statistic in ("mean", "wtd_mean", "gmean", "wtd_gmean"):
            np.testing.assert_allclose(named[f"{statistic}_{name}"], TABLE[:, column])
        for statistic in ("entropy", "wtd_entropy", "range", "wtd_range", "std", "wtd_std"):
            np.testing.assert_allclose(named[f"{statistic}_{name}"], 0.0, atol=1e-12)


def test_an_element_without_properties_is_named_with_the_row_that_contains_it() -> None:
    properties = TABLE.copy()
    properties[ELEMENTS.index("He"), 3] = np.nan
    amounts = np.eye(86)
    with pytest.raises(ValueError, match="the properties of He are not known, but row 1 contains it"):
        compute_features(amounts, properties, ELEMENTS)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data here")
def test_the_features_are_those_of_the_original_rows() -> None:
    """Float32 holds the original to half a unit in its last place; that is all the difference there may be."""
    from identify_mtlcm.superconduct.files import _read_compositions

    table = _read_compositions(SHARED / "superconduct_unique_m.csv.gz", SHARED / "superconduct_element_properties.csv")
    with np.load(SHARED / "superconduct_3000rows.npz") as original:
        rows, features = original["row"], original["features"]
        assert tuple(original["feature_names"]) == FEATURE_NAMES
        np.testing.assert_allclose(table.amounts[rows], original["composition"], rtol=1e-6)
        np.testing.assert_allclose(table.temperature[rows], original["critical_temp"], rtol=1e-6)
    np.testing.assert_allclose(table.features[rows], features, rtol=6e-8, atol=1e-7)
