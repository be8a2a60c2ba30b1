"""The objective `reconstruction`: what it claims is true, and it claims nothing where it did not arrive."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from identify_core import Finding, Latents, OptionsError, Replicates
from identify_core.testing.contexts import make_context

from identify_your_plugin.dataset import make_mixtures
from identify_your_plugin.model import build_autoencoder
from identify_your_plugin.objective import reconstruct
from identify_your_plugin.options import AutoencoderOptions, MixturesOptions, ReconstructionOptions


def train(folder: Path, steps: int) -> tuple[Latents, Finding]:
    context = make_context(folder, count=2, model=lambda shape: build_autoencoder(AutoencoderOptions(), shape, context))
    samples = make_mixtures(MixturesOptions(samples=500), context)
    replicates = Replicates.build(
        lambda replicate: context.build_model(samples.shape, replicate=replicate),
        context.count,
        device=context.device,
        dtype=context.dtype,
    )
    latents, outcome = reconstruct(ReconstructionOptions(steps=steps), replicates, samples, context)
    assert isinstance(latents, Latents)
    assert isinstance(outcome, Finding)
    return latents, outcome


def test_replicates_agree_up_to_the_map_that_is_claimed(tmp_path: Path) -> None:
    """A linear map fitted on half of the samples carries one replicate onto the other on the other half."""
    latents, outcome = train(tmp_path, steps=600)
    assert latents.identified_up_to == "linear"
    assert isinstance(latents.values, torch.Tensor)
    first, second = latents.values.double().numpy()
    half = len(first) // 2
    matrix, *_ = np.linalg.lstsq(first[:half], second[:half], rcond=None)
    residual = np.square(first[half:] @ matrix - second[half:]).sum() / np.square(second[half:]).sum()
    assert residual < 0.02
    assert np.linalg.cond(matrix) < 100
    assert outcome.scalars["unexplained"] == pytest.approx(0, abs=0.01)


def test_nothing_is_claimed_before_the_networks_arrive(tmp_path: Path) -> None:
    latents, outcome = train(tmp_path, steps=1)
    assert latents.identified_up_to == ""
    assert "left unexplained" in outcome.summary


def test_a_run_without_a_model_is_refused(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    samples = make_mixtures(MixturesOptions(samples=10), context)
    with pytest.raises(OptionsError, match="this run has no model"):
        next(reconstruct(ReconstructionOptions(), None, samples, context))
