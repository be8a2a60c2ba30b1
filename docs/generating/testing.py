"""The page of the testing kit: fixtures, conformance checks and what they are made of."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from generating.classes import class_section, field_table, function_section, record_section
from generating.docstrings import UndocumentedError, paragraphs
from generating.markdown import page, prose, table

from identify_core.testing import fixtures
from identify_core.testing.command_line import CommandLine
from identify_core.testing.conformance import CHECKS, Settings
from identify_core.testing.contexts import make_context
from identify_core.testing.distributions import write_distribution
from identify_core.testing.pairs import make_related_runs
from identify_core.testing.projects import Project
from identify_core.testing.representations import represent
from identify_core.testing.transformations import draw_map, drawable_rungs, outside

TOOLS = (make_context, represent, write_distribution, make_related_runs)
INTRODUCTION = """\
What the tests of a plugin are made of. `pip install './core[testing]'` brings pytest. How to use it is told in
[write a plugin](../how-to/write-a-plugin.md)."""

CONFORMANCE = """\
The rules that every plugin keeps. Subclass `PluginConformance` in two lines and pytest asks each question of each thing
that the plugin offers; what fails says what is wrong and what to do about it:"""

SUBCLASS = """\
```{code-block} python
from identify_core.testing import PluginConformance


class TestSpirals(PluginConformance):
    plugin = "spirals"
```"""

SHELL = """\
`identify check-plugin spirals` asks the same from the shell, without pytest; `--only` and `--skip` take the names
below. What cannot be guessed is said in a file `conformance.toml` next to the plugin's module, which the class and the
shell both read, or by further attributes of the class, which win over it:"""

SHIPPED = """\
```{code-block} toml
# src/identify_spirals/conformance.toml
[options."dataset:molecules"]       # with what a component is tried that cannot be tried without
folder = "data"

[skip]                              # a check, an item, or both: why it cannot be asked; the reason is shown
"row-order evaluator:streaming" = "its batches are rows in the order given, by its definition"

[shapes]
"model:lenet" = { inputs = [1, 28, 28], outputs = [10] }

[tolerance]
"evaluator:forest" = 0.02
```"""

FIXTURES = """\
Opt in with `addopts = ["-p", "identify_core.testing.fixtures"]` in the pytest section of `pyproject.toml`."""


def testing_page() -> str:
    """Everything that a plugin's tests may use."""
    return page(
        "# The testing kit",
        INTRODUCTION,
        "## Conformance",
        CONFORMANCE,
        SUBCLASS,
        SHELL,
        SHIPPED,
        field_table(Settings),
        "### Checks",
        table(
            ("check", "asks", "of"),
            [(f"`{each.name}`", prose(each.question), ", ".join(each.kinds)) for each in CHECKS.values()],
        ),
        "## Fixtures",
        FIXTURES,
        *(page(f"### `{name}`", paragraphs(text)) for name, text in fixture_docstrings()),
        class_section(CommandLine, call="identify"),
        record_section(Project),
        "## Functions",
        *(function_section(each, level="###") for each in TOOLS),
        *(function_section(each, level="###") for each in (draw_map, drawable_rungs, outside)),
    )


def fixture_docstrings() -> Iterator[tuple[str, str]]:
    """Name and docstring of every fixture, in the order of the source.

    Raises:
        UndocumentedError: one has no docstring.
    """
    for node in ast.parse(inspect.getsource(fixtures)).body:
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(each) for each in node.decorator_list):
            text = ast.get_docstring(node)
            if not text:
                raise UndocumentedError(f"the fixture {node.name} has no docstring")
            yield node.name, text
