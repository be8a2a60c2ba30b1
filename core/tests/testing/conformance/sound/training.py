"""The objective of the sound plugin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from identify_core.contexts.context import Context
from identify_core.data import Latents, Samples
from identify_core.errors import Interrupted
from identify_core.findings import Finding
from identify_core.replicates import Replicates

from .options import FitOptions


def fit(options: FitOptions, replicates: Replicates, samples: Samples, context: Context) -> Iterable[Latents | Finding]:
    """Gradient descent with momentum on batches that all replicates share."""
    train = samples.split("train").to(context.device, context.dtype)
    x, y = train.tensor("x"), train.tensor("y")
    state = context.restore() or {"step": 0}
    velocity = {name: torch.zeros_like(value) for name, value in replicates.parameters.items()}
    if state["step"]:
        replicates.load_state(state["weights"])
        velocity = dict(state.get("velocity", velocity))
    for step in range(state["step"], options.steps):
        rows = torch.randperm(len(x), generator=context.stream(f"batch-{step}"))[: len(x) // 2]
        values, gradients, _ = replicates.values_and_gradients(squared_error, {"x": x[rows], "y": y[rows]})
        for name, gradient in gradients.items():
            velocity[name] = options.momentum.decay * velocity[name] - options.learning_rate * gradient
            replicates.parameters[name].add_(velocity[name])
        context.log(step + 1, loss=values)
        if context.checkpoint_due() or context.should_stop():
            context.checkpoint({"step": step + 1, "weights": replicates.state(), "velocity": velocity})
        if context.should_stop():
            raise Interrupted("stopped")
    test = samples.split("test").to(context.device, context.dtype)
    replicates.eval()
    hidden = replicates.activations(test.tensor("x"), names=["1"])["1"]
    yield Latents(name="hidden", values=hidden, split="test")


def squared_error(call: Any, data: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The mean squared error of one replicate."""
    error: torch.Tensor = call(data["x"]) - data["y"]
    return error.square().mean()
