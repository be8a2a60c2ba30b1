"""What the sound plugin finds of a run, its command and its check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
import torch
from matplotlib.figure import Figure as MatplotlibFigure

from identify_core.contexts.context import Context
from identify_core.evaluation.subjects import Subject
from identify_core.findings import Figure, Finding, LabelledArray, Table

MEMORY: list[Any] = []


def measure(options: Any, subject: Subject, context: Context) -> Iterable[Finding]:
    """The loss of every replicate on the test split."""
    run = subject.run
    assert run is not None  # arity is "run"
    test = run.samples.split("test").to(context.device, context.dtype)
    with torch.inference_mode():
        errors = (run.replicates(test.tensor("x")) - test.tensor("y")).square().flatten(1).mean(1).numpy()
    MEMORY.append(errors)
    yield Finding(
        summary=f"replicate {errors.argmin()} is the best",
        scalars={"best": errors.min()},
        tables={"losses": Table(columns=("replicate", "loss"), rows=list(enumerate(errors)), units={"loss": "1"})},
        arrays={"losses": LabelledArray(values=errors, dimensions=("replicate",))},
        conventions={"split": "test"},
    )


def draw(options: Any, finding: Finding, context: Context) -> Iterable[Figure]:
    """A bar for each replicate."""
    losses = finding.arrays["losses"].values
    figure = MatplotlibFigure(figsize=(3, 2))
    figure.add_subplot().bar(range(len(losses)), losses)
    yield Figure(name="losses", caption="The loss of every replicate.", static=figure)


@click.command()
def greet() -> None:
    """Greet."""


def is_well() -> None:
    """Whether all is well."""
