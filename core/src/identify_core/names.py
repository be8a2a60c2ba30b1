"""What a name of a plugin, a component or a figure looks like."""

from __future__ import annotations

import re

NAME_PATTERN = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
