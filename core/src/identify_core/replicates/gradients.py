"""Losses of R replicates and their gradients with respect to each replicate's own parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from identify_core.errors import RunError
from identify_core.replicates.calls import Call, Runner, Shared, Tensors, row
from identify_core.replicates.layout import Layout
from identify_core.replicates.noise import Noise

Batch = Mapping[str, torch.Tensor]
"""The columns that a loss of one replicate gets, by name, each of shape (b, ...): b rows of the batch."""
Loss = Callable[[Call, Batch], "torch.Tensor | tuple[torch.Tensor, Mapping[str, torch.Tensor]]"]
"""`loss(call, batch)` of one replicate: a scalar, or a scalar and a dict of scalars to log."""
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
    shared: Shared,
    trained: frozenset[str] | None = None,
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
        shared: whether all replicates see the same batch, or the names of its columns that all see.
        trained: names of the parameters that are differentiated; None for all.

    Returns:
        losses (R,), gradients (R, P) of the scaled losses with respect to what is trained, in the order of the layout,
        and the loss's further numbers, (R,) each.
    """
    tensors, leaves = _leaves(layout.views(matrix), trained)
    with torch.enable_grad():
        values, extras = runner.together(_body(loss), tensors, buffers, dict(batch), shared=shared)
        total = (values if scale is None else values * scale).sum()
    parts = _differentiate(total, leaves)
    gradient = torch.cat([part.reshape(len(part), -1) for part in parts], dim=1)
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
    shared: Shared,
    noise: Noise | None,
    trained: frozenset[str] | None = None,
) -> Gradients:
    """What `gradients_together` gives, one replicate after the other; each draws from its own stream of `noise`."""
    body = _body(loss)
    sizes = [size for name, size in zip(layout.names, layout.sizes, strict=True) if trained is None or name in trained]
    values, gradients, extras = [], matrix.new_empty(len(matrix), sum(sizes)), []
    for replicate in range(len(matrix)):
        tensors, leaves = _leaves(layout.split(matrix[replicate]), trained)
        own = {name: buffer[replicate] for name, buffer in buffers.items()}
        data = dict(row(batch, replicate, shared))
        with noisy(noise, replicate), torch.enable_grad():
            value, extra = runner.alone(body, tensors, own, data)
            total = value if scale is None else value * scale[replicate]
        parts = _differentiate(total, leaves)
        torch.cat([part.reshape(-1) for part in parts], out=gradients[replicate])
        values.append(value.detach())
        extras.append(extra)
    names = extras[0] if extras else {}
    return (
        torch.stack(values),
        gradients,
        {name: torch.stack([each[name].detach() for each in extras]) for name in names},
    )


def join_gradients(parts: Sequence[Gradients]) -> Gradients:
    """What several parts of the replicates gave, as one."""
    if len(parts) == 1:
        return parts[0]
    values, gradients, extras = zip(*parts, strict=True)
    return (
        torch.cat(values),
        torch.cat(gradients),
        {name: torch.cat([each[name] for each in extras]) for name in extras[0]},
    )


def _leaves(parameters: Tensors, trained: frozenset[str] | None) -> tuple[Tensors, list[torch.Tensor]]:
    """The parameters by themselves, and those of them that are differentiated."""
    tensors = {name: each.detach() for name, each in parameters.items()}
    leaves = [each.requires_grad_() for name, each in tensors.items() if trained is None or name in trained]
    return tensors, leaves


def noisy(noise: Noise | None, replicate: int) -> AbstractContextManager[None]:
    """The replicate's noise, or nothing."""
    return nullcontext() if noise is None else noise.of(replicate)


def _body(loss: Loss) -> Callable[[Call, Any], tuple[torch.Tensor, Tensors]]:
    def body(replica: Call, batch: Any) -> tuple[torch.Tensor, Tensors]:
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
