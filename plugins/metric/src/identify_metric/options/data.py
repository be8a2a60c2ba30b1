"""Options of the datasets."""

from __future__ import annotations

import attrs

from identify_core import at_least, option


@attrs.frozen
class DigitsOptions:
    """The options of `digits`."""

    test: int = option(297, help="Rows held out for evaluation, drawn by the seed.", limit=at_least(2))
    validation: int = option(200, help="Rows held out for early stopping, drawn by the seed.", limit=at_least(1))
