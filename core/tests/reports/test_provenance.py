"""What was asked and where it came from: the spec is shown as it is, and every stored fact appears."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.reports.provenance import asked, came_from, duration, highlight

TOML = """\
# a comment with "quotes" = 1
[objective]
steps = 2_000  # half
rate = 1e-3
flag = true
"odd key" = 'x # no comment'
[[evaluators]]
"""


def without_tags(markup: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", markup))


@given(st.text(alphabet=st.sampled_from(list("[]#=\"'\\ab1.e-_\n <>&")), max_size=60))
def test_highlighting_changes_no_character(spec: str) -> None:
    assert without_tags(highlight(spec)) == spec


def test_highlighting_tells_the_parts_of_toml_apart() -> None:
    found = re.findall(r'<span class="toml-(\w+)">([^<]*)</span>', highlight(TOML))
    assert [(kind, unescape(words).strip()) for kind, words in found] == [
        ("comment", '# a comment with "quotes" = 1'),
        ("table", "[objective]"),
        ("key", "steps"),
        ("value", "2_000"),
        ("comment", "# half"),
        ("key", "rate"),
        ("value", "1e-3"),
        ("key", "flag"),
        ("value", "true"),
        ("key", '"odd key"'),
        ("text", "'x # no comment'"),
        ("table", "[[evaluators]]"),
    ]


def test_a_spec_that_is_no_toml_is_shown_as_it_is() -> None:
    assert "not = = toml" in without_tags(asked("not = = toml").content)


def test_a_spec_that_is_nested_without_measure_is_shown_as_it_is() -> None:
    assert "[[[[" in without_tags(asked("a = " + "[" * 100_000).content)


def test_components_are_summarised_in_toml_words() -> None:
    spec = '[model]\ntype = "genni:fcn"\nwidths = [2, 3]\nbias = false\nhead = {scale = 0.5}\n'
    words = without_tags(asked(spec).content)
    assert "widths = [2, 3], bias = false, head = {scale = 0.5}" in words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (59.7, "1 min 0 s"), (3599.6, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_durations_are_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_every_fact_is_shown_and_checksums_are_counted() -> None:
    document = {
        "seed": 7,
        "loss": float("nan"),
        "none": None,
        "provenance": {"packages": {"torch": "2.13.0"}, "argv": ["identify", "run"]},
        "components": [
            {"kind": "dataset", "name": "a:b", "label": "dataset", "distribution": "identify-a", "version": "0.1.0"},
            {"kind": "evaluator", "name": "a:c", "label": "sharp", "distribution": "identify-a", "version": "0.1.0"},
        ],
        "arrays": {"a": "1", "b": "2"},
    }
    words = without_tags(came_from(document).content.replace("</dt>", "=").replace("</dd>", "|"))
    for expected in (
        "seed=7|",
        "loss=nan|",
        "none=–|",
        "packages · torch=2.13.0|",
        "|argv=identify run|",
        "dataset=a:b of identify-a 0.1.0|",
        "evaluator sharp=a:c of identify-a 0.1.0|",
        "arrays=2 with checksums",
    ):
        assert expected in words
