"""Splits: what is trained on, evaluated and held out; and the generated images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from identify_core import IdentifyError, Samples
from identify_core.testing.contexts import make_context
from identify_quantization.data.generated import SIZES, make_generated
from identify_quantization.options.data import GeneratedOptions


def made(folder: Path, seed: int = 0, **options) -> Samples:
    return make_generated(GeneratedOptions(side=8, **options), make_context(folder, seed=seed))


def test_every_combination_is_there_once_and_every_picture_is_another(tmp_path: Path) -> None:
    samples = made(tmp_path)
    table = np.stack([factor.values for factor in samples.factors.values()], axis=1)
    assert len(np.unique(table, axis=0)) == len(samples) == 648 == np.prod(SIZES)
    pixels = make_generated(GeneratedOptions(), make_context(tmp_path)).tensor("x").flatten(1).numpy()
    assert len(np.unique(pixels, axis=0)) == 648


def test_a_draw_over_all_combinations_leaves_no_factor_constant(tmp_path: Path) -> None:
    """The first rows of the grid would have one shape only."""
    samples = made(tmp_path, evaluated=100)
    for name, factor in samples.split("test").factors.items():
        assert len(np.unique(factor.values)) == len(np.unique(samples.factors[name].values)), name


def test_by_default_training_sees_the_evaluated_images_as_in_the_study(tmp_path: Path) -> None:
    samples = made(tmp_path, evaluated=100)
    assert len(samples.splits["train"]) == 648
    assert len(samples.splits["test"]) == 100


def test_held_out_images_are_not_trained_on(tmp_path: Path) -> None:
    samples = made(tmp_path, evaluated=100, held_out="images")
    assert not set(samples.splits["train"]) & set(samples.splits["test"])
    assert len(samples.splits["train"]) == 548


def test_held_out_pairs_are_whole_and_every_value_stays(tmp_path: Path) -> None:
    samples = made(tmp_path, held_out="pairs", pair=("colour", "x"), pair_share=0.3)
    first, second = samples.factors["colour"].values, samples.factors["x"].values
    pairs = {split: set(zip(first[rows], second[rows], strict=True)) for split, rows in samples.splits.items()}
    assert not pairs["train"] & pairs["test"]
    assert len(pairs["test"]) == round(0.3 * 36)
    assert set(first[samples.splits["train"]]) == set(range(6)) == set(second[samples.splits["train"]])


def test_pairs_that_cannot_be_held_out_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentifyError, match=r"a part of 0.9 of 18 combinations is 16, but 1\d can be held out"):
        made(tmp_path, held_out="pairs", pair=("shape", "y"), pair_share=0.9)


def test_the_runs_seed_does_not_change_the_split(tmp_path: Path) -> None:
    assert made(tmp_path, evaluated=50).fingerprint == made(tmp_path, seed=5, evaluated=50).fingerprint
    other = made(tmp_path, evaluated=50, split_seed=1)
    assert not np.array_equal(made(tmp_path, evaluated=50).splits["test"], other.splits["test"])


def test_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentifyError, match="none of the 648 images is left"):
        made(tmp_path, held_out="images", evaluated=1000)


def test_factors_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentifyError, match="pair names the factor 'hue'"):
        made(tmp_path, held_out="pairs", pair=("hue", "x"))
    with pytest.raises((IdentifyError, ValueError), match="it names two factors"):
        GeneratedOptions(pair=("x",))
