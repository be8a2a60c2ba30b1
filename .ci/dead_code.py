"""Names in the sources that nothing uses, found by vulture; ends with 1 where there are any.

What plugins offer stands behind strings such as "module:function", of which vulture knows nothing: every string that is
a name, or ends with a colon and one, counts as a use. What frameworks call by name is listed below with who calls it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parents[1]
SOURCES = [ROOT / "core" / "src", *sorted(ROOT.glob("plugins/*/src"))]
USERS = [ROOT / "core" / "tests", *sorted(ROOT.glob("plugins/*/tests"))]
USERS += [ROOT / name for name in ("tests", "docs", "examples", "benchmarks")]

NAMES = [
    "__getattr__", "__dir__",  # Python, on modules
    "identify_*",  # pluggy, by the hooks' names
    "pytest_*",  # pytest
    "create_module",  # Python, on what loads modules
    "format_commands",  # click
    "_should_skip_dynamo",  # torch
    "fc_layer", "fc2", "pool1", "pool2", "flatten_inputs", "unflatten_outputs",  # torch: parts of modules
    "computed_zorder",  # matplotlib
    "writelines",  # whoever writes to a stream of text
]  # fmt: skip
DECORATORS = [
    "@*.validator",
    "@*.default",
    "@check",
    "@check*",
]  # attrs; the rules for plugins, which register themselves
_TARGET = re.compile(r"(?:[\w.]*:)?([A-Za-z_]\w*)")


def named_in_strings(folder: Path) -> Iterator[str]:
    """Names that strings in the Python files of a folder stand for."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = _TARGET.fullmatch(node.value)
                if found:
                    yield found[1]


def main() -> int:
    """Print what is not used."""
    search = Vulture(ignore_names=NAMES, ignore_decorators=DECORATORS)
    search.scavenge([str(folder) for folder in (*SOURCES, *USERS) if folder.exists()])
    for folder in SOURCES:
        search.used_names.update(named_in_strings(folder))
    dead = [each for each in search.get_unused_code() if any(Path(each.filename).is_relative_to(s) for s in SOURCES)]
    for each in dead:
        sys.stdout.write(f"{Path(each.filename).relative_to(ROOT)}:{each.first_lineno}: {each.message}\n")
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
