"""The examples in the docstrings of the measures do what they say, and the package lists them."""

from __future__ import annotations

import doctest
import inspect

import pytest

import identify_measures
from identify_measures.catalogue import CATALOGUE

NAMES = [name for name in dir(identify_measures) if not name.startswith("_")]


def examples() -> list[doctest.DocTest]:
    functions = [getattr(identify_measures, name) for name in NAMES]
    finder = doctest.DocTestFinder(recurse=False)
    found = [each for f in functions for each in finder.find(f, f.__name__, module=inspect.getmodule(f))]
    return [each for each in found if each.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda each: each.name)
def test_an_example_is_right(example: doctest.DocTest) -> None:
    report: list[str] = []
    assert doctest.DocTestRunner().run(example, out=report.append).failed == 0, "".join(report)


def test_a_function_says_what_the_catalogue_says() -> None:
    for name in ("linear_cka", "pillai", "procrustes_disparity"):
        function = getattr(identify_measures, name)
        facts = CATALOGUE[name.replace("_", "-")]
        assert function.__name__ == name
        for fact in (facts.summary, facts.definition, facts.source):
            assert fact in function.__doc__


def test_the_measures_are_listed() -> None:
    assert {"linear_cka", "cca", "equivalence_ladder", "information_matrix"} <= set(NAMES)
    assert {"linear_cka", "pillai", "pearson_mcc", "mutual_knn"} <= {each.name for each in examples()}
