"""What a conformance check is, what it gives, and what an author says of what cannot be tried as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import attrs

from identify_core.components import Arity, load_target

Kind = Literal["plugin", "dataset", "model", "objective", "evaluator", "preset", "command", "check", "smoke"]
Status = Literal["passed", "failed", "skipped"]

IMPORT_SECONDS = 0.2
SMOKE_SECONDS = 30.0

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class NotApplicable(Exception):  # noqa: N818 - no failure: what a check asks cannot be asked here
    """A check has nothing to say about an item; the message is the reason."""


@attrs.frozen(kw_only=True)
class Check:
    """One rule that every plugin keeps.

    Args:
        name: what `--only`, `--skip` and the tests' ids call it.
        question: what it asks, in words.
        kinds: what it is asked of: the plugin as a whole, each of its components of some kinds, or its smoke preset.
        target: `"module:function"`, called with the bench, and for a component with its `Registered`; it gives the
            complaints, each one sentence of what is wrong and one of what to do, and none where the rule is kept. It
            raises `NotApplicable` where the question makes no sense.
        arities: which evaluators it is asked of; empty for all.
    """

    name: str
    question: str
    kinds: tuple[Kind, ...]
    target: str
    arities: tuple[Arity, ...] = ()

    def load(self) -> Callable[..., Any]:
        """Import the function."""
        function: Callable[..., Any] = load_target(self.target)
        return function


@attrs.frozen(kw_only=True)
class Result:
    """What one check said of one item.

    Args:
        check: the check's name.
        item: `plugin`, `smoke`, or a component as `kind:name`.
        status: passed, failed or skipped.
        complaints: what is wrong and what to do about it; empty unless it failed.
        reason: why it was skipped; empty otherwise.
        seconds: CPU time that it took; what several checks need is counted with the first that needs it.
    """

    check: str
    item: str
    status: Status
    complaints: tuple[str, ...] = ()
    reason: str = ""
    seconds: float = 0.0


@attrs.frozen(kw_only=True)
class Settings:
    """What is checked, and what its author says of it.

    Args:
        plugin: the plugin's name.
        plugin_file: the file of a plugin that is one file and not installed; None for an installed one.
        options: item to options over the defaults, such as `{"dataset:molecules": {"folder": "data"}}`.
        skip: a check, an item, or `"check item"`, to the reason why it cannot be asked; the reason is shown.
        shapes: model, as an item, to the (inputs, outputs) that it is built for, where no dataset of the plugin fits.
        encode: model, as an item, to a function (module, x) -> outputs, where it is not called with its inputs alone.
        tolerance: evaluator, as an item, to how far a value may move where it should stay, relative to max(1, |value|).
        import_seconds: CPU time that importing the plugin's module may take beyond the core's.
        smoke_seconds: CPU time that the smoke preset may take.
    """

    plugin: str
    plugin_file: Path | None = None
    options: Mapping[str, Mapping[str, Any]] = _NOTHING
    skip: Mapping[str, str] = _NOTHING
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = _NOTHING
    encode: Mapping[str, Callable[[Any, Any], Any]] = _NOTHING
    tolerance: Mapping[str, float] = _NOTHING
    import_seconds: float = IMPORT_SECONDS
    smoke_seconds: float = SMOKE_SECONDS
