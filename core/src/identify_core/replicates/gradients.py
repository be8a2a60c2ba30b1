"""Losses of R replicates and their gradients with respect to each replicate's own parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from identify_core.errors import RunError
from identify_core.replicates.calling import Call, Replica, Runner, Tensors, row
from identify_core.replicates.layout import Layout
from identify_core.replicates.noise import Noise

Batch = Mapping[str, torch.Tensor]
Loss = Callable[[Call, Batch], "torch.Tensor | tuple[torch.Tensor, Mapping[str, torch.Tensor]]"]
Gradients = tuple[torch.Tensor, torch.Tensor, Tensors]


def gradients_together(
    runner: Runner,
    layout: Layout,
    loss: Loss,
    matrix: torch.Tensor,
    buffers: Tensors,
    batch: Batch,
    scale: torch.Tensor | None,
    *,
    shared: bool,
) -> Gradients:
    """Every replicate's loss and gradient under vmap.

    The replicates do not mix, so the gradient of the sum of their losses holds each one's own gradient; autograd runs
    outside vmap, which costs a third less than vmap over a gradient.

    Args:
        runner: runs the module.
        layout: how a row of `matrix` becomes parameters.
        loss: of one replicate on one batch.
        matrix: the parameters, (R, P).
        buffers: name to (R, *shape); changed where the module changes them.
        batch: name to (n, ...), or to (R, n, ...) where not `shared`.
        scale: factors (R,) on the losses before differentiation, or None.
        shared: whether all replicates see the same batch.

    Returns:
        losses (R,), gradients (R, P) of the scaled losses, and the loss's further numbers, (R,) each.
    """
    leaves = {name: view.detach().requires_grad_() for name, view in layout.views(matrix).items()}
    with torch.enable_grad():
        values, extras = runner.together(_body(loss), leaves, buffers, dict(batch), shared=shared)
        total = (values if scale is None else values * scale).sum()
    gradient = layout.join(_differentiate(total, list(leaves.values())))
    return values.detach(), gradient, {name: extra.detach() for name, extra in extras.items()}


def gradients_apart(
    runner: Runner,
    layout: Layout,
    loss: Loss,
    matrix: torch.Tensor,
    buffers: Tensors,
    batch: Batch,
    scale: torch.Tensor | None,
    *,
    shared: bool,
    noise: Noise | None,
) -> Gradients:
    """What `gradients_together` gives, one replicate after the other; each draws from its own stream of `noise`."""
    body = _body(loss)
    values, gradients, extras = [], torch.empty_like(matrix), []
    for replicate in range(len(matrix)):
        leaves = {name: part.detach().requires_grad_() for name, part in layout.split(matrix[replicate]).items()}
        own = {name: buffer[replicate] for name, buffer in buffers.items()}
        data = dict(batch) if shared else row(batch, replicate)
        with noisy(noise, replicate), torch.enable_grad():
            value, extra = runner.alone(body, leaves, own, data)
            total = value if scale is None else value * scale[replicate]
        parts = _differentiate(total, list(leaves.values()))
        torch.cat([part.reshape(-1) for part in parts], out=gradients[replicate])
        values.append(value.detach())
        extras.append(extra)
    names = extras[0] if extras else {}
    return (
        torch.stack(values),
        gradients,
        {name: torch.stack([each[name].detach() for each in extras]) for name in names},
    )


def noisy(noise: Noise | None, replicate: int) -> AbstractContextManager[None]:
    """The replicate's noise, or nothing."""
    return nullcontext() if noise is None else noise.of(replicate)


def _body(loss: Loss) -> Callable[[Replica, Any], tuple[torch.Tensor, Tensors]]:
    def body(replica: Replica, batch: Any) -> tuple[torch.Tensor, Tensors]:
        result = loss(replica, batch)
        value: Any
        value, extras = result if isinstance(result, tuple) else (result, {})
        if not isinstance(value, torch.Tensor) or value.ndim != 0:
            what = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
            raise RunError(f"a loss is one number a replicate, not {what}", hint="take its mean over the batch")
        if value.dtype in (torch.float16, torch.bfloat16):
            value = value.float()
        return value, dict(extras)

    return body


def _differentiate(total: torch.Tensor, leaves: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    if not total.requires_grad:
        raise RunError(
            "the loss does not depend on the parameters, so it has no gradient",
            hint="compute it from what `call(x)` returns, without detach() or no_grad()",
        )
    # The backward pass runs in the types that the forward pass chose; autocast has no business there. A scalar needs no
    # grad_outputs, which would import sympy and cost more than a small training.
    with torch.autocast(total.device.type, enabled=False):
        return torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
