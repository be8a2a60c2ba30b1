"""The trained networks of a run, as evaluators need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from identify_core import Call, OptionsError, Replicates, RunSubject
from identify_quantization.networks.autoencoder import Autoencoder, pixels

ROWS_AT_ONCE = 256


def trained_networks(run: RunSubject | None, evaluator: str) -> tuple[RunSubject, Replicates]:
    """The run and its replicates, which must be autoencoders of this plugin.

    Raises:
        OptionsError: they are others.
    """
    assert run is not None  # arity is "run"
    replicates = run.replicates
    if not isinstance(replicates.template, Autoencoder):
        raise OptionsError(
            f"{evaluator} needs an encoder with a decoder of this plugin, and the run's model is {run.model_name!r}"
        )
    return run, replicates


def split_images(run: RunSubject, split: str) -> Any:
    """The images of one split, in memory or in their file.

    Raises:
        OptionsError: there is no such split.
    """
    if split not in run.samples.splits:
        raise OptionsError(f"split is {split!r}; the samples have {', '.join(sorted(run.samples.splits))}")
    return run.samples.split(split).numbers("x")


def spaced_images(column: Any, count: int, dtype: torch.dtype) -> torch.Tensor:
    """Images evenly from the first to the last of a column, at most so many, from 0 to 1, on the CPU."""
    count = min(count, len(column))
    return images_at(column, torch.linspace(0, len(column) - 1, count).long(), dtype)


def images_at(column: Any, rows: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The images of some rows, from 0 to 1, on the CPU."""
    found: torch.Tensor = column[rows.to(column.device)] if isinstance(column, torch.Tensor) else column.take(rows)
    return pixels(found.cpu(), dtype).to(dtype)


def call_of(replicates: Replicates, replicate: int) -> Autoencoder:
    """One replicate as a module of its own, in evaluation mode."""
    module: Any = replicates.module(replicate).eval()
    autoencoder: Autoencoder = module
    return autoencoder


def code_indices(call: Call, x: torch.Tensor) -> torch.Tensor:
    """Which entry of its book each latent is, (b, n_z)."""
    found: torch.Tensor = call.part("latent")(call.part("encoder")(x)).indices
    return found


def spread(values: Mapping[int, float]) -> str:
    """The least and the greatest of what replicates have, in words."""
    least, greatest = min(values.values()), max(values.values())
    return f"{least:.4g}" if least == greatest else f"{least:.4g} to {greatest:.4g}"
