"""What `identify validate` reckons is what is made."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from identify_core import Known, Shape
from identify_core.testing.contexts import make_context
from identify_metric import sizes
from identify_metric.datasets.digits import make_digits
from identify_metric.datasets.tables import make_cells
from identify_metric.networks.dense import build_dense
from identify_metric.options.data import CellsOptions, DigitsOptions
from identify_metric.options.models import DenseOptions

KNOWN = Known(replicates=2, itemsize=4, inputs=(1, 4, 3))


@pytest.mark.parametrize(
    "options",
    [
        DenseOptions(hidden=(5, 7), latent_dim=3, decoders=2),
        DenseOptions(hidden=(6,), law="gaussian-network"),
        DenseOptions(hidden=(6,), sigma="learned", decoders=1),
    ],
)
def test_the_parameters_of_dense_networks(options: DenseOptions, tmp_path: Path) -> None:
    module = build_dense(options, Shape(inputs=(1, 4, 3), outputs=None), make_context(tmp_path))
    told = sizes.dense(options, KNOWN)
    assert told.parameters == sum(each.numel() for each in module.parameters())
    assert told.latents == options.latent_dim


def test_rows_and_their_shape(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    for told, made in (
        (sizes.digits(DigitsOptions(), KNOWN), make_digits(DigitsOptions(), context)),
        (sizes.cells(CellsOptions(cells=40), KNOWN), make_cells(CellsOptions(cells=40), context)),
    ):
        assert told.samples == len(made)
        assert told.inputs == made.shape.inputs
        assert told.factors == len(made.factors)
    assert sizes.digits(DigitsOptions(), KNOWN).test_samples == len(
        make_digits(DigitsOptions(), context).splits["test"]
    )


def test_more_cells_than_fit_are_told() -> None:
    assert sum(sizes.cells(attrs.evolve(CellsOptions(), cells=10**12), KNOWN).parts.values()) > 10**15
