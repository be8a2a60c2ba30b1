"""The outputs of a module's layers, collected while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from identify_core.errors import RunError


def layer_names(module: nn.Module) -> tuple[str, ...]:
    """Every submodule that does work of its own: no containers, no dropout, no identity."""
    idle = (nn.modules.dropout._DropoutNd, nn.Identity)
    return tuple(
        name
        for name, each in module.named_modules()
        if name and not any(True for _ in each.children()) and not isinstance(each, idle)
    )


@contextmanager
def collecting(module: nn.Module, names: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
    """Collect the outputs of named submodules while the module runs inside the block.

    A submodule that runs several times appears as `name`, `name#2` and so on. Of an output that is a tuple, as of
    recurrent layers, the first tensor is kept. Outputs are copied, because a later layer may work in place.

    Raises:
        RunError: a submodule does not exist.
    """
    submodules = dict(module.named_modules())
    found: dict[str, torch.Tensor] = {}
    hooks = []
    for name in names:
        if name not in submodules:
            raise RunError(
                f"the model has no submodule {name!r}",
                hint=f"it has {', '.join(each for each in submodules if each)}",
            )
        hooks.append(submodules[name].register_forward_hook(_keeper(found, name)))
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _keeper(found: dict[str, torch.Tensor], name: str) -> Any:
    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        first = output[0] if isinstance(output, (tuple, list)) else output
        if not isinstance(first, torch.Tensor):
            return
        label, times = name, 1
        while label in found:
            times += 1
            label = f"{name}#{times}"
        found[label] = first.clone()

    return keep
