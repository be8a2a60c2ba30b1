"""The work behind the toy plugin."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure as MatplotlibFigure

from identify_core.contexts.context import Context
from identify_core.data import Factor, Latents, Samples, Shape
from identify_core.errors import Interrupted, OptionsError
from identify_core.evaluation.subjects import Subject
from identify_core.findings import Figure, Finding, Table
from identify_core.replicates import Replicates
from identify_core.testing.toy_plugin import LinesOptions, RegressionOptions, TwoLayersOptions, WholeOptions


def make_lines(options: LinesOptions, context: Context) -> Samples:
    """Inputs from a normal distribution and their weighted sum."""
    x = torch.randn(options.samples, options.inputs, generator=context.stream("inputs"), dtype=context.dtype)
    noise = torch.randn(options.samples, 1, generator=context.stream("noise"), dtype=context.dtype)
    y = x.sum(1, keepdim=True) + options.noise * noise
    half = options.samples // 2
    return Samples(
        columns={"x": x, "y": y},
        ids=np.arange(options.samples),
        splits={"train": np.arange(half), "test": np.arange(half, options.samples)},
        factors={"first": Factor(values=x[:, 0].numpy(), kind="continuous")},
        facts={"variance": float(y.var())},
    )


def check_two_layers(options: TwoLayersOptions, shape: Shape) -> None:
    """Refuse inputs that are not vectors."""
    if len(shape.inputs) != 1:
        raise OptionsError(f"two-layers takes vectors, not inputs of shape {shape.inputs}")
    if options.width > 1000:
        raise OptionsError(f"width {options.width} is more than a toy can take; at most 1000")


def build_two_layers(options: TwoLayersOptions, shape: Shape, context: Context) -> torch.nn.Module:
    """Linear, ReLU, linear."""
    return torch.nn.Sequential(
        torch.nn.Linear(shape.inputs[0], options.width),
        torch.nn.ReLU(),
        torch.nn.Linear(options.width, shape.outputs[0]),
    )


def regress(
    options: RegressionOptions, replicates: Replicates, samples: Samples, context: Context
) -> Iterable[Latents | Finding]:
    """Full-batch gradient descent, checkpointed."""
    train = samples.split("train").to(context.device, context.dtype)
    batch = {"x": train.tensor("x"), "y": train.tensor("y")}

    def loss(call: Any, data: Mapping[str, torch.Tensor]) -> torch.Tensor:
        error: torch.Tensor = call(data["x"]) - data["y"]
        return error.square().mean()

    state = context.restore() or {"step": 0}
    if state["step"]:
        replicates.load_state(state["weights"])
    with context.progress("regression", options.steps) as bar:
        for step in range(state["step"], options.steps):
            values, gradients, _ = replicates.values_and_gradients(loss, batch)
            for name, gradient in gradients.items():
                replicates.parameters[name].sub_(options.learning_rate * gradient)
            context.log(step + 1, loss=values)
            bar.advance()
            time.sleep(options.pause)
            if context.checkpoint_due() or context.should_stop():
                context.checkpoint({"step": step + 1, "weights": replicates.state()})
            if context.should_stop():
                raise Interrupted("stopped")
    test = samples.split("test").to(context.device, context.dtype)
    replicates.eval()
    hidden = replicates.activations(test.tensor("x"), names=["1"])["1"]
    yield Latents(name="hidden", values=hidden, split="test", summary="after the ReLU")
    yield Finding(name="outcome", summary="trained", scalars={"steps": options.steps})


def measure_norm(options: Any, subject: Subject, context: Context) -> float:
    """The Frobenius norm of the centred latents."""
    values = subject.representations[0].values()
    return float(np.linalg.norm(values - values.mean(0)))


def measure_distance(options: Any, subject: Subject, context: Context) -> float:
    """The Frobenius distance."""
    first, second = subject.representations
    return float(np.linalg.norm(first.values() - second.values()))


def measure_whole(options: WholeOptions, subject: Subject, context: Context) -> Finding:
    """The loss of every replicate."""
    if options.fail:
        raise ValueError("asked to fail")
    time.sleep(options.pause)
    run = subject.run
    assert run is not None  # arity is "run"
    test = run.samples.split("test").to(context.device, context.dtype)
    with torch.inference_mode():
        errors = (run.replicates(test.tensor("x")) - test.tensor("y")).square().flatten(1).mean(1).cpu().numpy()
    best = int(errors.argmin())
    return Finding(
        summary=f"replicate {best} is the best of {run.count}",
        scalars={"best": errors[best], "steps": len(run.history["loss"][0])},
        tables={"losses": Table(columns=("replicate", "loss"), rows=list(enumerate(errors)))},
        arrays={"losses": (("replicate",), errors)},
    )


def draw_whole(options: WholeOptions, finding: Finding, context: Context | None) -> Iterable[Figure]:
    """A bar for each replicate."""
    figure = MatplotlibFigure(figsize=(3, 2))
    losses = finding.arrays["losses"].values
    figure.add_subplot().bar(range(len(losses)), losses)
    yield Figure(name="losses", caption="The loss of every replicate.", static=figure)
