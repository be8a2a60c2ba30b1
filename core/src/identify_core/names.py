"""What a name of a plugin, a component, a figure or a distribution looks like."""

from __future__ import annotations

import re

NAME_PATTERN = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 100
"""Characters of a name that becomes part of a file name, with room for what is put before and behind it."""


def canonical_name(distribution: str) -> str:
    """The form in which two spellings of a distribution's name are equal: lower case, joined by single hyphens."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
