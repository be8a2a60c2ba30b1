"""Devices: which one a spec's `device` means on this machine, and where a device keeps its own random state."""

from __future__ import annotations

import torch

from identify_core.errors import UsageError


def available_devices() -> tuple[str, ...]:
    """The devices of this machine by the names that a spec takes, the preferred ones first, `cpu` last."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def resolve_device(name: str = "auto", *, dtype: torch.dtype = torch.float32) -> torch.device:
    """The device that `name` means here, with its index where it has one.

    Args:
        name: `auto` takes CUDA, then MPS, then the CPU; otherwise `cpu`, `cuda`, `cuda:1` or `mps`.
        dtype: the floating-point type that the run needs; `auto` passes over devices that lack it.

    Raises:
        UsageError: there is no such device, or it cannot compute in `dtype`.
    """
    available = available_devices()
    if name == "auto":
        return torch.device(next(each for each in available if _supports(each, dtype)))
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in available:
        raise UsageError(
            f"the device {name!r} does not exist here; there is {', '.join(available)}",
            hint="choose one of them, or device = 'auto'",
        )
    if not _supports(wanted, dtype):
        raise UsageError(
            f"the device {name!r} cannot compute in {str(dtype).removeprefix('torch.')}",
            hint="choose dtype = 'float32' or device = 'cpu'",
        )
    return torch.device(wanted)


def _supports(name: str, dtype: torch.dtype) -> bool:
    return not (name == "mps" and dtype in (torch.float64, torch.complex128))


def random_state(device: torch.device) -> torch.Tensor:
    """The state of torch's own generator of `device`, a byte tensor on the CPU."""
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    if device.type == "mps":
        return torch.mps.get_rng_state()
    return torch.random.get_rng_state()


def set_random_state(device: torch.device, state: torch.Tensor) -> None:
    """Put the state of torch's own generator of `device` back to what `random_state` gave."""
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    elif device.type == "mps":
        torch.mps.set_rng_state(state)
    else:
        torch.random.set_rng_state(state)
