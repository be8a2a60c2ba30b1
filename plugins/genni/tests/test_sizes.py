"""What the plugin says that it will allocate is what it allocates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from identify_core import Known, Shape
from identify_core.testing.contexts import make_context
from identify_genni import sizes
from identify_genni.networks.convolutional import build_keskar_c3, build_lenet
from identify_genni.networks.fully_connected import build_batchnorm, build_fcn, build_linear
from identify_genni.options.equivalence import EquivalenceOptions
from identify_genni.options.networks import BatchNormOptions, FcnOptions, KeskarC3Options, LeNetOptions, LinearOptions
from identify_genni.options.targets import DigitsOptions, FunctionOptions, Teacher2020Options
from identify_genni.targets import make_digits, make_function

IMAGES = Shape(inputs=(3, 32, 28), outputs=(10,))
VECTORS = Shape(inputs=(2, 3), outputs=(4, 2))


@pytest.mark.parametrize(
    ("told", "build", "options", "shape"),
    [
        (sizes.fcn, build_fcn, FcnOptions(widths=(5, 7)), VECTORS),
        (sizes.fcn, build_fcn, FcnOptions(width=3, num_layers=4, bias=False), VECTORS),
        (sizes.linear, build_linear, LinearOptions(bias=False), VECTORS),
        (sizes.linear, build_linear, LinearOptions(), VECTORS),
        (sizes.batchnorm, build_batchnorm, BatchNormOptions(widths=(5, 7)), VECTORS),
        (sizes.lenet, build_lenet, LeNetOptions(), IMAGES),
        (sizes.keskar_c3, build_keskar_c3, KeskarC3Options(), Shape(inputs=(3, 8, 8), outputs=(10,))),
    ],
)
def test_parameters_are_those_of_the_network(
    told: Callable[..., Any], build: Callable[..., Any], options: Any, shape: Shape
) -> None:
    known = Known(replicates=1, itemsize=4, inputs=shape.inputs, outputs=shape.outputs)
    network = build(options, shape, None)
    assert told(options, known).parameters == sum(each.numel() for each in network.parameters())


@pytest.mark.parametrize("options", [DigitsOptions(), DigitsOptions(images=True, target="value")])
def test_digits_are_as_many_and_as_wide_as_told(tmp_path: Path, options: DigitsOptions) -> None:
    samples = make_digits(options, make_context(tmp_path))
    told = sizes.digits(options, Known(replicates=1, itemsize=4))
    assert (told.samples, told.inputs, told.outputs) == (len(samples), samples.shape.inputs, samples.shape.outputs)
    assert told.factors == len(samples.factors)
    assert sum(each.numel() * each.element_size() for each in samples.columns.values()) <= sum(told.parts.values())


def test_the_inputs_are_as_many_and_as_wide_as_told(tmp_path: Path) -> None:
    options = FunctionOptions(
        function="torch:sum", arguments={"dim": 1, "keepdim": True}, samples=20, held_out=5, input_shape=(3,)
    )
    samples = make_function(options, make_context(tmp_path))
    told = sizes.drawn_inputs(options, Known(replicates=1, itemsize=4))
    assert (told.samples, told.test_samples) == (len(samples.ids), len(samples.splits["test"]))
    assert (told.inputs, told.outputs) == (samples.shape.inputs, samples.shape.outputs)
    held = sum(column.element_size() * column.numel() for column in samples.columns.values())
    assert held <= sum(told.parts.values()) <= 3 * held


def test_what_is_kept_grows_with_replicates_and_inputs() -> None:
    known = Known(replicates=10**7, itemsize=4, test_samples=2000, outputs=(1,), latents=2)
    assert sizes.equivalence(EquivalenceOptions(), known).parts == {"outputs and hidden activations": 24 * 10**10}
    told = sizes.inputs_of_2020(Teacher2020Options(samples=10**12), Known(replicates=1, itemsize=4))
    assert sum(told.parts.values()) > 10**12
