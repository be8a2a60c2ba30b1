"""Options of the evaluator `nullity`."""

from __future__ import annotations

import attrs


@attrs.frozen
class NullityOptions:
    """The options of `nullity`."""
