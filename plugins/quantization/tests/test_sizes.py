"""What `identify validate` reckons is what is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from identify_core import Known, Shape
from identify_core.testing.contexts import make_context
from identify_quantization import sizes
from identify_quantization.data.generated import make_generated
from identify_quantization.networks.autoencoder import build_dense
from identify_quantization.options.data import GeneratedOptions
from identify_quantization.options.networks import DenseOptions, LatentOptions

KNOWN = Known(replicates=2, itemsize=4, inputs=(1, 8, 8))


@pytest.mark.parametrize(
    "options",
    [
        DenseOptions(widths=(5, 7)),
        DenseOptions(widths=(6,), critic=True, discriminator=True, latent=LatentOptions(kind="gaussian", count=3)),
        DenseOptions(widths=(6,), latent=LatentOptions(kind="scalar-books", count=2, values=(3, 4))),
        DenseOptions(widths=(6,), latent=LatentOptions(kind="scalar-books", count=2, shared=True)),
        DenseOptions(widths=(6,), latent=LatentOptions(kind="scalar-books", count=2, learnable=False)),
        DenseOptions(widths=(6,), latent=LatentOptions(kind="vector-books", count=2, entries=5, width=3)),
        DenseOptions(widths=(6,), latent=LatentOptions(kind="finite", count=2)),
    ],
)
def test_the_parameters_of_dense_networks(options: DenseOptions, tmp_path: Path) -> None:
    module = build_dense(options, Shape(inputs=(1, 8, 8), outputs=None), make_context(tmp_path))
    assert sizes.dense(options, KNOWN).parameters == sum(each.numel() for each in module.parameters())


def test_generated_pictures_and_their_shape(tmp_path: Path) -> None:
    made = make_generated(GeneratedOptions(side=8), make_context(tmp_path))
    told = sizes.generated(GeneratedOptions(side=8), KNOWN)
    assert (told.samples, told.inputs, told.factors) == (len(made), made.shape.inputs, len(made.factors))
    assert told.test_samples == len(made.splits["test"])
    assert sum(sizes.generated(GeneratedOptions(side=10**6), KNOWN).parts.values()) > 10**15
