"""Key paths are written as TOML would and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.spec.keypaths import read_key_path, write_key_path


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])), min_size=1))
def test_a_written_path_reads_back(parts: list[str]) -> None:
    assert read_key_path(write_key_path(tuple(parts))) == tuple(parts)


def test_an_index_is_written_bare() -> None:
    assert write_key_path(("evaluators", 0, "n.m")) == 'evaluators.0."n.m"'


@pytest.mark.parametrize("text", ["", "a..b", "a = 1\nb", ".", "a b", "a = {}#", "a = 1 #"])
def test_what_is_no_key_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not (a|one) dotted key such as objective\.steps"):
        read_key_path(text)
