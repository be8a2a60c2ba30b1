"""A misspelt choice is refused wherever a user or a plugin can write one: in options and in library functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import numpy as np
import pytest

from identify_core.components import load_target
from identify_core.errors import OptionsError
from identify_core.kinds import option_fields
from identify_core.plugins import load_registry
from identify_measures.catalogue import CATALOGUE
from identify_measures.samplewise.rsa import compare_dissimilarities

KINDS = ("dataset", "model", "objective", "evaluator")


def choices(kind: Any) -> list[str]:
    return [each for each in get_args(kind) if isinstance(each, str)] if get_origin(kind) is Literal else []


def options_with_choices() -> list[tuple[type, str, str]]:
    classes = {each.component.options for kind in KINDS for each in load_registry().components(kind)}
    return [
        (options, field.name, choices(field.type)[0])
        for options in sorted(classes, key=lambda each: each.__qualname__)
        for field in option_fields(options)
        if choices(field.type) and all(each.default is not attrs.NOTHING for each in option_fields(options))
    ]


def functions_with_choices() -> list[tuple[Callable[..., Any], str, str]]:
    functions = {load_target(each.function) for each in CATALOGUE.values() if each.function} | {compare_dissimilarities}
    return [
        (function, name, choices(kind)[0])
        for function in sorted(functions, key=lambda each: each.__name__)
        for name, kind in get_type_hints(function).items()
        if choices(kind)
    ]


def test_every_choice_of_every_component_is_checked_when_its_options_are_made() -> None:
    cases = options_with_choices()
    assert len(cases) > 30
    for options, name, choice in cases:
        with pytest.raises(OptionsError, match=f'^{name}: "{choice.upper()}" is not .*did you mean'):
            options(**{name: choice.upper()})


@pytest.mark.parametrize(
    ("function", "name", "choice"), functions_with_choices(), ids=lambda each: getattr(each, "__name__", str(each))
)
def test_every_choice_of_every_function_of_the_library_is_checked(
    function: Callable[..., Any], name: str, choice: str
) -> None:
    rows = np.random.default_rng(0).standard_normal((40, 3))
    taken = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    arrays = [rows @ rows.T if function is compare_dissimilarities else rows for _ in taken]
    with pytest.raises(OptionsError, match=f"^{name}: \"{choice.upper()}\" is not one of .*did you mean '{choice}'"):
        function(*arrays, **{name: choice.upper()})
