"""What the plugin says that it will allocate is what it allocates."""

from __future__ import annotations

from pathlib import Path

import pytest

from identify_core import Known, Shape
from identify_core.testing.contexts import make_context
from identify_mtlcm.molecules.graphs import QM9_LAYOUT
from identify_mtlcm.networks.egnn import build_egnn
from identify_mtlcm.networks.mlp import build_mlp
from identify_mtlcm.options.molecules import EgnnOptions, Qm9Options, egnn_sizes, qm9_sizes
from identify_mtlcm.options.networks import MlpOptions, mlp_sizes
from identify_mtlcm.options.superconduct import SuperconductOptions, superconduct_sizes
from identify_mtlcm.options.synthetic import LinearOptions
from identify_mtlcm.superconduct.features import FEATURE_NAMES
from identify_mtlcm.superconduct.formulas import ELEMENTS
from identify_mtlcm.synthetic.datasets import make_linear
from identify_mtlcm.synthetic.sizes import drawn_tasks


@pytest.mark.parametrize(
    "options",
    [EgnnOptions(), EgnnOptions(layers=1, hidden=5), EgnnOptions(layers=4, hidden=7, latent_dim=3, narrow=True)],
)
def test_parameters_are_those_of_the_graph_network(options: EgnnOptions, tmp_path: Path) -> None:
    shape = Shape(inputs=(QM9_LAYOUT.width,), outputs=(12,))
    network = build_egnn(options, shape, make_context(tmp_path))
    told = egnn_sizes(options, Known(replicates=1, itemsize=4, inputs=shape.inputs))
    assert told.parameters == sum(each.numel() for each in network.parameters())
    assert told.latents == options.latent_dim


def test_molecules_and_superconductors_are_as_wide_as_told_and_no_larger() -> None:
    """Of the official files, which are not here: the rows that their authors published, as wide as our columns."""
    known = Known(replicates=1, itemsize=4)
    molecules = qm9_sizes(Qm9Options(), known)
    assert (molecules.inputs, molecules.outputs) == ((QM9_LAYOUT.width,), (12,))
    assert sum(molecules.parts.values()) >= 133_885 * (QM9_LAYOUT.width + 12) * 4
    half = qm9_sizes(Qm9Options(subset=66_000, properties=("mu",)), known)
    assert half.outputs == (1,)
    assert sum(half.parts.values()) < sum(molecules.parts.values())
    table = superconduct_sizes(SuperconductOptions(temperature_input=True), known)
    assert (table.inputs, table.outputs) == ((len(ELEMENTS) + 1,), (len(FEATURE_NAMES),))
    assert sum(table.parts.values()) >= 21_263 * (len(ELEMENTS) + 1 + len(FEATURE_NAMES)) * 4


@pytest.mark.parametrize("options", [MlpOptions(), MlpOptions(layers=0), MlpOptions(layers=3, hidden=7, latent_dim=2)])
def test_parameters_are_those_of_the_encoder(options: MlpOptions, tmp_path: Path) -> None:
    encoder = build_mlp(options, Shape(inputs=(11,), outputs=(1,)), make_context(tmp_path))
    told = mlp_sizes(options, Known(replicates=1, itemsize=4, inputs=(11,)))
    assert told.parameters == sum(each.numel() for each in encoder.parameters())


def test_more_layers_than_can_be_listed_are_reckoned() -> None:
    known = Known(replicates=1, itemsize=4, inputs=(11,))
    few, many = (mlp_sizes(MlpOptions(layers=layers, hidden=3), known).parameters for layers in (20_000, 20_001))
    assert many is not None
    assert few is not None
    assert many - few == 3 * 3 + 3


def test_rows_are_as_many_and_as_wide_as_told(tmp_path: Path) -> None:
    options = LinearOptions(tasks=5, points=7, test_points=3, observed=12)
    samples = make_linear(options, make_context(tmp_path))
    told = drawn_tasks(options, Known(replicates=1, itemsize=4))
    assert (told.samples, told.inputs) == (len(samples.ids), samples.shape.inputs)
    assert told.test_samples == len(samples.splits["test"])
    columns = [each for each in samples.columns.values() if hasattr(each, "element_size")]
    assert sum(each.element_size() * each.numel() for each in columns) <= sum(told.parts.values())
