"""Plugins: what is installed, judged from metadata; loading in isolation, the registry, and single files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from identify_core.doors import lazy_names

if TYPE_CHECKING:
    from identify_core.plugins.loading import Observer as Observer
    from identify_core.plugins.loading import Registered as Registered
    from identify_core.plugins.registry import Registry as Registry
    from identify_core.plugins.registry import load_registry as load_registry
    from identify_core.plugins.status import PluginStatus as PluginStatus

__all__, __getattr__, __dir__ = lazy_names(
    __name__,
    {
        "loading": ("Observer", "Registered"),
        "registry": ("Registry", "load_registry"),
        "status": ("PluginStatus",),
    },
)
