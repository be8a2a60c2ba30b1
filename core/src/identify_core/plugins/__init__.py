"""The plugins in use: isolation of broken ones, the registry of their components and the resolution of names.

What is installed, and what the user switched off, is known without importing any plugin: `identify_core.discovery` and
`identify_core.configuration`.
"""

from __future__ import annotations

from identify_core.plugin_status import PluginStatus
from identify_core.plugins._loading import Observer, Registered
from identify_core.plugins._registry import Registry, load_registry

__all__ = ["Observer", "PluginStatus", "Registered", "Registry", "load_registry"]
