"""The page of the hooks: signature, text, when it is called, the order, a complete plugin for each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from generating.docstrings import UndocumentedError, details, paragraphs, read_docstring, signature_text
from generating.markdown import fence, page, table

from identify_core.hookspecs import IdentifySpecs
from identify_core.plugins.loading import COLLECTING_HOOKS, OBSERVER_HOOKS

ORDER = """
loading a plugin           a run
────────────────           ─────
identify_datasets          identify_run_started ◄─────────────────────────┐
identify_models            │ the dataset's target → Samples               │
identify_objectives        │ the model's target, once for each replicate  │ resumed after
identify_evaluators        │ the objective's target → Latents, Findings   │ an interruption
identify_presets           │ │ identify_run_logged, again and again       │
identify_commands          │ the evaluators' targets → Findings           │
identify_checks            │ their draw targets → Figures                 │
                           identify_run_finished ─────────────────────────┘
"""

WHEN = (
    ("`identify list-plugins`, `--help`, completion", "none: distribution metadata alone"),
    ("`identify PLUGIN COMMAND`", "the component hooks of that plugin"),
    ("`identify run`, `resume`", "the component hooks of every plugin that can be used, then the observer hooks"),
    ("`identify runs`, `report`, `import`", "none: a store is read and written without plugins"),
    ("every other verb", "the component hooks of every plugin that can be used"),
)

INTRODUCTION = """\
A plugin is a module with some of these functions in it, each marked with `@hookimpl`. All of them are optional. An
implementation names only the arguments that it wants; new arguments are only ever added at the end
([the promise](../explanation/compatibility.md)).

[Component hooks](#component-hooks) yield frozen [records](records.md): they say what there is, and import nothing
heavy. [Observer hooks](#observer-hooks) are told of a run."""

ISOLATION = """\
Each plugin is called by itself. One whose hook raises, exits or yields something else than the record is *broken*: it
is left out with its reason, and no other plugin notices. Records are collected in the order in which they are yielded;
plugins are visited by name. An observer that raises is dropped for the rest of the run with one warning."""

TOGETHER = """\
The examples are parts of one small study. Saved as the files that their first lines name, they run together; a
component of another plugin is named with its owner:

```toml
# study.toml
format = 1
plugin = "spirals"
replicates = 3

[dataset]
type = "spirals"

[model]
type = "perceptron:perceptron"

[objective]
type = "least-squares:least-squares"

[[evaluators]]
type = "spread:spread"
```

```console
$ identify --plugin-file spirals.py --plugin-file perceptron.py --plugin-file least_squares.py \\
    --plugin-file spread.py --plugin-file diary.py --plugin-file bell.py run --spec study.toml
...finished...spread  the outputs of 3 replicates differ by...
$ identify --plugin-file greeting.py greeting hello you
hello, you
$ identify --plugin-file processors.py --plugin-file alarm.py list-plugins --check
...alarm...available...processors...available...
```

```python
from pathlib import Path

assert "began with seed 0" in Path("diary.txt").read_text()
```"""


def hooks_page() -> str:
    """Every hook of the specification."""
    specified = hooks_of(IdentifySpecs)
    return page(
        "# Hooks",
        INTRODUCTION,
        "## The order",
        table(("command", "hooks that are called"), WHEN),
        fence("text", ORDER.strip("\n")),
        ISOLATION,
        "## Component hooks",
        table(("hook", "yields"), [(f"[`{name}`](#{name})", _yields(name)) for name in COLLECTING_HOOKS]),
        *(_section(name, specified[name]) for name in COLLECTING_HOOKS),
        "## Observer hooks",
        "Observers run in the process of the run, between two training steps: what takes long there holds training up.",
        *(_section(name, specified[name]) for name in OBSERVER_HOOKS),
        "## All of them together",
        TOGETHER,
    )


def hooks_of(specifications: type) -> Mapping[str, Any]:
    """Name of each hook to its specification, in the order of the source.

    Raises:
        UndocumentedError: a hook belongs to neither kind, so that the page would leave it out.
    """
    found = {name: each for name, each in vars(specifications).items() if inspect.isfunction(each)}
    for name in found:
        if name not in COLLECTING_HOOKS and name not in OBSERVER_HOOKS:
            raise UndocumentedError(f"the hook {name!r} is called by nobody, and on no page")
    return found


def examples() -> Iterator[tuple[str, str]]:
    """Name of each hook and the complete plugin in its docstring."""
    for name, specification in hooks_of(IdentifySpecs).items():
        yield name, read_docstring(specification, name).example


def _yields(name: str) -> str:
    record = COLLECTING_HOOKS[name].__name__
    return f"[`{record}`](records.md#{record.lower()})"


def _section(name: str, specification: Any) -> str:
    documented = read_docstring(specification, name)
    if not documented.example:
        raise UndocumentedError(f"{name} has no example")
    return page(
        f"### `{name}`",
        fence("{code-block} python", signature_text(name, specification)),
        paragraphs(documented.text),
        *details(documented, specification, name),
        "A complete plugin:",
        fence("python", documented.example),
    )
