"""Small networks whose equivalence classes are known, runs of them, and slow obvious evaluations of J."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import nn

from identify_core import Replicates, RunSubject, Samples, Subject


class Two(nn.Module):
    """f(x) = Σ_j u_j relu(w_j x) with two units: four parameters (w_1, w_2, u_1, u_2)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(1, 2, bias=False)
        self.activation = nn.ReLU()
        self.last = nn.Linear(2, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1) to (n, 1)."""
        result: torch.Tensor = self.last(self.activation(self.first(x)))
        return result


def network(*parameters: float) -> Two:
    """The network with these four parameters."""
    module = Two().double()
    nn.utils.vector_to_parameters(torch.tensor(parameters, dtype=torch.float64), module.parameters())
    return module


def solutions(positive: float, negative: float, spread: Sequence[tuple[float, float]]) -> list[Two]:
    """Networks with these slopes, one for each pair of a positive w_1 and a negative w_2."""
    return [network(w, v, positive / w, negative / v) for w, v in spread]


def make_subject(replicates: Replicates, x: torch.Tensor, y: torch.Tensor) -> Subject:
    """A run whose last half of the samples is held out."""
    half = len(x) // 2
    samples = Samples(
        columns={"x": x, "y": y},
        ids=np.arange(len(x)),
        splits={"train": np.arange(half), "test": np.arange(half, len(x)), "none": np.arange(0)},
    )
    run = RunSubject(
        run_id="run",
        count=replicates.count,
        model_name="two",
        model_options=None,
        load_samples=lambda: samples,
        load_replicates=lambda: replicates,
        load_history=dict,
        findings={},
        latents={},
    )
    return Subject(representations=(), run=run)


def slow_loss(module: nn.Module, vector: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> float:
    """J of one parameter vector, with a module and its own state."""
    nn.utils.vector_to_parameters(vector, module.parameters())
    with torch.no_grad():
        return float(((module(x) - y) ** 2).mean())


@pytest.fixture
def inputs() -> torch.Tensor:
    """400 standard normal inputs, (400, 1), float64."""
    return torch.randn(400, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@pytest.fixture
def subject(inputs: torch.Tensor) -> Subject:
    """Five solutions of the target with slopes 0.6 and −0.4, and a sixth network that is none."""
    spread = [(1.0, -0.8), (0.5, -1.2), (1.4, -0.5), (0.8, -1.5), (1.1, -1.0)]
    modules = [*solutions(0.6, -0.4, spread), network(0.9, -0.9, 0.1, 0.9)]
    return make_subject(Replicates.from_modules(modules), inputs, network(1.0, -1.0, 0.6, 0.4)(inputs).detach())


@pytest.fixture
def replicates(subject: Subject) -> Replicates:
    """The networks of `subject`."""
    assert subject.run is not None
    return subject.run.replicates


@pytest.fixture
def loop() -> Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor], float]:
    """J of one parameter vector, the slow way."""
    return slow_loss


@pytest.fixture
def make() -> Callable[[Replicates, torch.Tensor, torch.Tensor], Subject]:
    """Makes a subject of replicates, inputs and targets."""
    return make_subject


@pytest.fixture
def two() -> Callable[..., Two]:
    """Makes a network of four given parameters."""
    return network
