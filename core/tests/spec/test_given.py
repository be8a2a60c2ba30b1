"""A sentence about options is followed by where their values came from."""

from __future__ import annotations

import attrs
import pytest

from identify_core.options import option
from identify_core.spec.given import say_where_given
from identify_core.spec.layers import Origin

SET = Origin(layer="set", place="--set model.low=2")
FILE = Origin(layer="file", place="spec.toml", line=7)


@attrs.frozen
class Options:
    low: int = option(0, help="Lowest.")
    high: int = option(1, help="Highest.")
    learning_rate: float = option(0.1, help="The step.")


@pytest.mark.parametrize(
    ("text", "origins", "said"),
    [
        ("low 2 is above high 1", {"low": SET}, " (low: --set model.low=2; high: default)"),
        ("low 2 is too low", {"low": SET, "high": FILE}, " (--set model.low=2)"),
        (
            "a lower bound of below is not a low-pass",
            {"low": SET, "high": FILE},
            " (low: --set model.low=2; high: spec.toml:7)",
        ),
        ("a learning rate of 3 diverges", {"learning_rate": FILE, "low": SET}, " (spec.toml:7)"),
        ("the sizes do not fit", {"high": FILE}, " (spec.toml:7)"),
        ("the rule's momentum is 2", {"rule.momentum": FILE, "low": SET}, " (spec.toml:7)"),
        ("the rule's momentum is 2", {}, ""),
        ("high is 1", {"low": SET}, ""),
    ],
)
def test_what_is_named_is_followed_by_its_origin(text: str, origins: dict[str, Origin], said: str) -> None:
    assert say_where_given(text, Options, origins) == said
