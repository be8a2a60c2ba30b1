"""Schedules against closed forms, against torch's own, and through a whole training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from identify_core.errors import OptionsError
from identify_core.optimisers import Adam, Schedule
from identify_core.replicates import Replicates
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import fit, squared_error


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


def test_the_cosine_is_torchs() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=19, eta_min=0.05)
    for step in range(20):
        assert Schedule(shape="cosine", final=0.05).factor(step, 20) == pytest.approx(optimiser.param_groups[0]["lr"])
        optimiser.step()
        theirs.step()


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
        ({"shape": "step"}, 'shape: "step" is not one of "constant", "linear", "cosine"'),
        ({"final": 1.5}, r"the schedule's final is 1.5; it must be between 0 and 1"),
        ({"warm_up": -1}, r"the schedule's warm_up is -1; it must be at least 0"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        Schedule(**settings)
