"""identify: how much of what a neural network learned is determined, and how much is arbitrary.

This package is light: it imports neither torch nor zarr nor numpy. `Samples`, `Latents`, `Finding` and the other names
that carry arrays live in `identify_core.data` and `identify_core.findings`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from identify_core.errors import (
    IdentifyError,
    Interrupted,
    OptionsError,
    PluginError,
    RunError,
    SpecError,
    StoreError,
    UsageError,
)
from identify_core.version import __version__

if TYPE_CHECKING:
    from identify_core.components import (
        Check,
        Command,
        Dataset,
        Evaluator,
        Model,
        NoOptions,
        Objective,
        Preset,
    )
    from identify_core.hookspecs import hookimpl

__all__ = [
    "Check",
    "Command",
    "Dataset",
    "Evaluator",
    "IdentifyError",
    "Interrupted",
    "Model",
    "NoOptions",
    "Objective",
    "OptionsError",
    "PluginError",
    "Preset",
    "RunError",
    "SpecError",
    "StoreError",
    "UsageError",
    "__version__",
    "hookimpl",
]


def __getattr__(name: str) -> object:
    # attrs and pluggy would cost `identify --help` a third of its time, and help needs none of the records.
    if name in __all__:
        module = "identify_core.hookspecs" if name == "hookimpl" else "identify_core.components"
        return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
