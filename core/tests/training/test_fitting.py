"""Training replicates together is training each alone: against torch.optim, and each stopping by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from identify_core.errors import OptionsError
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import FitResult, fit, squared_error
from identify_core.training.optimisers import Adam, Sgd


def columns(rows: int = 50, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    x = inputs(rows).to(dtype)
    return {"x": x, "y": torch.sin(x[:, :2])}


def build(factory: Any = networks.perceptron(), count: int = 4, **settings: Any) -> Replicates:  # noqa: B008
    settings = {"device": "cpu", "dtype": torch.float32, **settings}
    return Replicates.build(factory, count, **settings)


def run(replicates: Replicates, folder: Path, **settings: Any) -> tuple[FitResult, dict[str, Any], list[str]]:
    more = {name: settings.pop(name) for name in ("autocast_dtype", "seed") if name in settings}
    context = make_context(folder, count=replicates.count, dtype=replicates.dtype, **more)
    settings = {"optimiser": Sgd(learning_rate=0.1), "steps": 40, "batch_size": 16, **settings}
    data = settings.pop("columns", None) or columns(dtype=replicates.dtype)
    result = fit(replicates, settings.pop("loss", squared_error()), data, context=context, **settings)
    return result, context.history.series(), context.warnings


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
@pytest.mark.parametrize("drop_last", [False, True])
def test_training_together_is_a_plain_loop_over_each_network(tmp_path: Path, strategy: str, drop_last: bool) -> None:
    replicates = build(dtype=torch.float64, strategy=strategy)
    modules = [replicates.module(replicate) for replicate in range(4)]
    optimiser = Sgd(learning_rate=0.1, momentum=0.9)
    result, history, _ = run(replicates, tmp_path, optimiser=optimiser, steps=23, drop_last=drop_last)
    data = columns(dtype=torch.float64)
    starts = [0, 16, 32] if drop_last else [0, 16, 32, 48]
    for replicate, module in enumerate(modules):
        torch_optimiser = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
        for step in range(23):
            start = starts[step % len(starts)]
            torch_optimiser.zero_grad()
            loss = (module(data["x"][start : start + 16]) - data["y"][start : start + 16]).square().mean()
            loss.backward()
            norm = torch.cat([each.grad.flatten() for each in module.parameters() if each.grad is not None]).norm()
            torch_optimiser.step()
            assert np.isclose(history["loss"][1][step, replicate], loss.item(), rtol=1e-10)
            assert np.isclose(history["gradient-norm"][1][step, replicate], norm.item(), rtol=1e-10)
            length = nn.utils.parameters_to_vector(module.parameters()).norm().item()
            assert np.isclose(history["parameter-norm"][1][step, replicate], length, rtol=1e-10)
        vector = nn.utils.parameters_to_vector(module.parameters()).detach()
        assert torch.allclose(replicates.vectors()[replicate], vector, rtol=1e-10)
    assert result.reasons == ("steps",) * 4
    assert result.steps.tolist() == [23] * 4
    assert np.array_equal(result.losses.numpy(), history["loss"][1][-1])
    assert history["loss"][0].tolist() == list(range(1, 24))


@pytest.mark.parametrize("order", ["sequential", "shuffled", "shuffled-each"])
@pytest.mark.parametrize("optimiser", [Sgd(learning_rate=0.2, momentum=0.9), Adam(learning_rate=0.01)])
def test_a_replicate_trained_among_five_is_the_replicate_trained_alone(
    tmp_path: Path, order: str, optimiser: Any
) -> None:
    five, alone = build(count=5), build(count=5).select([3])
    run(five, tmp_path / "five", order=order, optimiser=optimiser, steps=300)
    run(alone, tmp_path / "alone", order=order, optimiser=optimiser, steps=300)
    assert torch.allclose(alone.vectors()[0], five.vectors()[3], rtol=1e-5, atol=1e-6)
    pair = build(count=5).select([3, 0])
    run(pair, tmp_path / "pair", order=order, optimiser=optimiser, steps=300)
    if torch._C.has_mkl:
        assert torch.equal(pair.vectors()[0], five.vectors()[3])


def test_a_replicate_with_dropout_trained_among_five_is_the_replicate_trained_alone_to_the_bit(tmp_path: Path) -> None:
    five, alone = build(networks.dropping, count=5), build(networks.dropping, count=5).select([3])
    run(five, tmp_path / "five")
    run(alone, tmp_path / "alone")
    assert torch.equal(alone.vectors()[0], five.vectors()[3])


def test_the_loop_trains_as_vmap_does(tmp_path: Path) -> None:
    together, apart = build(networks.normalised), build(networks.normalised, strategy="loop")
    run(together, tmp_path / "vmap", steps=100)
    run(apart, tmp_path / "loop", steps=100)
    for name, value in together.state().items():
        assert torch.allclose(value, apart.state()[name], rtol=1e-4, atol=1e-5)
    assert together.buffers["1.num_batches_tracked"].tolist() == [100] * 4


class _Bursting(nn.Module):
    """Gives infinity once its parameter has grown past a bound of its own."""

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.register_buffer("bound", torch.tensor(bound))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert isinstance(self.calls, torch.Tensor)
        self.calls += 1
        return torch.where(self.weight > self.bound, torch.inf, -self.weight) + 0 * x  # type: ignore[operator]


def downhill(call: Call, batch: Batch) -> torch.Tensor:
    value: torch.Tensor = call(batch["x"]).mean()
    return value


def test_a_replicate_that_diverges_stays_as_it_was_and_the_others_go_on(tmp_path: Path) -> None:
    replicates = build(lambda replicate: _Bursting(2.05 if replicate == 1 else 1e9), count=3)
    data = {"x": torch.zeros(4, 1)}
    result, history, warnings = run(replicates, tmp_path, loss=downhill, columns=data, steps=100, batch_size=None)
    assert result.reasons == ("steps", "diverged", "steps")
    assert result.steps.tolist() == [100, 11, 100]
    assert torch.allclose(replicates.parameters["weight"][:, 0], torch.tensor([11.0, 2.1, 11.0]))
    assert torch.allclose(result.losses, torch.tensor([-10.9, -2.0, -10.9]))
    assert replicates.buffers["calls"].tolist() == [100, 11, 100]
    assert warnings == [
        "replicate 1 diverged at step 12 of 'train': a value was not finite; "
        "it stays at its last finite weights and the others go on"
    ]
    losses = history["loss"][1]
    assert np.isfinite(losses[:11]).all()
    assert losses[11, 1] == np.inf
    assert np.isnan(losses[12:, 1]).all()
    assert np.isfinite(losses[:, [0, 2]]).all()
    assert np.isnan(history["parameter-norm"][1][11:, 1]).all()


def test_weights_that_would_overflow_are_not_taken(tmp_path: Path) -> None:
    replicates = build(lambda replicate: _Bursting(1e9), count=2)
    before = replicates.vectors()
    data = {"x": torch.zeros(4, 1)}
    huge = Sgd(learning_rate=3e38)
    result, _, _ = run(
        replicates,
        tmp_path,
        loss=lambda call, batch: 1e3 * downhill(call, batch),
        columns=data,
        optimiser=huge,
        batch_size=None,
    )
    assert result.reasons == ("diverged", "diverged")
    assert result.steps.tolist() == [0, 0]
    assert torch.equal(replicates.vectors(), before)


def distances(bounds: list[float]) -> Any:
    """A metric that falls by 1 a look and begins at the bounds."""
    looks = []

    def metric(replicates: Replicates, step: int) -> torch.Tensor:
        assert not replicates.training
        looks.append(1)
        return torch.tensor(bounds) - len(looks)

    return metric


def test_each_replicate_stops_when_its_metric_falls_below_the_bound(tmp_path: Path) -> None:
    replicates = build()
    free = build()
    result, history, _ = run(
        replicates, tmp_path / "a", metric=distances([2.5, 100.0, 4.5, 100.0]), metric_every=5, stop_below=0.0, steps=60
    )
    assert result.reasons == ("converged", "steps", "converged", "steps")
    assert result.steps.tolist() == [15, 60, 25, 60]
    assert history["metric"][0].tolist() == list(range(5, 61, 5))
    assert np.isnan(history["metric"][1][3:, 0]).all()
    assert result.metrics is not None
    assert result.metrics.tolist() == [-0.5, 88.0, -0.5, 88.0]
    assert np.isfinite(history["loss"][1][:15, 0]).all()
    assert np.isnan(history["loss"][1][15:, 0]).all()
    run(free, tmp_path / "b", steps=15)
    assert torch.equal(replicates.vectors()[0], free.vectors()[0])
    run(free, tmp_path / "c", steps=60)
    assert replicates.training


def test_the_training_ends_when_all_have_stopped(tmp_path: Path) -> None:
    result, history, _ = run(build(), tmp_path, metric=distances([1.5] * 4), metric_every=3, stop_below=0.0)
    assert result.steps.tolist() == [6] * 4
    assert len(history["loss"][0]) == 6


@pytest.mark.parametrize(
    ("factory", "same_bits"), [(networks.perceptron(width=64, outputs=1), True), (networks.normalised, False)]
)
def test_dropping_the_stopped_from_the_computation_leaves_the_others_alone(
    tmp_path: Path, factory: Any, same_bits: bool
) -> None:
    bounds = [1.5, 1.5, 2.5, 1.5, 100.0, 2.5, 1.5, 1.5]
    stopping, free = build(factory, count=8), build(factory, count=8)
    # Not Adam: it blows the rounding of a bias that normalisation cancels up to full steps.
    settings: dict[str, Any] = {
        "optimiser": Sgd(learning_rate=0.05, momentum=0.9),
        "columns": {"x": inputs(50), "y": inputs(50, factory(0).eval()(inputs(1)).shape[1], seed=1)},
        "batch_size": None,
        "steps": 200,
    }
    result, history, _ = run(
        stopping, tmp_path / "a", metric=distances(bounds), metric_every=20, stop_below=0.0, **settings
    )
    run(free, tmp_path / "b", **settings)
    assert result.steps.tolist() == [40, 40, 60, 40, 200, 60, 40, 40]
    assert np.isfinite(history["loss"][1][:, 4]).all()
    for name, value in stopping.state().items():
        if same_bits and torch._C.has_mkl:
            assert torch.equal(value[4], free.state()[name][4])
        else:
            assert torch.allclose(value[4], free.state()[name][4], rtol=1e-4, atol=1e-5)


def test_patience_stops_what_no_longer_improves_and_the_best_can_be_kept(tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []

    def metric(replicates: Replicates, step: int) -> torch.Tensor:
        seen.append(replicates.vectors())
        values = [[3.0, 9.0], [2.0, 8.0], [2.5, 7.0], [2.0, 6.0], [1.0, 5.0], [1.0, 4.0]]
        return torch.tensor(values[len(seen) - 1])

    replicates = build(count=2)
    result, _, _ = run(replicates, tmp_path, metric=metric, metric_every=5, patience=2, keep_best=True, steps=30)
    assert result.reasons == ("patience", "steps")
    assert result.steps.tolist() == [20, 30]
    assert torch.equal(replicates.vectors()[0], seen[1][0])
    assert torch.equal(replicates.vectors()[1], seen[5][1])


def test_without_a_metric_the_mean_loss_over_all_rows_is_taken(tmp_path: Path) -> None:
    replicates = build(networks.normalised)
    result, _, _ = run(replicates, tmp_path, stop_below=1e-9, metric_every=10)
    data = columns()
    replicates.eval()
    expected = (replicates(data["x"]) - data["y"]).square().mean((1, 2))
    assert result.metrics is not None
    assert torch.allclose(result.metrics, expected, rtol=1e-5)


def test_further_numbers_of_a_loss_and_other_trainings_have_their_own_history(tmp_path: Path) -> None:
    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        y = call(batch["x"])
        return (y - batch["y"]).square().mean(), {"largest_output": y.abs().max()}

    _, history, _ = run(build(), tmp_path, loss=loss, name="second", log_every=7, steps=40)
    assert set(history) == {
        "second-loss",
        "second-gradient-norm",
        "second-parameter-norm",
        "second-largest-output",
    }
    assert history["second-loss"][0].tolist() == [1, 8, 15, 22, 29, 36, 40]


def test_no_steps_leave_everything_as_it_was(tmp_path: Path) -> None:
    replicates = build()
    before = replicates.vectors()
    result, history, _ = run(replicates, tmp_path, steps=0)
    assert torch.equal(before, replicates.vectors())
    assert result.steps.tolist() == [0] * 4
    assert history == {}


def test_a_model_that_vmap_refuses_is_trained_in_a_loop_and_the_run_says_so(tmp_path: Path) -> None:
    replicates = build(lambda replicate: networks.Branching())
    _, _, warnings = run(replicates, tmp_path, steps=5)
    assert len(warnings) == 1
    assert warnings[0].startswith("the replicates run one after the other: vmap cannot run this model")


def test_bfloat16_autocast_trains_close_to_float32(tmp_path: Path) -> None:
    narrow, full = build(networks.perceptron(32)), build(networks.perceptron(32))
    ours, _, _ = run(narrow, tmp_path / "a", autocast_dtype=torch.bfloat16, steps=200)
    theirs, _, _ = run(full, tmp_path / "b", steps=200)
    assert ours.reasons == theirs.reasons
    assert torch.allclose(ours.losses, theirs.losses, rtol=0.05)
    assert not torch.equal(narrow.vectors(), full.vectors())


def test_float16_autocast_scales_the_losses_and_survives_overflows(tmp_path: Path) -> None:
    narrow, full = build(networks.perceptron(32), strategy="loop"), build(networks.perceptron(32))
    ours, _, warnings = run(narrow, tmp_path / "a", autocast_dtype=torch.float16, steps=200)
    theirs, _, _ = run(full, tmp_path / "b", steps=200)
    assert ours.reasons == ("steps",) * 4
    assert warnings == []
    assert torch.allclose(ours.losses, theirs.losses, rtol=0.05)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "the training's steps is -1"),
        ({"metric_every": 0}, "the training's metric_every is 0"),
        ({"patience": 0}, "the training's patience is 0"),
        ({"log_every": 0}, "the training's log_every is 0"),
        ({"batch_size": 0}, "a batch of 0 rows cannot be cut from 50 rows"),
        ({"batch_size": 51, "drop_last": True}, "a batch of 51 rows cannot be cut from 50 rows"),
        ({"order": "random"}, 'order: "random" is not one of "sequential", "shuffled", "shuffled-each"'),
        ({"columns": {"x": torch.zeros(3), "y": torch.zeros(4)}}, "columns of one length.*x 3, y 4"),
        ({"columns": {"x": torch.zeros(0, 3)}}, "columns of one length.*x 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        run(build(), tmp_path, **settings)


def test_autocast_of_anything_but_float32_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="autocast computes float32 networks in fewer digits, but these are float64"):
        run(build(dtype=torch.float64), tmp_path, autocast_dtype=torch.bfloat16)
