"""The list of evaluators: edits by index or label, and a unique label for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count

from identify_core.names import LONGEST_NAME, NAME_PATTERN
from identify_core.saying import say
from identify_core.spec.merge import Table, Tree, merge, plain
from identify_core.spec.problems import Problems
from identify_core.suggestions import did_you_mean


def apply_edits(tree: Tree, problems: Problems) -> tuple[Table, ...]:
    """The evaluators' tables after every edit; an edit of an evaluator that does not exist is a problem."""
    items = list(tree.items or ())
    labels = guess_labels(items)
    for edit in tree.edits:
        if edit.selector.isdigit() and int(edit.selector) < len(items):
            index = int(edit.selector)
        elif edit.selector in labels:
            index = labels.index(edit.selector)
        else:
            message = partial(_no_such_evaluator, edit.selector, labels)
            problems.add(("evaluators", edit.selector), message, edit.table.origin)
            continue
        merged = merge(items[index], edit.table)
        assert isinstance(merged, Table)  # two tables merge into a table
        items[index] = merged
        if edit.table.named or "label" in edit.table.apart:
            labels = guess_labels(items)
    return tuple(items)


def _no_such_evaluator(selector: str, labels: Sequence[str]) -> str:
    return f"there is no such evaluator; {did_you_mean(selector, labels) or 'the spec has no evaluators'}"


def label_evaluators(items: Sequence[Table], problems: Problems) -> tuple[str, ...]:
    """A label for each evaluator; a label that is malformed or given twice is a problem."""
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        node = item.nodes().get("label")
        if node is None:
            continue
        label = plain(node)
        origin = node.origin if isinstance(node, Table) else node.given[-1].origin
        if not isinstance(label, str) or not NAME_PATTERN.fullmatch(label) or len(label) > LONGEST_NAME:
            message = (
                f"{say(label)} must be lower-case words joined by hyphens, at most {LONGEST_NAME} characters, in quotes"
            )
            problems.add(("evaluators", index, "label"), message, origin)
        elif label in seen:
            message = f"{say(label)} is the label of evaluators.{seen[label]} too: labels are unique"
            problems.add(("evaluators", index, "label"), message, origin)
        else:
            seen[label] = index
    return guess_labels(items)


def guess_labels(items: Sequence[Table]) -> tuple[str, ...]:
    """The given labels; for the others the component's short name, with -2, -3 and so on where that is taken."""
    given = [plain(item).get("label") for item in items]
    taken = {label for label in given if isinstance(label, str)}
    labels = []
    numbered: dict[str, Iterator[str]] = {}
    for item, label in zip(items, given, strict=True):
        if not isinstance(label, str):
            name = str(plain(item).get("type", "evaluator")).rpartition(":")[2]
            label = next(each for each in numbered.setdefault(name, _numbered(name)) if each not in taken)
            taken.add(label)
        labels.append(label)
    return tuple(labels)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))
