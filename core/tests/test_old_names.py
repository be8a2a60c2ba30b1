"""What moved inside the core is still found by its old path, with a warning that says until when."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import identify_core
from identify_core import IdentifyDeprecationWarning
from identify_core.old_names import _OLD, _OldModule
from identify_core.verbs import functions, pictures


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Old modules are new to each test, and afterwards the front door's names are its own again."""
    for name in _OLD:
        sys.modules.pop(name, None)
    yield
    for name, value in list(vars(identify_core).items()):
        if isinstance(value, _OldModule):
            delattr(identify_core, name)


@pytest.mark.parametrize(
    ("module", "name", "now"),
    [
        ("run.context", "Context", "Context"),
        ("run.subject", "Subject", "Subject"),
        ("run.streams", "Streams", "Streams"),
        ("optimisers", "Schedule", "Schedule"),
        ("polishing", "lbfgs", "polish"),
        ("report.figures", "house_style", "house_style"),
        ("compare.planning", "Cost", "Cost"),
        ("fetching", "obtain", "obtain_file"),
    ],
)
def test_an_old_path_gives_the_name_of_the_front_door(module: str, name: str, now: str) -> None:
    with pytest.warns(IdentifyDeprecationWarning, match="will be removed in 0.2"):
        old = importlib.import_module(f"identify_core.{module}")
    assert getattr(old, name) is getattr(identify_core, now)


def test_what_was_never_public_is_not_found() -> None:
    with pytest.warns(IdentifyDeprecationWarning):
        old = importlib.import_module("identify_core.run.context")
    with pytest.raises(AttributeError, match="context' has no attribute 'nonsense'"):
        _ = old.nonsense
    with pytest.raises(ModuleNotFoundError, match="nonsense"):
        importlib.import_module("identify_core.run.nonsense")


@pytest.mark.parametrize("verb", ["run", "compare", "report"])
def test_an_old_path_that_hides_a_verb_can_be_called_as_the_verb(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(identify_core), verb, raising=False)
    with pytest.warns(IdentifyDeprecationWarning):
        importlib.import_module(f"identify_core.{verb}")
    assert isinstance(getattr(identify_core, verb), ModuleType)
    with pytest.raises(TypeError, match=rf"{verb}\(\) got an unexpected keyword argument 'nonsense'"):
        getattr(identify_core, verb)(nonsense=1)
    assert getattr(identify_core, verb) is getattr(pictures if verb == "report" else functions, verb)


@pytest.mark.filterwarnings("ignore::identify_core.IdentifyDeprecationWarning")
@pytest.mark.parametrize("name", sorted(_OLD))
def test_no_old_path_hides_a_module_that_is_there(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__spec__ is not None
    assert type(module.__spec__.loader).__name__ == "_OldNames"
