"""Key paths are written as TOML would and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.spec.keypaths import read_key_path, write_key_path


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])), min_size=1, max_size=64))
def test_a_written_path_reads_back(parts: list[str]) -> None:
    assert read_key_path(write_key_path(tuple(parts))) == tuple(parts)


def test_an_index_is_written_bare() -> None:
    assert write_key_path(("evaluators", 0, "n.m")) == 'evaluators.0."n.m"'


@pytest.mark.parametrize("text", ["", "a..b", "a = 1\nb", ".", "a b", "a = {}#", "a = 1 #"])
def test_what_is_no_key_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not (a|one) dotted key such as objective\.steps"):
        read_key_path(text)


def test_dots_in_quotes_are_no_levels() -> None:
    key = "." * 1_000
    assert read_key_path(f'"{key}"') == (key,)
    assert read_key_path(f"a.'{key}'") == ("a", key)
    for nested in (".".join("a" * 65), ".".join(['"a"'] * 65)):
        with pytest.raises(ValueError, match="is nested deeper than 64 levels"):
            read_key_path(nested)


def test_a_value_in_the_place_of_a_key_is_refused_however_deep() -> None:
    with pytest.raises(ValueError, match="is not a dotted key"):
        read_key_path("a = " + "[" * 100_000)
