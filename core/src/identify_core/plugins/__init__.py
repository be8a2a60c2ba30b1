"""Discovery of plugins, isolation of broken ones, the registry of their components and the resolution of names."""

from __future__ import annotations

from identify_core.plugins._disabling import DISABLE_VARIABLE, configuration_files, disabled_plugins
from identify_core.plugins._discovery import ENTRY_POINT_GROUP, PluginStatus, Status, discover
from identify_core.plugins._loading import Observer, Registered
from identify_core.plugins._registry import Registry, load_registry

__all__ = [
    "DISABLE_VARIABLE",
    "ENTRY_POINT_GROUP",
    "Observer",
    "PluginStatus",
    "Registered",
    "Registry",
    "Status",
    "configuration_files",
    "disabled_plugins",
    "discover",
    "load_registry",
]
