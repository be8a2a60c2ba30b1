"""Schedules against closed forms, against torch's own, and through a whole training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from identify_core.errors import OptionsError
from identify_core.replicates import Replicates
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import fit, squared_error
from identify_core.training.optimisers import Adam
from identify_core.training.schedules import Schedule


def test_without_a_shape_the_rate_stays() -> None:
    assert {Schedule().factor(step, 10) for step in range(10)} == {1.0}


def test_a_fall_begins_at_one_and_ends_at_its_final_factor() -> None:
    for shape in ("linear", "cosine"):
        factors = [Schedule(shape=shape, final=0.1).factor(step, 50) for step in range(50)]
        assert factors[0] == 1.0
        assert factors[-1] == pytest.approx(0.1)
        assert factors == sorted(factors, reverse=True)
    assert Schedule(shape="cosine").factor(25, 51) == pytest.approx(0.5)
    assert Schedule(shape="linear").factor(25, 51) == pytest.approx(0.5)
    assert Schedule(shape="cosine").factor(10, 51) == pytest.approx((1 + math.cos(0.2 * math.pi)) / 2)


def test_a_warm_up_rises_by_equal_steps() -> None:
    schedule = Schedule(shape="linear", warm_up=4)
    assert [schedule.factor(step, 9) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert schedule.factor(8, 9) == 0.0


def _torchs(name: str, optimiser: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    """What torch has for a schedule of 20 steps."""
    rates = torch.optim.lr_scheduler
    if name == "linear":
        return rates.LinearLR(optimiser, 1.0, 0.05, total_iters=19)
    if name == "cosine":
        return rates.CosineAnnealingLR(optimiser, T_max=19, eta_min=0.05)
    if name == "exponential":
        return rates.ExponentialLR(optimiser, gamma=0.9)
    if name == "step":
        return rates.StepLR(optimiser, step_size=6, gamma=0.3)
    rise = rates.LinearLR(optimiser, 1 / 5, 1.0, total_iters=4)
    if name == "warm-up":
        return rise
    cosine = name == "warm-up, then cosine"
    fall = rates.CosineAnnealingLR(optimiser, T_max=15) if cosine else rates.ExponentialLR(optimiser, gamma=0.9)
    return rates.SequentialLR(optimiser, [rise, fall], milestones=[4])


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("linear", Schedule(shape="linear", final=0.05)),
        ("cosine", Schedule(shape="cosine", final=0.05)),
        ("exponential", Schedule(shape="exponential", decay=0.9, every=1)),
        ("exponential", Schedule(shape="exponential", decay=0.9**3, every=3)),
        ("step", Schedule(shape="step", decay=0.3, every=6)),
        ("warm-up", Schedule(warm_up=4)),
        ("warm-up, then cosine", Schedule(shape="cosine", warm_up=4)),
        ("warm-up, then exponential", Schedule(shape="exponential", decay=0.9, every=1, warm_up=4)),
    ],
)
def test_each_shape_is_torchs(name: str, schedule: Schedule) -> None:
    def rates() -> list[float]:
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimiser = torch.optim.SGD([parameter], lr=1.0)
        scheduler = _torchs(name, optimiser)
        seen = []
        for _ in range(20):
            seen.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()
        return seen

    assert [schedule.factor(step, 20) for step in range(20)] == pytest.approx(rates(), rel=1e-12, abs=1e-15)


def test_a_fading_rate_falls_no_lower_than_its_final_factor() -> None:
    for shape in ("exponential", "step"):
        schedule = Schedule(shape=shape, decay=0.1, every=2, final=0.05)
        assert schedule.factor(2, 100) == pytest.approx(0.1)
        assert schedule.factor(50, 100) == 0.05


def test_training_follows_the_schedule(tmp_path: Path) -> None:
    """Against torch's Adam and LambdaLR on each network by itself."""
    x = inputs(20)
    y = torch.sin(x[:, :2])
    schedule = Schedule(shape="cosine", final=0.01, warm_up=5)
    replicates = Replicates.build(networks.perceptron(), 3, device="cpu", dtype=torch.float64)
    context = make_context(tmp_path, dtype=torch.float64)
    columns = {"x": x.double(), "y": y.double()}
    fit(
        replicates,
        squared_error(),
        columns,
        optimiser=Adam(learning_rate=0.02),
        steps=40,
        schedule=schedule,
        context=context,
    )
    for number in range(3):
        module = networks.perceptron()(number).double()
        adam = torch.optim.Adam(module.parameters(), lr=0.02)
        rate = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: schedule.factor(step, 40))
        for _ in range(40):
            adam.zero_grad()
            torch.nn.functional.mse_loss(module(columns["x"]), columns["y"]).backward()
            adam.step()
            rate.step()
        expected = torch.cat([each.detach().flatten() for each in module.parameters()])
        assert torch.allclose(replicates.vectors()[number], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": "stairs"}, 'shape: "stairs" is not one of "constant", "linear", "cosine", "exponential", "step"'),
        ({"shape": "step", "decay": 0.1}, "a schedule of the shape 'step' needs 'every'"),
        ({"shape": "exponential", "every": 1}, "a schedule of the shape 'exponential' needs 'decay'"),
        ({"shape": "cosine", "decay": 0.1}, "a schedule of the shape 'cosine' has no 'decay'"),
        ({"shape": "step", "every": 0, "decay": 0.1}, "the schedule's every is 0; it must be at least 1"),
        ({"shape": "step", "every": 1, "decay": 1.0}, "the schedule's decay is 1.0; it must be above 0 and below 1"),
        ({"final": 1.5}, r"the schedule's final is 1.5; it must be between 0 and 1"),
        ({"warm_up": -1}, r"the schedule's warm_up is -1; it must be at least 0"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        Schedule(**settings)


def test_cycles_of_a_cosine_each_begin_at_one() -> None:
    schedule = Schedule(shape="cosine", warm_up=1, cycles=2)
    factors = [schedule.factor(step, 7) for step in range(7)]
    assert factors == pytest.approx([0.5, 1, 0.5, 0, 1, 0.5, 0])
    for shape, cycles in (("linear", 2), ("cosine", 0)):
        with pytest.raises(OptionsError, match=f"of the shape '{shape}' has {cycles} cycles"):
            Schedule(shape=shape, cycles=cycles)
