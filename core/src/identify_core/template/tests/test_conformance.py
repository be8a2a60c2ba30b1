"""What `identify` asks of every plugin; a check that fails says what is wrong and what to do."""

from __future__ import annotations

from identify_core.testing import PluginConformance


class TestConformance(PluginConformance):
    """`identify check-plugin your-plugin` is the same from the shell."""

    plugin = "your-plugin"
