"""What is known of one plugin: where it comes from, and whether it can be used."""

from __future__ import annotations

from typing import Literal

import attrs

Status = Literal["available", "disabled", "broken", "incompatible", "shadowed"]


@attrs.frozen(kw_only=True)
class PluginFile:
    """The single file that is a plugin.

    Args:
        path: absolute.
        sha256: of its content when it was found.
    """

    path: str
    sha256: str


@attrs.frozen(kw_only=True)
class PluginStatus:
    """One plugin, of one distribution or of one file.

    Args:
        name: the entry point's name, which is the plugin's.
        module: what the entry point names, `package.module` or `package.module:object`.
        distribution: the distribution that ships it; "(file) PATH" for a single file.
        version: that distribution's version; the beginning of its content's SHA-256 for a single file.
        summary: that distribution's one-line summary.
        status: from metadata a plugin is available, disabled, incompatible or shadowed; that it is broken is mostly
            known only once it has been imported.
        reason: why it is not available, in words.
        loaded: whether its code has been imported and its components collected.
        file: the file that `--plugin-file` named; None for what is installed.
    """

    name: str
    module: str
    distribution: str
    version: str
    summary: str = ""
    status: Status = "available"
    reason: str = ""
    loaded: bool = False
    file: PluginFile | None = None

    @property
    def owner(self) -> str:
        """The distribution with its version, for messages."""
        return f"{self.distribution} {self.version}"
