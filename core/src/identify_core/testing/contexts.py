"""Contexts and subjects for tests of single components, without a run, a spec or a store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from identify_core.contexts.context import Context
from identify_core.data import Shape
from identify_core.evaluation.consultation import Consultation
from identify_core.plugins import load_registry


def let_consult(context: Context, *names: str) -> None:
    """Let what a test calls with a context ask evaluators of installed plugins for scores, as a run lets it.

    Args:
        context: which is then asked by `context.score`.
        names: qualified, such as "measures:cka".

    Raises:
        PluginError: one is not installed.
    """
    registry = load_registry()
    context.consult(Consultation({name: registry.resolve("evaluator", name) for name in names}))


def make_context(
    folder: Path,
    *,
    seed: int = 0,
    count: int = 3,
    model: Callable[[Shape], torch.nn.Module] | None = None,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    **more: Any,
) -> Context:
    """A context whose scratch folder is `folder`.

    Args:
        folder: kept between two contexts, it is what a resumed run finds.
        seed: of the streams.
        count: the number of replicates.
        model: builds one network from a shape, drawing from torch's global generator.
        device: where the run's tensors live.
        dtype: of data and parameters.
        more: further arguments of `Context`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    build = None if model is None else lambda shape, context: model(shape)
    return Context(
        device=torch.device(device), dtype=dtype, seed=seed, count=count, scratch=folder, build=build, **more
    )
