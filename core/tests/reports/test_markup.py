"""Markup: plain text can never become HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from identify_core.reports.markup import Markup, element, text

NASTY = st.text(alphabet=st.sampled_from(list("<>&\"'/=ab \n")), max_size=30)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def read(markup: str) -> _Reader:
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader


@given(NASTY, NASTY)
def test_a_browser_reads_exactly_the_text_and_the_attribute_that_were_put_in(words: str, value: str) -> None:
    found = read(element("p", words, title=value))
    assert found.tags == ["p"]
    assert found.words == words
    assert found.attributes == [("title", value)]


def test_markup_is_nested_as_it_is_and_none_is_nothing() -> None:
    inner = element("b", "x < y")
    assert element("p", inner, None, ["a", Markup("<i>c</i>")]) == "<p><b>x &lt; y</b>a<i>c</i></p>"
    assert text(None) == ""


def test_attributes_take_hyphens_and_true_false_and_none() -> None:
    made = element("img", data_value=3, class_="wide", hidden=True, open=False, title=None)
    assert made == '<img data-value="3" class="wide" hidden>'
