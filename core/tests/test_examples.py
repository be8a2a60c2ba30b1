"""The examples in the docstrings of what stands at the front door do what they say."""

from __future__ import annotations

import doctest
import inspect

import pytest

import identify_core


def examples() -> list[doctest.DocTest]:
    found: dict[str, doctest.DocTest] = {}
    for name in identify_core.__all__:
        value = getattr(identify_core, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            module = inspect.getmodule(value)
            for each in doctest.DocTestFinder(recurse=True).find(value, name, module=module):
                if each.examples:
                    found[each.name] = each
    return list(found.values())


@pytest.mark.parametrize("example", examples(), ids=lambda each: each.name)
def test_an_example_is_right(example: doctest.DocTest) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    assert runner.run(example, out=report.append).failed == 0, "".join(report)


def test_there_are_examples() -> None:
    assert "Replicates.part" in {each.name for each in examples()}
