"""Samples say what they hold, refuse what does not line up, and have a fingerprint of their content."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
import torch

from identify_core.data import Factor, Latents, Samples, Shape
from identify_core.errors import OptionsError
from identify_core.findings import LabelledArray


def make(**changes: Any) -> Samples:
    arguments: dict[str, Any] = {
        "columns": {"x": torch.arange(12.0).reshape(6, 2), "y": torch.arange(6.0), "text": tuple("abcdef")},
        "ids": np.arange(10, 16),
        "splits": {"train": np.array([0, 1, 2, 3]), "test": np.array([5, 4])},
        "factors": {"hue": Factor(values=np.linspace(0, 1, 6), kind="circular")},
    }
    return Samples(**{**arguments, **changes})


def test_shape_reads_x_and_y_and_a_flat_target_is_one_output() -> None:
    shape = make().shape
    assert (shape.inputs, shape.outputs) == ((2,), (1,))


def test_shape_knows_every_column_and_factor() -> None:
    """What a model needs for twice as many latents as sources, or one output a value of a factor."""
    columns = {"x": torch.zeros(6, 3, 4, 4), "mask": torch.zeros(6, 5), "text": tuple("abcdef")}
    factors = {
        "hue": Factor(values=np.linspace(0, 1, 6), kind="circular"),
        "shape": Factor(values=np.array(list("aabbab")), kind="categorical"),
    }
    found = make(columns=columns, factors=factors).shape
    assert found == Shape(
        inputs=(3, 4, 4), outputs=(), columns={"x": (3, 4, 4), "mask": (5,)}, factors={"hue": 6, "shape": 2}
    )
    assert list(found.factors) == ["hue", "shape"]
    assert found.outputs == ()


def test_a_split_is_its_rows_in_its_order() -> None:
    test = make().split("test")
    assert test.ids.tolist() == [15, 14]
    assert test.tensor("y").tolist() == [5.0, 4.0]
    assert test.columns["text"] == ("f", "e")
    assert test.factors["hue"].values.tolist() == [1.0, 0.8]


def test_splits_may_be_tensors_and_lists() -> None:
    samples = make(splits={"train": torch.tensor([3, 0]), "test": [5, 4]})
    assert samples.split("train").ids.tolist() == [13, 10]
    assert samples.split("test").ids.tolist() == [15, 14]
    assert samples.fingerprint == make(splits={"train": np.array([3, 0]), "test": np.array([5, 4])}).fingerprint


def test_dtype_moves_floating_columns_only() -> None:
    samples = make(columns={"x": torch.zeros(6, 2), "class": torch.zeros(6, dtype=torch.long)})
    moved = samples.to("cpu", torch.float64)
    assert moved.tensor("x").dtype is torch.float64
    assert moved.tensor("class").dtype is torch.long


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"x": torch.zeros(5, 2)}}, "column 'x' has 5 rows, but there are 6 ids"),
        ({"columns": {}}, "at least one column"),
        ({"ids": np.array([1, 1, 2, 3, 4, 5])}, "sample ids repeat"),
        ({"ids": np.linspace(0, 1, 6)}, "integers or strings"),
        ({"splits": {"test": np.array([6])}}, "split 'test' must hold row numbers from 0 to 5"),
        ({"splits": {"test": np.array([-1])}}, "split 'test' must hold row numbers"),
        ({"factors": {"hue": Factor(values=np.zeros(3), kind="ordinal")}}, "factor 'hue' has 3 values"),
    ],
)
def test_what_does_not_line_up_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_missing_columns_and_splits_are_named_with_what_there_is() -> None:
    with pytest.raises(KeyError, match=r"^the samples have no column 'z'; there are: x, y"):
        make().tensor("z")
    with pytest.raises(OptionsError, match=r"^the samples have no split 'validation'; there are: test, train"):
        make().split("validation")
    with pytest.raises(KeyError, match=r"^the samples have no split 'validation'; there are: test, train"):
        make().splits["validation"]
    assert make().splits.get("validation") is None
    words = attrs.evolve(make(), columns={"word": tuple("abcdef")}, splits={})
    with pytest.raises(OptionsError, match=r"^the samples have no column of numbers 'word'; there are: none"):
        words.numbers("word")
    with pytest.raises(OptionsError, match=r"^the samples have no split 'train'; there are: none"):
        words.split("train")


def test_the_fingerprint_follows_the_content() -> None:
    original = make()
    assert make().fingerprint == original.fingerprint
    changed = original.tensor("x").clone()
    changed[0, 0] += 1e-6
    for other in (
        attrs.evolve(original, columns={**original.columns, "x": changed}),
        attrs.evolve(original, columns={**original.columns, "text": ("ab", "", "c", "d", "e", "f")}),
        attrs.evolve(original, ids=np.arange(6)),
        attrs.evolve(original, splits={"train": np.array([0, 1, 2, 3])}),
        attrs.evolve(original, factors={"hue": Factor(values=np.linspace(0, 1, 6), kind="ordinal")}),
        attrs.evolve(original, truths={"mixing": LabelledArray(values=np.eye(2), dimensions=("observed", "latent"))}),
    ):
        assert other.fingerprint != original.fingerprint


def test_truths_stay_with_a_part_of_the_rows() -> None:
    mixing = LabelledArray(values=np.eye(2), dimensions=("observed", "latent"))
    part = attrs.evolve(make(), truths={"mixing": mixing}).split("train")
    assert part.truths["mixing"] is mixing


def test_the_fingerprint_takes_every_dtype() -> None:
    for dtype in (torch.bfloat16, torch.float16, torch.int8, torch.bool):
        assert len(make(columns={"x": torch.zeros(6, 2, dtype=dtype)}).fingerprint) == 64


@pytest.mark.parametrize("names", [("a",), ("a", "a"), ("a", ""), ("a", "b[1]")])
def test_names_of_replicates_are_as_many_and_different(names: tuple[str, ...]) -> None:
    values = torch.zeros(2, 3, 4)
    assert Latents(name="h", values=values, split="test", names=["a", "b"]).count == 2  # type: ignore[arg-type]
    with pytest.raises(OptionsError, match="the latents 'h' of 2 replicates are called 'a'"):
        Latents(name="h", values=values, split="test", names=names)
