"""What `option()` records, and what each limit accepts and says."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest

from identify_core.options import above, at_least, between, matching, not_empty, option


@attrs.frozen
class Everything:
    value: Any = option(None, help="A value.", unit="m", source="section 1", limit=(at_least(1), between(0, 5)))


def test_metadata_say_help_unit_source_and_limits() -> None:
    metadata = attrs.fields(Everything).value.metadata
    assert (metadata["help"], metadata["unit"], metadata["source"]) == ("A value.", "m", "section 1")
    assert metadata["limits"] == ("at least 1", "between 0 and 5")
    assert metadata["checks"] == (at_least(1), between(0, 5))
    assert metadata["infinite"] is False


def test_none_has_no_limits() -> None:
    assert Everything().value is None


def test_every_broken_limit_is_said_at_once() -> None:
    with pytest.raises(ValueError, match=r"^-1 is too small: value must be at least 1; -1 is out of range: value must"):
        Everything(value=-1)


@pytest.mark.parametrize(
    ("limit", "good", "bad", "message"),
    [
        (at_least(2), 2, 1, "1 is too small: value must be at least 2"),
        (at_least(2), (2, 3), (3, 1), "1 is too small: value must be at least 2"),
        (at_least(0), {"a": (0.0,)}, {"a": (0.0, -1.0)}, "-1.0 is too small: value must be at least 0"),
        (at_least(1), "auto", 0, "0 is too small: value must be at least 1"),
        (at_least(0), 0.0, math.nan, "nan is too small: value must be at least 0"),
        (above(0.0), 0.1, 0.0, "0.0 is too small: value must be above 0"),
        (above(0.5), 0.6, 0.5, "0.5 is too small: value must be above 0.5"),
        (between(0, 2**63 - 1), 2**63 - 1, -1, "-1 is out of range: value must be between 0 and 9223372036854775807"),
        (not_empty(), (1,), (), "value must not be empty"),
        (not_empty(), "a", "", "value must not be empty"),
        (matching("[a-z]+", "a word"), "abc", "abc1", "'abc1' is not accepted: value must be a word"),
    ],
)
def test_limits(limit: Any, good: Any, bad: Any, message: str) -> None:
    kind = attrs.make_class("Kind", {"value": option(help="A value.", limit=limit)})
    assert kind(value=good).value == good
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        kind(value=bad)
    assert str(caught.value) == message
