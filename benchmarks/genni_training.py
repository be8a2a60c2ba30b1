"""Training replicates together, next to a loop over networks that each walk through a DataLoader."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from benchmarks.case import Case
from torch.utils.data import DataLoader, TensorDataset

from identify_core import Replicates, Sgd, fit, squared_error
from identify_core.testing.contexts import make_context

NETWORKS, STEPS, ROWS, BATCH, RATE = 10, 1000, 16384, 256, 0.015
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def network() -> torch.nn.Module:
    """The four-parameter network of the GENNI study."""
    return torch.nn.Sequential(torch.nn.Linear(1, 2, bias=False), torch.nn.ReLU(), torch.nn.Linear(2, 1, bias=False))


def networks(count: int) -> list[torch.nn.Module]:
    """The same networks for both sides."""
    torch.manual_seed(0)
    return [network() for _ in range(count)]


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and the teacher's outputs, detached."""
    torch.manual_seed(1)
    x = torch.randn(ROWS, 1)
    with torch.no_grad():
        return x.to(DEVICE), network()(x).to(DEVICE)


def together() -> torch.Tensor:
    """All replicates in one loop over stacked parameters."""
    x, y = data()
    replicates = Replicates.from_modules(networks(NETWORKS), device=torch.device(DEVICE), dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        fit(
            replicates,
            squared_error(),
            {"x": x, "y": y},
            optimiser=Sgd(learning_rate=RATE),
            steps=STEPS,
            batch_size=BATCH,
            order="sequential",
            context=make_context(Path(folder), count=NETWORKS, device=DEVICE),
        )
    return replicates.vectors().cpu()


def train_all(nets: list[torch.nn.Module]) -> torch.Tensor:
    """A DataLoader, a loop over steps, a loop over networks; targets detached, as a careful person writes it."""
    x, y = data()
    nets = [net.to(DEVICE) for net in nets]
    optimisers = [torch.optim.SGD(net.parameters(), lr=RATE) for net in nets]
    loader = DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=False)
    step = 0
    while step < STEPS:
        for inputs, targets in loader:
            if step == STEPS:
                break
            for net, optimiser in zip(nets, optimisers, strict=True):
                optimiser.zero_grad()
                torch.nn.functional.mse_loss(net(inputs), targets).backward()
                optimiser.step()
            step += 1
    return torch.stack([torch.cat([p.detach().flatten() for p in net.parameters()]) for net in nets]).cpu()


def one_after_the_other() -> torch.Tensor:
    """Each network by itself, with its own walk through the DataLoader."""
    return torch.cat([train_all([net]) for net in networks(NETWORKS)])


def same_weights(ours: Any, theirs: Any) -> None:
    """To float32 accuracy after a thousand steps."""
    torch.testing.assert_close(ours[: len(theirs)], theirs, rtol=1e-4, atol=1e-5)


def cases() -> Iterable[Case]:
    """Training, all at once."""
    name = f"train {NETWORKS} networks of 4 parameters, {STEPS} steps of {BATCH}"
    yield Case(
        name=name,
        baseline_name="a loop over networks, each with its own DataLoader",
        ours=together,
        baseline=one_after_the_other,
        expected=25,
        agree=same_weights,
    )
    yield Case(
        name=f"{name}, batches shared",
        baseline_name="a loop over networks inside one walk through a DataLoader",
        ours=together,
        baseline=lambda: train_all(networks(NETWORKS)),
        expected=8,
        agree=same_weights,
        note="the best plain loop that we could write",
    )
