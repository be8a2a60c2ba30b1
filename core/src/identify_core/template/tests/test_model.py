"""The model `autoencoder`: its sizes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from identify_core import OptionsError, Shape
from identify_core.testing.contexts import make_context

from identify_your_plugin.model import Autoencoder, build_autoencoder, check_autoencoder
from identify_your_plugin.options import AutoencoderOptions


def test_it_gives_back_the_shape_of_its_inputs(tmp_path: Path) -> None:
    shape = Shape(inputs=(8,), outputs=())
    module = build_autoencoder(AutoencoderOptions(latents=2), shape, make_context(tmp_path))
    x = torch.randn(7, 8)
    assert isinstance(module, Autoencoder)
    assert module(x).shape == (7, 8)
    assert module.encoder(x).shape == (7, 2)


def test_images_are_refused() -> None:
    with pytest.raises(OptionsError, match=r"takes vectors, not inputs of shape \(1, 28, 28\)"):
        check_autoencoder(AutoencoderOptions(), Shape(inputs=(1, 28, 28), outputs=()))


def test_a_representation_wider_than_the_inputs_is_refused() -> None:
    with pytest.raises(OptionsError, match="latents is 9, but the inputs have only 8 columns"):
        check_autoencoder(AutoencoderOptions(latents=9), Shape(inputs=(8,), outputs=()))
