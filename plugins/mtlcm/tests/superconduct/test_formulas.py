"""Chemical formulas: amounts of elements, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_mtlcm.superconduct.formulas import ELEMENTS, composition_matrix, parse_formula


def test_the_elements_are_those_from_hydrogen_to_radon() -> None:
    assert len(ELEMENTS) == len(set(ELEMENTS)) == 86
    assert (ELEMENTS[0], ELEMENTS[7], ELEMENTS[28], ELEMENTS[85]) == ("H", "O", "Cu", "Rn")


@pytest.mark.parametrize(
    ("formula", "amounts"),
    [
        ("MgB2", {"Mg": 1.0, "B": 2.0}),
        ("Ba0.2La1.8Cu1O4", {"Ba": 0.2, "La": 1.8, "Cu": 1.0, "O": 4.0}),
        ("Y1Ba2Cu3O6.95", {"Y": 1.0, "Ba": 2.0, "Cu": 3.0, "O": 6.95}),
        ("Nb.5Co.5", {"Nb": 0.5, "Co": 0.5}),
        ("O1e-3H2", {"O": 0.001, "H": 2.0}),
        ("CuCu2", {"Cu": 3.0}),
        ("NO", {"N": 1.0, "O": 1.0}),
        ("No", None),
        ("", None),
        ("mgB2", None),
        ("Mg B2", None),
        ("MgB2x", None),
        ("2Mg", None),
        ("Uu3", None),
    ],
)
def test_a_formula_is_what_it_says(formula: str, amounts: dict[str, float] | None) -> None:
    if amounts is None:
        with pytest.raises(ValueError, match=r"is not a formula: .* is not an element from H to Rn with an amount"):
            parse_formula(formula)
    else:
        assert parse_formula(formula) == amounts


@given(st.dictionaries(st.sampled_from(ELEMENTS), st.floats(0.001, 999.0), min_size=1, max_size=9))
def test_writing_and_parsing_give_the_amounts_back(amounts: dict[str, float]) -> None:
    formula = "".join(f"{element}{amount!r}" for element, amount in amounts.items())
    assert parse_formula(formula) == amounts
    row = composition_matrix([formula])[0]
    np.testing.assert_array_equal(row, [amounts.get(element, 0.0) for element in ELEMENTS])
