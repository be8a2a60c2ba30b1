"""Inputs: every distribution is what its name says, splits are drawn apart, ids say where rows come from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from identify_genni.inputs import DISTRIBUTIONS, draw_inputs
from identify_genni.options.targets import InputOptions

EXACT = {
    "normal": stats.norm(),
    "uniform": stats.uniform(-(3**0.5), 2 * 3**0.5),
    "laplace": stats.laplace(scale=0.5**0.5),
    "student-t": stats.t(5, scale=0.6**0.5),
}


@pytest.mark.parametrize("name", EXACT)
def test_coordinates_follow_the_distribution_with_variance_one(name):
    x = draw_inputs(InputOptions(samples=4000, held_out=1, input_shape=(3,), inputs=name), seed=1)
    train = x.x[torch.from_numpy(x.splits["train"])].flatten().numpy()
    assert stats.kstest(train, EXACT[name].cdf).pvalue > 1e-3
    assert EXACT[name].var() == pytest.approx(1)


def test_the_sphere_has_inputs_of_one_length_and_rademacher_of_signs():
    sphere = draw_inputs(InputOptions(samples=50, held_out=1, input_shape=(2, 3), inputs="sphere"), seed=0).x
    torch.testing.assert_close(sphere.flatten(1).norm(dim=1), torch.full((51,), 6**0.5))
    signs = draw_inputs(InputOptions(samples=500, held_out=1, inputs="rademacher"), seed=0).x
    assert set(signs.flatten().tolist()) == {-1.0, 1.0}
    assert abs(float(signs.mean())) < 0.2


def test_every_choice_of_the_options_can_be_drawn():
    choices = InputOptions.__annotations__["inputs"]
    assert choices == "Distribution"
    from typing import get_args

    from identify_genni.options.targets import Distribution

    assert set(get_args(Distribution)) == set(DISTRIBUTIONS)


def test_held_out_inputs_are_no_training_inputs():
    drawn = draw_inputs(InputOptions(samples=1000, held_out=500, out_of_distribution=100), seed=0)
    assert {name: len(rows) for name, rows in drawn.splits.items()} == {"train": 1000, "test": 500, "ood": 100}
    train, test = (set(drawn.x[torch.from_numpy(drawn.splits[name])].flatten().tolist()) for name in ("train", "test"))
    assert not train & test


def test_a_further_split_or_more_samples_shift_nobody_elses_numbers():
    few = draw_inputs(InputOptions(samples=10, held_out=20), seed=4)
    more = draw_inputs(InputOptions(samples=30, held_out=20, out_of_distribution=5), seed=4)
    assert torch.equal(few.x[few.splits["test"]], more.x[more.splits["test"]])
    assert torch.equal(few.x[few.splits["train"]], more.x[more.splits["train"]][:10])


def test_ids_agree_exactly_where_the_inputs_do():
    base = draw_inputs(InputOptions(samples=10, held_out=10), seed=4)
    same = draw_inputs(InputOptions(samples=10, held_out=10, data_seed=4), seed=9)
    other = draw_inputs(InputOptions(samples=10, held_out=10), seed=5)
    scaled = draw_inputs(InputOptions(samples=10, held_out=10, scale=2.0), seed=4)
    assert np.array_equal(base.ids, same.ids)
    assert torch.equal(base.x, same.x)
    for different in (other, scaled):
        assert not np.isin(base.ids, different.ids).any()


def test_out_of_distribution_inputs_are_wider():
    drawn = draw_inputs(InputOptions(samples=10, held_out=10, out_of_distribution=4000), seed=0)
    assert float(drawn.x[drawn.splits["ood"]].std()) == pytest.approx(3, rel=0.05)
