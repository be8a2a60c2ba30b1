"""Options of the probes."""

from __future__ import annotations

from typing import Literal

import attrs

from identify_core import above, at_least, between, option


@attrs.frozen
class ProbeOptions:
    """How classifiers are trained on embeddings, and on which sentences they are compared."""

    factor: str = option("label", help="The label that is predicted.")
    preprocessing: Literal["none", "centre", "unit-rms", "whiten"] = option(
        "unit-rms", help="What is done to the embeddings first, fitted on the training sentences alone."
    )
    strength: float = option(1.0, help="The inverse strength of the penalty of squared weights.", limit=above(0.0))
    test_share: float = option(0.5, help="Which part of the sentences is held out.", limit=between(0.1, 0.9))
    draws: int = option(
        400, help="Draws of the held-out sentences, with replacement, for intervals.", limit=at_least(20)
    )
