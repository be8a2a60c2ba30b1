"""The nearest name, and the hint that is made of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from identify_core.suggestions import did_you_mean, nearest

WORDS = ["convergence", "nullity", "subspace"]


def test_a_slip_finds_its_word_whatever_the_case() -> None:
    assert nearest("convergance", WORDS) == "convergence"
    assert nearest("NULLITY", WORDS) == "nullity"
    assert nearest("zebra", WORDS) is None
    assert nearest("fcn", ["FCN"]) == "FCN"


def test_a_word_of_a_name_finds_it_before_any_misspelling() -> None:
    assert nearest("cka", ["cknna", "linear-cka", "debiased-cka"]) == "linear-cka"
    assert nearest("CKA", ["measures:linear-cka"]) == "measures:linear-cka"


def test_the_hint_asks_lists_or_is_silent() -> None:
    assert did_you_mean("nulity", WORDS) == "did you mean 'nullity'?"
    assert did_you_mean("zebra", reversed(WORDS)) == "there are: convergence, nullity, subspace"
    assert did_you_mean("zebra", []) == ""


@given(st.text(), st.lists(st.text()))
def test_what_is_suggested_exists(name: str, candidates: list[str]) -> None:
    assert nearest(name, candidates) in [None, *candidates]
    if name in candidates:
        assert nearest(name, candidates).lower() == name.lower()  # type: ignore[union-attr]
