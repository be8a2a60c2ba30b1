"""How many replicates run together: the estimate against what a step really takes, and parts against all at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from identify_core.replicates import Batch, Call, Replicates, execution, pure
from identify_core.replicates.memory import count_without_memory, cuts, fitting_together, free_memory, peak_of
from identify_core.testing import networks
from identify_core.testing.contexts import make_context
from identify_core.testing.networks import inputs
from identify_core.training import fit
from identify_core.training.optimisers import Sgd

MEGABYTE = 10**6


@pytest.mark.parametrize(
    ("count", "one", "free", "together"),
    [(10, 7, 100, 10), (10, 10, 100, 7), (10, 30, 100, 2), (10, 300, 100, 1), (10, 300, None, 10), (1, 300, 100, 1)],
)
def test_as_many_run_together_as_seven_tenths_of_the_free_memory_hold(
    count: int, one: int, free: int | None, together: int
) -> None:
    assert fitting_together(count, one, free) == together


def test_parts_are_as_equal_as_they_can_be() -> None:
    assert list(cuts(10, 10)) == [(0, 10)]
    assert list(cuts(10, 4)) == [(0, 4), (4, 7), (7, 10)]
    assert list(cuts(9, 4)) == [(0, 3), (3, 6), (6, 9)]
    assert list(cuts(2, 1)) == [(0, 1), (1, 2)]


def test_the_peak_counts_what_lives_at_one_time() -> None:
    def work() -> torch.Tensor:
        kept = torch.ones(MEGABYTE)
        for _ in range(5):
            kept = kept + 1  # the old one is let go: two at a time
        return kept[::2]

    state = torch.random.get_rng_state()
    assert peak_of(work) == 8 * MEGABYTE
    assert peak_of(lambda: torch.randn(1000)) == 4000
    assert torch.equal(torch.random.get_rng_state(), state)


@pure
def recorded(call: Call, batch: Batch) -> torch.Tensor:
    value: torch.Tensor = (call(batch["x"]) - batch["y"]).square().mean()
    return value


def with_extras(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    value = recorded(call, batch)
    return value, {"twice": 2 * value}


@pytest.mark.parametrize("factory", [networks.perceptron(), networks.normalised])
@pytest.mark.parametrize("loss", [recorded, with_extras])
def test_parts_train_as_all_at_once_and_the_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factory: Any, loss: Any
) -> None:
    own = inputs(5, 12, 2).double()

    def train(folder: str) -> tuple[Replicates, list[str]]:
        replicates = Replicates.build(factory, 5, device="cpu", dtype=torch.float64, strategy="vmap")
        context = make_context(tmp_path / folder, count=5)
        fit(
            replicates,
            loss,
            {"x": inputs(12).double()},
            own={"y": own},
            optimiser=Sgd(learning_rate=0.05, momentum=0.9),
            steps=60,
            batch_size=5,
            context=context,
        )
        return replicates, context.warnings

    whole, nothing = train("whole")
    monkeypatch.setattr(execution, "free_memory", lambda device: 10 * 5000 // 7)
    monkeypatch.setattr(execution, "peak_of", lambda work: 2000)
    parts, said = train("parts")
    assert nothing == []
    assert said == ["2 of 5 replicates run together: by estimate a step of one needs 2 kB, and 7.14 kB are free"]
    assert parts.strategy == "vmap"
    for name, value in parts.state().items():
        assert torch.allclose(value, whole.state()[name], rtol=1e-9, atol=1e-12)


def test_the_measured_step_is_not_one_of_the_training() -> None:
    def measured(count: int) -> Replicates:
        replicates = Replicates.build(networks.normalised, 3, device="cpu", dtype=torch.float32)
        for _ in range(count):
            replicates._fits.clear()
            replicates.loss_vectors(recorded, {"x": inputs(9), "y": inputs(9, 2)})
        return replicates

    assert measured(2).buffers["1.num_batches_tracked"].tolist() == [2, 2, 2]


PROCESS = """
import sys, torch
from torch import nn
from identify_core.replicates import Replicates, execution

def peak():
    # not getrusage: its peak begins with that of the process that forked this one
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

free = int(sys.argv[1])
execution.free_memory = lambda device: free or None
modules = [nn.Sequential(nn.Linear(50, 2000), nn.Tanh(), nn.Linear(2000, 1)) for _ in range(10)]
replicates = Replicates.from_modules(modules, strategy="vmap")
x = torch.randn(5000, 50)
before = peak()
replicates.loss_vectors(lambda call, batch: call(batch["x"]).square().mean(), {"x": x})
print((peak() - before) // 1000)
"""


def test_parts_keep_a_step_within_the_memory_that_is_free() -> None:
    """In a process of its own: hidden layers of 40 MB a replicate, ten of them."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not tell the peak of one process")

    def grown(free: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PROCESS, str(free)], check=True, capture_output=True, text=True, timeout=300
        )
        return int(done.stdout)

    limit = 400
    assert grown(0) > 600
    assert grown(limit * MEGABYTE) < limit


def test_free_memory_is_told_for_the_cpu_and_not_for_what_does_not_tell() -> None:
    here = free_memory(torch.device("cpu"))
    assert here is not None
    assert here > 10 * MEGABYTE
    assert free_memory(torch.device("meta")) is None


@pytest.mark.gpu
def test_parts_keep_a_step_within_the_memory_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 400 * MEGABYTE
    monkeypatch.setattr(execution, "free_memory", lambda device: limit)
    modules = [nn.Sequential(nn.Linear(50, 2000), nn.Tanh(), nn.Linear(2000, 1)) for _ in range(10)]
    replicates = Replicates.from_modules(modules, device="cuda", strategy="vmap")
    x = torch.randn(5000, 50, device="cuda")
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()

    def loss(call: Call, batch: Batch) -> torch.Tensor:
        value: torch.Tensor = call(batch["x"]).square().mean()
        return value

    replicates.loss_vectors(loss, {"x": x})
    assert " of 10 replicates run together" in replicates.estimate
    assert torch.cuda.max_memory_allocated() - before < limit


def test_a_module_is_counted_without_its_numbers() -> None:
    state = torch.random.get_rng_state()
    assert count_without_memory(lambda: torch.nn.Linear(10**6, 10**7)) == 10**13 + 10**7
    assert torch.equal(torch.random.get_rng_state(), state)
    assert count_without_memory(lambda: torch.nn.Linear(2, int(torch.ones(1)))) is None  # its shape needs numbers
