"""Each row of the update is what torch.optim does to one network, step by step."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import attrs
import pytest
import torch

from identify_core.errors import OptionsError
from identify_core.training.optimisers import Adam, Adamax, Optimiser, Sgd, optimiser
from identify_core.training.updates import initial_state, update_of

CASES: list[tuple[Optimiser, type[torch.optim.Optimizer], dict[str, Any]]] = [
    (Sgd(learning_rate=0.1), torch.optim.SGD, {"lr": 0.1}),
    (Sgd(learning_rate=0.1, momentum=0.9), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (
        Sgd(learning_rate=0.05, momentum=0.8, weight_decay=0.01, nesterov=True),
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.01, "nesterov": True},
    ),
    (Adam(learning_rate=0.01), torch.optim.Adam, {"lr": 0.01}),
    (
        Adam(learning_rate=0.02, betas=(0.0, 0.5), epsilon=1e-3, weight_decay=0.1),
        torch.optim.Adam,
        {"lr": 0.02, "betas": (0.0, 0.5), "eps": 1e-3, "weight_decay": 0.1},
    ),
    (
        Adam(learning_rate=0.02, betas=(0.0, 0.9), weight_decay=0.1, decoupled=True),
        torch.optim.AdamW,
        {"lr": 0.02, "betas": (0.0, 0.9), "weight_decay": 0.1},
    ),
    (Adamax(), torch.optim.Adamax, {}),
    (
        Adamax(learning_rate=0.02, betas=(0.5, 0.8), epsilon=1e-3, weight_decay=0.1),
        torch.optim.Adamax,
        {"lr": 0.02, "betas": (0.5, 0.8), "eps": 1e-3, "weight_decay": 0.1},
    ),
]


@pytest.mark.parametrize(("record", "kind", "settings"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.float64, 1e-14)])
def test_every_step_is_torchs_own(
    record: Optimiser, kind: Any, settings: dict[str, Any], dtype: torch.dtype, tolerance: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(3, 7, generator=generator, dtype=dtype)
    theirs = [torch.nn.Parameter(row.clone()) for row in ours]
    references = [kind([parameter], foreach=False, **settings) for parameter in theirs]
    update, state = update_of(record), initial_state(record, ours)
    for _ in range(50):
        gradients = torch.randn(3, 7, generator=generator, dtype=dtype)
        ours, state = update(ours, gradients, state)
        for parameter, gradient, reference in zip(theirs, gradients, references, strict=True):
            parameter.grad = gradient.clone()
            reference.step()
        assert torch.allclose(ours, torch.stack([each.detach() for each in theirs]), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("record", "kind", "settings"), CASES)
def test_each_replicate_may_have_a_rate_of_its_own(record: Optimiser, kind: Any, settings: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    factors = torch.tensor([[1.0], [0.5], [0.0]], dtype=torch.float64)
    update = update_of(record)
    together, state = start, initial_state(record, start)
    alone = [(row[None], initial_state(record, row[None])) for row in start]
    for _ in range(5):
        gradients = torch.randn(3, 7, generator=generator, dtype=torch.float64)
        together, state = update(together, gradients, state, factors)
        alone = [
            update(rows, gradients[each][None], memory, factors[each].item())
            for each, (rows, memory) in enumerate(alone)
        ]
    assert torch.allclose(together, torch.cat([rows for rows, _ in alone]), rtol=1e-14, atol=1e-14)
    assert torch.equal(together[2], start[2])


@pytest.mark.parametrize(("record", "kind", "settings"), CASES)
def test_an_update_changes_nothing_that_it_is_given(record: Optimiser, kind: Any, settings: dict[str, Any]) -> None:
    parameters, gradients = torch.ones(2, 3), torch.full((2, 3), 0.5)
    state = initial_state(record, parameters)
    before = [each.clone() for each in (parameters, gradients, *state)]
    update_of(record)(parameters, gradients, state)
    assert all(torch.equal(a, b) for a, b in zip(before, (parameters, gradients, *state), strict=True))


def test_a_name_makes_a_record() -> None:
    assert optimiser("sgd", learning_rate=0.1) == Sgd(learning_rate=0.1)
    assert optimiser("momentum", learning_rate=0.1) == Sgd(learning_rate=0.1, momentum=0.9)
    assert optimiser("momentum", learning_rate=0.1, momentum=0.5) == Sgd(learning_rate=0.1, momentum=0.5)
    assert optimiser("adam", learning_rate=0.1, betas=[0.5, 0.9]) == Adam(learning_rate=0.1, betas=(0.5, 0.9))
    assert optimiser("adamw") == Adam(weight_decay=0.01, decoupled=True)
    assert optimiser("adamw", weight_decay=0.5) == Adam(weight_decay=0.5, decoupled=True)
    assert optimiser("adamax", epsilon=1e-6) == Adamax(epsilon=1e-6)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        optimiser("adam").learning_rate = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("adagrad", {}, "there is no optimiser 'adagrad'; there is sgd, momentum, adam, adamw, adamax"),
        ("sgd", {"learning_rate": 0.1, "betas": (0.1, 0.2)}, "'sgd' has no setting 'betas'; it has learning_rate"),
        ("sgd", {"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
        ("momentum", {"learning_rate": 0.1, "momentum": 1.0}, "momentum is 1.0; it must be at least 0 and below 1"),
        ("sgd", {"learning_rate": 0.1, "weight_decay": -1.0}, "weight_decay is -1.0; it must be at least 0"),
        ("adam", {"betas": (0.9, 1.5)}, "betas is 1.5"),
        ("sgd", {"learning_rate": 0.1, "nesterov": True}, "nesterov is true, but its momentum is 0"),
    ],
)
def test_what_cannot_be_is_said(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        optimiser(name, **settings)


def test_the_records_import_no_torch() -> None:
    code = "import sys, identify_core.training.optimisers; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
