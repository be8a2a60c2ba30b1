"""What evaluators take and what representations hold: numbers and symbols are told apart, before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core.components import Evaluator
from identify_core.data import Latents, Samples
from identify_core.errors import OptionsError
from identify_core.evaluation.applicability import reason_against, say_undeclared, takes
from identify_core.evaluation.evaluators import representations_of
from identify_core.evaluation.subjects import Representation
from identify_core.store import RunWriter, Store, StoredRun


def evaluator(**more: Any) -> Evaluator:
    return Evaluator(name="m", summary="", target="a:b", **({"arity": "pair"} | more))


def stored(tmp_path: Path, *latents: Latents) -> tuple[Representation, ...]:
    """Latents written into a store and read back, as representations."""
    rows = np.arange(4)
    with RunWriter.create(Store(tmp_path / "store"), name="mine", plugin="") as writer:
        writer.write_samples(Samples(columns={"x": torch.zeros(4, 1)}, ids=rows, splits={"all": rows}))
        for each in latents:
            writer.write_latents(each)
        run = StoredRun.open(writer.folder)
        return tuple(each for name in sorted(run.latents) for each in representations_of(run, name))


def test_symbols_are_declared_with_the_latents_and_read_back(tmp_path: Path) -> None:
    integers = torch.arange(8).reshape(1, 4, 2)
    found = stored(
        tmp_path,
        Latents(name="a", values=integers, split="all", kind="symbols"),
        Latents(name="b", values=integers, split="all", kind="numbers"),
        Latents(name="c", values=integers, split="all"),
        Latents(name="d", values=integers.float(), split="all"),
        Latents(name="e", values=[integers[0].float()], split="all", kind="symbols"),
    )
    assert [each.holds for each in found] == ["symbols", "latents", "latents", "latents", "symbols"]
    assert [each.undeclared for each in found] == [False, False, True, False, False]
    assert say_undeclared(found) == (
        "c[0]: integers taken as numbers, because nothing declares them; codes are declared by "
        "Latents(kind='symbols') in a run, by --as symbols for arrays"
    )
    assert say_undeclared(found[:2]) == ""


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(OptionsError, match="codes"):
        Latents(name="a", values=torch.zeros(1, 2, 2), split="all", kind="codes")  # type: ignore[arg-type]
    with pytest.raises(OptionsError, match="letters"):
        evaluator(takes={"letters"})
    with pytest.raises(ValueError, match="takes is empty: say numbers, symbols, or both"):
        evaluator(takes=())


def test_an_evaluator_is_left_out_where_it_does_not_take_what_there_is(tmp_path: Path) -> None:
    values = torch.arange(8).reshape(1, 4, 2)
    symbols, numbers = stored(
        tmp_path,
        Latents(name="a", values=values, split="all", kind="symbols"),
        Latents(name="b", values=values.float(), split="all"),
    )
    assert reason_against(evaluator(), [numbers, symbols]) == "it takes numbers, and a[0] holds symbols"
    assert reason_against(evaluator(takes={"symbols"}), [numbers]) == "it takes symbols, and b[0] holds numbers"
    assert reason_against(evaluator(takes={"symbols", "numbers"}), [numbers, symbols]) == ""
    matrices = evaluator(requires={"dissimilarities"}, takes={"symbols", "numbers"})
    assert reason_against(matrices, [numbers]) == "it takes matrices of dissimilarities, and b[0] holds numbers"
    assert [takes(matrices, each) for each in ("latents", "symbols", "dissimilarities")] == [False, False, True]
