"""The closed form of two-unit networks, and that it is recognised by what networks put out, not by their names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from identify_genni.subspace.analytic import Slopes, network_slopes, recognise_slopes, slopes_loss

Two = Callable[..., nn.Module]


def test_closed_form_equals_the_network(two: Two, inputs: torch.Tensor) -> None:
    generator = np.random.default_rng(0)
    target = Slopes(positive=0.3, negative=-0.7)
    y = 0.3 * inputs.clamp(min=0) - 0.7 * inputs.clamp(max=0)
    for parameters in generator.normal(size=(20, 4)):
        with torch.no_grad():
            direct = float(((two(*parameters)(inputs) - y) ** 2).mean())
        share = np.full(len(inputs), 1 / len(inputs))
        found = slopes_loss(network_slopes(parameters), target, inputs.numpy().ravel(), share)
        assert float(found) == pytest.approx(direct, rel=1e-12)


def test_released_target_has_the_published_numbers() -> None:
    """Section 2.6 of the study's description: a₊* = 0, so that J of the zero function is m₋ a₋*²."""
    x = np.array([1.0, -1.0])
    share = np.array([0.4710545, 0.5724532])
    zero = slopes_loss(np.zeros(2), Slopes(positive=0.0, negative=0.0166519), x, share)
    assert float(zero) == pytest.approx(1.587330e-4, rel=1e-4)


def test_the_class_is_recognised_from_outputs(two: Two, inputs: torch.Tensor) -> None:
    parameters = torch.tensor([[1.0, -0.5, 0.2, 0.3], [0.1, 0.2, -1.0, 1.0]], dtype=torch.float64)
    with torch.no_grad():
        outputs = torch.stack([two(*row.tolist())(inputs) for row in parameters])
    y = 2 * inputs.clamp(min=0) + 0.5 * inputs.clamp(max=0)
    found = recognise_slopes(outputs, parameters, inputs, y)
    assert found is not None
    assert (found.positive, found.negative) == pytest.approx((2.0, 0.5))
    assert recognise_slopes(outputs + 0.1, parameters, inputs, y) is None
    assert recognise_slopes(outputs, parameters, inputs, y + inputs**2) is None
    assert recognise_slopes(outputs, parameters[:, :3], inputs, y) is None
    assert recognise_slopes(outputs, parameters, torch.cat([inputs, inputs], 1), y) is None
