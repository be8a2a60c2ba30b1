"""Planted truths, runs that kept whatever a test says, and contexts with and without the measures plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest

from identify_core import Context, Finding, LabelledArray, Samples, Subject, load_registry
from identify_core.testing.contexts import let_consult, make_context
from identify_core.testing.representations import represent
from identify_mtlcm.evaluators.agreement import CONSULTED
from identify_mtlcm.options.synthetic import LinearOptions
from identify_mtlcm.synthetic.datasets import make_linear

Array = np.ndarray[Any, Any]


def linear_samples(folder: Path, *, seed: int = 0, **options: Any) -> Samples:
    """The plugin's own linear data; small unless the options say otherwise."""
    sizes = {"latents": 4, "causal_factors": 1, "tasks": 30, "points": 40, "test_points": 20, "standardise": "none"}
    return make_linear(LinearOptions(**{**sizes, **options}), make_context(folder / "data", seed=seed))


@attrs.frozen(kw_only=True, eq=False)
class Planted:
    """Samples, and the run that a test says was made of them.

    Args:
        samples: with their truth.
        rows: whose latents the run kept.
    """

    samples: Samples
    rows: Array

    @property
    def truth(self) -> Array:
        """The true latents of the kept rows, (n, d)."""
        names = [f"z-{j + 1}" for j in range(len(self.samples.factors))]
        return np.stack([self.samples.factors[name].values for name in names], axis=1)[self.rows]

    @property
    def task(self) -> Array:
        """The task of each kept row, (n,)."""
        return self.samples.tensor("task").numpy()[self.rows]

    def truths(self, name: str) -> Array:
        """A truth of the samples, such as causal (T, d)."""
        return self.samples.truths[name].values

    def subject(
        self, latents: Mapping[str, Any], findings: Mapping[str, Finding] | None = None, **more: Any
    ) -> Subject:
        """A run whose replicates kept these latents: name to (R, n, d)."""
        ids = self.samples.ids[self.rows]
        kept = {
            name: tuple(
                represent(values, f"{name}#{r}", ids=ids, run_id="planted", latents=name, replicate=r)
                for r, values in enumerate(stack)
            )
            for name, stack in latents.items()
        }
        run: Any = SimpleNamespace(
            samples=self.samples,
            shape=self.samples.shape,
            latents=kept,
            findings=dict(findings or {}),
            model_name="",
            objective_options=None,
            **more,
        )
        return Subject(representations=(), run=run)


@pytest.fixture
def plant(tmp_path: Path) -> Callable[..., Planted]:
    """`plant(split="test", tasks=..., ...)`: linear data, and which of their rows a run kept."""

    def make(*, split: str = "test", **options: Any) -> Planted:
        samples = linear_samples(tmp_path, **options)
        return Planted(samples=samples, rows=samples.splits[split])

    return make


@pytest.fixture
def causal_model() -> Callable[..., Finding]:
    """`causal_model(probabilities, gamma)`: what the objective says of tasks, each (R, T, d)."""

    def make(probabilities: Array, gamma: Array) -> Finding:
        dimensions = ("replicate", "task", "latent")
        return Finding(
            name="causal-model",
            arrays={
                "probabilities": LabelledArray(values=probabilities, dimensions=dimensions),
                "gamma": LabelledArray(values=gamma, dimensions=dimensions),
            },
        )

    return make


@pytest.fixture
def alone(tmp_path: Path) -> Context:
    """Of an evaluator, with core and this plugin alone."""
    return make_context(tmp_path / "alone")


@pytest.fixture
def consulting(tmp_path: Path) -> Context:
    """Of an evaluator that can ask the measures plugin."""
    registry = load_registry(only=("measures",))
    there = {each.qualified_name: each for each in registry.components("evaluator")}
    if not set(CONSULTED) <= set(there):
        pytest.skip("the measures plugin is not installed")
    context = make_context(tmp_path / "consulting")
    let_consult(context, *CONSULTED)
    return context
