"""An evaluator asks a pair evaluator of another plugin for a score."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from identify_core.comparisons.comparison import standard_evaluators
from identify_core.components import Evaluator
from identify_core.contexts.context import Context
from identify_core.errors import OptionsError, PluginError
from identify_core.evaluation.consultation import Consultation
from identify_core.hookspecs import hookimpl
from identify_core.plugins import Registry, load_registry
from identify_core.spec import Chosen, choose_evaluator
from identify_core.testing import toy_plugin
from identify_core.testing.contexts import make_context

SMALL = np.arange(6.0).reshape(3, 2)


@hookimpl
def _asking_evaluators() -> Iterable[Evaluator]:
    yield Evaluator(
        name="asking",
        summary="Asks the toy plugin for a distance.",
        target=f"{__name__}:measure",
        arity="run",
        consults=("toy:distance", "toy:norm", "absent:cka"),
    )
    yield Evaluator(
        name="asking-for-pairs",
        summary="Builds on the toy plugin's distance.",
        target=f"{__name__}:measure",
        arity="pair",
        standard=True,
        consults=("toy:distance",),
    )


ASKING = SimpleNamespace(identify_evaluators=_asking_evaluators)


def registry() -> Registry:
    return load_registry(only=("toy", "asker"), extra={"toy": toy_plugin, "asker": ASKING})


@pytest.fixture
def chosen() -> Chosen:
    return choose_evaluator(registry(), "asker:asking")


@pytest.fixture
def context(tmp_path: Path, chosen: Chosen) -> Context:
    context = make_context(tmp_path)
    context.consult(Consultation(chosen.consulted))
    return context


def test_what_is_installed_is_at_hand(chosen: Chosen, context: Context) -> None:
    assert list(chosen.consulted) == ["toy:distance", "toy:norm"]
    assert context.can_score("toy:distance")
    assert not context.can_score("absent:cka")


def test_a_comparison_without_named_evaluators_hands_them_over_too() -> None:
    (standard,) = standard_evaluators(registry())
    assert list(standard.consulted) == ["toy:distance"]


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
def test_the_score_is_that_of_the_evaluator(context: Context, make: Any) -> None:
    score = context.score("toy:distance", make(SMALL), make(SMALL + 2))
    assert score.measure == "distance"
    assert score.value == pytest.approx(np.sqrt(6 * 4))


def test_an_absent_plugin_is_named_with_the_way_to_get_it(context: Context) -> None:
    with pytest.raises(PluginError, match="'absent:cka' is needed here") as caught:
        context.score("absent:cka", SMALL, SMALL)
    assert "pip install identify-absent" in caught.value.hint


def test_an_unknown_option_is_refused(context: Context) -> None:
    with pytest.raises(OptionsError, match="toy:distance has no option 'power'"):
        context.score("toy:distance", SMALL, SMALL, power=2)


def test_only_pairs_can_be_consulted(context: Context) -> None:
    with pytest.raises(PluginError, match="not an evaluator of pairs"):
        context.score("toy:norm", SMALL, SMALL)


def test_a_vector_is_no_representation(context: Context) -> None:
    with pytest.raises(ValueError, match="first: a representation is"):
        context.score("toy:distance", SMALL[0], SMALL[0])
