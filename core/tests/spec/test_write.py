"""Whatever is written reads back, on one line a value."""

from __future__ import annotations

import math
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from identify_core.spec.layers import find_lines
from identify_core.spec.write import write_document, write_value

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"""', "'''", "#", "[a]", "[[a]]", "x = 1", 'a"b', "a\nb = 1", "\\"]
)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
DOCUMENTS = st.dictionaries(TEXT, VALUES, max_size=4)


@given(DOCUMENTS)
def test_a_written_document_reads_back(document: dict[str, Any]) -> None:
    assert tomllib.loads(write_document(document)) == document


@given(VALUES)
def test_a_value_takes_one_line(value: Any) -> None:
    text = write_value(value)
    assert "\n" not in text
    assert tomllib.loads(f"x = {text}")["x"] == value


@given(DOCUMENTS)
def test_each_key_stands_on_the_line_that_is_found_for_it(document: dict[str, Any]) -> None:
    lines = write_document(document).split("\n")
    for path, number in find_lines("\n".join(lines)).items():
        line = lines[number - 1]
        node: Any = document
        for part in path:
            node = node[part]
        if line.startswith("["):
            assert isinstance(node, dict)
        else:
            (value,) = tomllib.loads(line).values()
            assert value == node


def test_infinities_are_written() -> None:
    assert tomllib.loads(write_document({"a": -math.inf})) == {"a": -math.inf}
