"""A training that was interrupted at any step ends with the bits of one that was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core.contexts.context import Context
from identify_core.errors import Interrupted
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import FitResult, fit, squared_error
from identify_core.training.optimisers import Adam, Sgd
from identify_core.training.schedules import Schedule


def metric(replicates: Replicates, step: int) -> torch.Tensor:
    """Lets replicate r stop after about 20 (r + 1) steps, and never the last two."""
    lengths = replicates.vectors().norm(dim=1)
    return torch.where(torch.arange(6) < 4, lengths - lengths.floor(), torch.inf)


def train(folder: Path, stop_at: int | None, factory: Any, **settings: Any) -> tuple[Any, ...]:
    """Train, interrupted after `stop_at` steps where it is given; returns result, state and history."""
    replicates = Replicates.build(factory, 6, device="cpu", dtype=torch.float32)
    calls = [0]

    def stop_requested() -> bool:
        calls[0] += 1
        return stop_at is not None and calls[0] == stop_at

    more = {"autocast_dtype": settings.pop("autocast_dtype", None)}
    context = make_context(folder, count=6, stop_requested=stop_requested, **more)
    x = inputs(50)
    result = fit(
        replicates,
        squared_error(),
        {"x": x, "y": torch.sin(x[:, :2])},
        steps=80,
        batch_size=16,
        metric=metric,
        metric_every=10,
        stop_below=0.5,
        context=context,
        **settings,
    )
    return result, replicates.state(), context.history.series()


def same(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> None:
    (result, state, history), (other, other_state, other_history) = ours, theirs
    assert result.reasons == other.reasons
    assert torch.equal(result.steps, other.steps)
    assert torch.equal(result.losses, other.losses)
    assert torch.equal(result.metrics, other.metrics)
    assert all(torch.equal(state[name], value) for name, value in other_state.items())
    assert history.keys() == other_history.keys()
    for name, (steps, values) in history.items():
        assert np.array_equal(steps, other_history[name][0])
        assert np.array_equal(values, other_history[name][1], equal_nan=True)


@pytest.mark.parametrize(
    ("factory", "settings"),
    [
        (networks.perceptron(), {"optimiser": Sgd(learning_rate=0.1, momentum=0.9)}),
        (networks.perceptron(), {"optimiser": Adam(learning_rate=0.01), "order": "shuffled-each", "keep_best": True}),
        (networks.normalised, {"optimiser": Adam(learning_rate=0.01), "order": "shuffled"}),
        (
            networks.perceptron(),
            {"optimiser": Adam(learning_rate=0.02), "schedule": Schedule(shape="cosine", warm_up=12)},
        ),
        (networks.dropping, {"optimiser": Sgd(learning_rate=0.1)}),
        (networks.perceptron(), {"optimiser": Sgd(learning_rate=0.1), "autocast_dtype": torch.float16}),
    ],
)
def test_interrupted_anywhere_and_resumed_gives_the_same_bits(
    tmp_path: Path, factory: Any, settings: dict[str, Any]
) -> None:
    whole = train(tmp_path / "whole", None, factory, **settings)
    assert "converged" in whole[0].reasons
    for stop_at in (1, 10, 33, 47, 79):
        folder = tmp_path / str(stop_at)
        with pytest.raises(Interrupted, match=f"stopped at step {stop_at} of 80"):
            train(folder, stop_at, factory, **settings)
        same(train(folder, None, factory, **settings), whole)


def test_interrupted_twice(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"optimiser": Sgd(learning_rate=0.1)}
    whole = train(tmp_path / "whole", None, networks.perceptron(), **settings)
    for _ in range(2):
        with pytest.raises(Interrupted):
            train(tmp_path / "twice", 25, networks.perceptron(), **settings)
    same(train(tmp_path / "twice", None, networks.perceptron(), **settings), whole)


def test_a_checkpoint_that_is_due_is_written_without_an_interruption(tmp_path: Path) -> None:
    replicates = Replicates.build(networks.perceptron(), 2, device="cpu", dtype=torch.float32)
    context = make_context(tmp_path, seconds_between_checkpoints=0.0)
    fit(replicates, squared_error(), {"x": inputs(9), "y": inputs(9, 2)}, optimiser=Adam(), steps=3, context=context)
    saved = make_context(tmp_path).restore(section="fit/train")
    assert saved is not None
    assert saved["step"] == 3


def both(context: Context, replicates: Replicates) -> list[FitResult]:
    data = {"x": inputs(9), "y": inputs(9, 2)}
    return [
        fit(replicates, squared_error(), data, optimiser=Adam(), steps=20, context=context, name=name)
        for name in ("train", "second")
    ]


def test_a_training_that_had_ended_is_not_done_again(tmp_path: Path) -> None:
    def new() -> Replicates:
        return Replicates.build(networks.perceptron(), 3, device="cpu", dtype=torch.float32)

    whole, context = new(), make_context(tmp_path / "whole")
    expected = both(context, whole)
    calls = [0]

    def stop_requested() -> bool:
        calls[0] += 1
        return calls[0] == 27

    with pytest.raises(Interrupted, match="step 7 of 20"):
        both(make_context(tmp_path / "cut", stop_requested=stop_requested), new())
    resumed, again = new(), make_context(tmp_path / "cut")
    results = both(again, resumed)
    assert torch.equal(resumed.vectors(), whole.vectors())
    assert torch.equal(results[0].losses, expected[0].losses)
    for name, (steps, values) in context.history.series().items():
        assert np.array_equal(again.history.series()[name][0], steps)
        assert np.array_equal(again.history.series()[name][1], values)


def test_a_training_repeats_itself_from_the_same_seed_and_not_from_another(tmp_path: Path) -> None:
    def trained(seed: int) -> torch.Tensor:
        replicates = Replicates.build(networks.dropping, 3, device="cpu", dtype=torch.float32)
        context = make_context(tmp_path / str(seed), seed=seed)

        def loss(call: Call, batch: Batch) -> torch.Tensor:
            value: torch.Tensor = (call(batch["x"]) - batch["y"]).square().mean()
            return value

        fit(replicates, loss, {"x": inputs(9), "y": inputs(9, 2)}, optimiser=Adam(), steps=5, context=context)
        return replicates.vectors()

    assert torch.equal(trained(0), trained(0))
    assert not torch.equal(trained(0), trained(1))
