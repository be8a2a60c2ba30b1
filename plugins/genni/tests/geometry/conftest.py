"""The 4-parameter network whose class is known exactly, and subjects for whole evaluators.

f(x) = Σ u_j relu(w_j x) is a₊ x for x > 0 and a₋ x for x < 0. The class of {a₊ = 0, a₋ = s} has a 3-dimensional piece
{w_1 < 0, w_2 < 0, w_1 u_1 + w_2 u_2 = s}, two 2-dimensional pieces {w_1 > 0, u_1 = 0, w_2 u_2 = s} and its mirror
image, and the pieces with a w_j = 0 that connect them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from torch import nn

from identify_core import Replicates, RunSubject, Samples, Shape, Subject
from identify_genni.geometry.residual import Residual
from identify_genni.networks.fully_connected import build_fcn
from identify_genni.options.networks import FcnOptions

SLOPE = 0.3


def vector(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@attrs.frozen(kw_only=True, eq=False)
class FourParameters:
    """θ = (w_1, w_2, u_1, u_2), the target a₊ = 0, a₋ = 0.3, and solutions on each piece of its class."""

    residual: Residual
    module: nn.Module
    variance: float
    solid: torch.Tensor
    flat: torch.Tensor
    mirror: torch.Tensor

    def deviation(self, vectors: torch.Tensor) -> float:
        """How far a₊ and a₋ of vectors (..., 4) are from the target's."""
        w, u = vectors[..., :2], vectors[..., 2:]
        above = (w.clamp(min=0) * u).sum(-1).abs().max()
        below = ((w.clamp(max=0) * u).sum(-1) - SLOPE).abs().max()
        return float(torch.maximum(above, below))


@pytest.fixture
def four() -> FourParameters:
    options = FcnOptions(widths=(2,), bias=False)
    module = build_fcn(options, Shape(inputs=(1,), outputs=(1,)), None).double().eval()
    x = torch.randn(200, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.where(x < 0, SLOPE * x, 0.0)
    function = Replicates.from_modules([module]).function(0)
    return FourParameters(
        residual=Residual(function=function, inputs=x, targets=y),
        module=module,
        variance=float(y.var(correction=0)),
        solid=vector(-0.5, -0.8, 0.2, (SLOPE + 0.1) / -0.8),
        flat=vector(0.7, -0.6, 0.0, SLOPE / -0.6),
        mirror=vector(-0.6, 0.7, SLOPE / -0.6, 0.0),
    )


def make_subject(modules: list[nn.Module], x: torch.Tensor, y: torch.Tensor, *, train: int) -> Subject:
    """A run that left these networks and samples, the first `train` of which are the training inputs."""
    count = len(x)
    samples = Samples(
        columns={"x": x.float(), "y": y.float()},
        ids=np.arange(count),
        splits={"train": np.arange(train), "test": np.arange(train, count)},
    )
    replicates = Replicates.from_modules([module.float() for module in modules]).eval()
    run = RunSubject(
        run_id="run",
        count=len(modules),
        model_name="genni:fcn",
        model_options=None,
        load_samples=lambda: samples,
        load_replicates=lambda: replicates,
        load_history=dict,
        findings={},
        latents={},
    )
    return Subject(representations=(), run=run)


@pytest.fixture
def subject_of() -> Callable[..., Subject]:
    return make_subject


@pytest.fixture
def four_subject(four: FourParameters) -> Callable[..., Subject]:
    """A run whose replicates have the given parameter vectors."""

    def make(*vectors: torch.Tensor) -> Subject:
        modules: list[Any] = []
        for each in vectors:
            module = build_fcn(FcnOptions(widths=(2,), bias=False), Shape(inputs=(1,), outputs=(1,)), None)
            nn.utils.vector_to_parameters(each.float(), module.parameters())
            modules.append(module)
        return make_subject(modules, four.residual.inputs, four.residual.targets, train=150)

    return make


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)
