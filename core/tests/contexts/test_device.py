"""What a spec's device means on a machine with other devices than this one."""

from __future__ import annotations

import pytest
import torch

from identify_core.contexts.device import available_devices, random_state, resolve_device, set_random_state
from identify_core.errors import UsageError


def pretend(monkeypatch: pytest.MonkeyPatch, *, cuda: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


def test_auto_takes_cuda_then_mps_then_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=2, mps=True)
    assert available_devices() == ("cuda:0", "cuda:1", "mps", "cpu")
    assert resolve_device("auto") == torch.device("cuda:0")
    assert resolve_device("cuda") == torch.device("cuda:0")
    assert resolve_device("cuda:1") == torch.device("cuda:1")
    pretend(monkeypatch, mps=True)
    assert resolve_device() == torch.device("mps")
    pretend(monkeypatch)
    assert resolve_device() == torch.device("cpu")


def test_a_device_that_does_not_exist_is_named_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=1)
    for name in ("cuda:1", "mps", "tpu"):
        with pytest.raises(UsageError, match=f"'{name}' does not exist here; there is cuda:0, cpu"):
            resolve_device(name)
    pretend(monkeypatch)
    with pytest.raises(UsageError, match="'cuda' does not exist here; there is cpu"):
        resolve_device("cuda")


def test_mps_has_no_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, mps=True)
    with pytest.raises(UsageError, match="'mps' cannot compute in float64"):
        resolve_device("mps", dtype=torch.float64)
    assert resolve_device("auto", dtype=torch.float64) == torch.device("cpu")


def test_the_random_state_of_a_device_can_be_put_back() -> None:
    cpu = torch.device("cpu")
    state = random_state(cpu)
    first = torch.rand(3)
    set_random_state(cpu, state)
    assert torch.equal(torch.rand(3), first)
