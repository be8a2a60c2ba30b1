"""What a context gives to components: seeded models, history, news, warnings, checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from identify_core.contexts.context import Context
from identify_core.data import Shape
from identify_core.errors import RunError
from identify_core.testing.contexts import make_context

SHAPE = Shape(inputs=(3,), outputs=(2,))


def linear(shape: Shape) -> torch.nn.Module:
    return torch.nn.Linear(shape.inputs[0], shape.outputs[0])


def test_a_replicates_initialisation_depends_on_seed_and_replicate_only(tmp_path: Path) -> None:
    def weight(seed: int, replicate: int | None, count: int = 3) -> torch.Tensor:
        context = make_context(tmp_path, seed=seed, count=count, model=linear)
        return context.build_model(SHAPE, replicate=replicate).get_parameter("weight")

    assert torch.equal(weight(0, 1), weight(0, 1, count=50))
    assert not torch.equal(weight(0, 1), weight(0, 2))
    assert not torch.equal(weight(0, 1), weight(1, 1))
    assert not torch.equal(weight(0, None), weight(0, 0))


def test_a_model_without_a_stream_draws_from_the_global_generator(tmp_path: Path) -> None:
    context = make_context(tmp_path, model=linear)
    torch.manual_seed(3)
    expected = linear(SHAPE).get_parameter("weight")
    torch.manual_seed(3)
    assert torch.equal(context.build_model(SHAPE, replicate=None, stream=None).get_parameter("weight"), expected)


def test_models_are_built_in_the_runs_dtype(tmp_path: Path) -> None:
    context = make_context(tmp_path, model=linear, dtype=torch.float64)
    assert context.build_model(SHAPE, replicate=0).get_parameter("weight").dtype is torch.float64


def test_a_run_without_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="this run has no model"):
        make_context(tmp_path).build_model(SHAPE, replicate=0)


def test_a_run_without_a_store_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no store here"):
        make_context(tmp_path).open_run("@last")


def test_logged_values_become_history(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    for step in (1, 2, 5):
        context.log(step, loss=torch.tensor([1.0, 2.0, float("nan")]) * step, learning_rate=0.1)
    steps, values = context.history.series()["loss"]
    assert steps.tolist() == [1, 2, 5]
    np.testing.assert_array_equal(values, [[1, 2, np.nan], [2, 4, np.nan], [5, 10, np.nan]])
    assert context.history.series()["learning-rate"][1].tolist() == [0.1, 0.1, 0.1]


def test_steps_that_do_not_increase_are_refused(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    context.log(3, loss=1.0)
    with pytest.raises(ValueError, match="step 3 comes after step 3"):
        context.log(3, loss=1.0)


def test_observers_hear_a_few_times_a_second_at_most(tmp_path: Path) -> None:
    heard: list[int] = []
    context = make_context(tmp_path, observe=lambda step, scalars: heard.append(step))
    for step in range(2000):
        context.log(step, loss=torch.ones(3))
    assert 1 <= len(heard) < 20


def test_a_restored_context_has_the_history_of_the_checkpoint(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    assert context.restore() is None
    context.log(1, loss=torch.tensor([1.0, 2.0, 3.0]))
    context.warn("replicate 2 diverged")
    context.checkpoint({"step": 1})
    context.log(2, loss=torch.tensor([0.0, 0.0, 0.0]))

    again = make_context(tmp_path)
    assert again.restore() == {"step": 1}
    again.log(2, loss=torch.tensor([9.0, 9.0, 9.0]))
    steps, values = again.history.series()["loss"]
    assert steps.tolist() == [1, 2]
    assert values.tolist() == [[1, 2, 3], [9, 9, 9]]
    assert again.warnings == ["replicate 2 diverged"]


def test_a_warning_is_kept_once(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    context.warn("slow")
    context.warn("slow")
    assert context.warnings == ["slow"]


def test_autocast_is_off_unless_asked_for(tmp_path: Path) -> None:
    a = torch.randn(4, 4)
    with make_context(tmp_path).autocast():
        assert (a @ a).dtype is torch.float32
    with make_context(tmp_path, autocast_dtype=torch.bfloat16).autocast():
        assert (a @ a).dtype is torch.bfloat16


def test_checkpoints_fall_due_by_time(tmp_path: Path) -> None:
    assert make_context(tmp_path, seconds_between_checkpoints=0.0).checkpoint_due()
    assert not make_context(tmp_path, seconds_between_checkpoints=1000.0).checkpoint_due()


def test_a_models_builder_knows_which_replicate_it_builds(tmp_path: Path) -> None:
    seen: list[int | None] = []
    context = make_context(tmp_path, model=lambda shape: torch.nn.Linear(1, 1))

    def build(shape: Shape, given: Context) -> torch.nn.Module:
        seen.append(given.replicate)
        if given.replicate == 5:
            raise RuntimeError("no such network")
        return torch.nn.Linear(1, 1)

    context._build = build
    shape = Shape(inputs=(1,), outputs=(1,))
    for replicate in (0, 3, None):
        context.build_model(shape, replicate=replicate)
    context.build_model(shape, replicate=2, stream=None)
    with pytest.raises(RuntimeError):
        context.build_model(shape, replicate=5)
    assert seen == [0, 3, None, 2, 5]
    assert context.replicate is None
