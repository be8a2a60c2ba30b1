"""How many replicates of a step fit into memory together, by what a step of one of them needs at its peak."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from identify_core.saying import say_bytes
from identify_core.spec.memory import machine_memory

_SHARE = 0.7  # of the free memory; the rest is for what vmap copies and for gaps between blocks


def free_memory(device: torch.device) -> int | None:
    """Bytes that new tensors may take on a device; None where it does not tell."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + cached
    if device.type != "cpu":
        return None
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return machine_memory()
    return min(available, machine_memory() or available)


def peak_of(work: Callable[[], Any]) -> int:
    """The most bytes that tensors made by `work` take at one time; it is run once.

    Whatever `work` draws leaves torch's own generators as they were.
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    peak = _Peak()
    with torch.random.fork_rng(devices=devices), peak:
        work()
    return peak.most


def count_without_memory(build: Callable[[], nn.Module]) -> int | None:
    """Parameters of the module that `build` makes, which is built without its numbers; None where that cannot be done.

    torch makes tensors of the device `meta` from their shapes alone. A factory that reads a file, or draws from a
    generator of its own, may not go together with that.
    """
    with torch.random.fork_rng(devices=[]), torch.device("meta"), suppress(Exception):
        return sum(each.numel() for each in build().parameters())
    return None


def fitting_together(count: int, one: int, free: int | None) -> int:
    """How many of `count` replicates run together, at least one.

    Args:
        count: R.
        one: bytes that one needs.
        free: bytes that there are; None where that is not known.
    """
    if free is None or one * count <= _SHARE * free:
        return count
    return max(1, int(_SHARE * free // one))


def say_fitting(together: int, count: int, one: int, free: int) -> str:
    """The estimate in words."""
    return (
        f"{together} of {count} replicates run together: by estimate a step of one needs {say_bytes(one)}, and "
        f"{say_bytes(free)} are free"
    )


def cuts(count: int, together: int) -> Iterator[tuple[int, int]]:
    """Begins and ends of parts of at most `together` of `count`, as equal as they can be.

    Parts of one replicate would sum their matrix products in another order; equal parts avoid a single one at the end.
    """
    parts = -(-count // together)
    size, longer = divmod(count, parts)
    start = 0
    for part in range(parts):
        end = start + size + (part < longer)
        yield start, end
        start = end


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of the tensors that operations inside the block make, and of those that are let go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = 0
        self._now = 0
        self._known: dict[int, weakref.finalize[Any, Any]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: torch would import its compiler, which takes seconds, only to keep it away from this class."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {id(each.untyped_storage()) for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)}
        result = func(*args, **(kwargs or {}))
        for each in tree_leaves(result):
            if isinstance(each, torch.Tensor):
                storage = each.untyped_storage()
                if id(storage) not in given and id(storage) not in self._known:
                    self._count(storage)
        return result

    def _count(self, storage: Any) -> None:
        size, key = storage.nbytes(), id(storage)
        self._now += size
        self.most = max(self.most, self._now)
        self._known[key] = weakref.finalize(storage, self._let_go, key, size)

    def _let_go(self, key: int, size: int) -> None:
        self._now -= size
        self._known.pop(key, None)
