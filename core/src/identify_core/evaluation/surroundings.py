"""Surroundings: where a run, a comparison or a study lands, and who watches it."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from identify_core.contexts.display import Display, SilentDisplay
from identify_core.store import Store


@attrs.frozen(kw_only=True)
class Surroundings:
    """What all work has around it; each kind of work adds its own.

    Args:
        store: where it lands.
        display: where its progress is shown.
        stop_requested: whether the user asked to stop.
    """

    store: Store
    display: Display = attrs.field(factory=SilentDisplay)
    stop_requested: Callable[[], bool] = lambda: False
