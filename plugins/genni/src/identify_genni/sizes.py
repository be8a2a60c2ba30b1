"""What the datasets, models and the objective allocate, by arithmetic; light, `identify validate` asks before torch."""

from __future__ import annotations

import math

from identify_core import Known, Sizes, dense_parameters
from identify_genni.options.equivalence import EquivalenceOptions
from identify_genni.options.networks import BatchNormOptions, FcnOptions, KeskarC3Options, LeNetOptions, LinearOptions
from identify_genni.options.targets import DigitsOptions, InputOptions, Teacher2020Options

_DRAWN_AND_KEPT = 2
_DIGITS = 1797


def drawn_inputs(options: InputOptions, known: Known) -> Sizes:
    """The datasets `teacher` and `function`."""
    rows = options.samples + options.held_out + options.out_of_distribution
    return _rows(rows, options.held_out, options.input_shape, options.outputs, known)


def inputs_of_2020(options: Teacher2020Options, known: Known) -> Sizes:
    """The dataset `teacher-2020`."""
    rows = options.samples + options.evaluation
    return _rows(rows, options.evaluation, options.input_shape, options.outputs, known)


def digits(options: DigitsOptions, known: Known) -> Sizes:
    """The dataset `digits`: 8 × 8 pixels, read in float64; how many are held out depends on the labels."""
    outputs = 10 if options.target == "one-hot" else 1
    return Sizes(
        parts={"inputs": _DIGITS * 64 * (8 + known.itemsize), "targets": _DIGITS * outputs * (8 + known.itemsize)},
        samples=_DIGITS,
        inputs=(1, 8, 8) if options.images else (64,),
        outputs=(outputs,),
        factors=1,
    )


def _rows(rows: int, test: int, inputs: tuple[int, ...], outputs: int, known: Known) -> Sizes:
    return Sizes(
        parts={
            "inputs": _DRAWN_AND_KEPT * rows * math.prod(inputs) * known.itemsize,
            "targets": _DRAWN_AND_KEPT * rows * outputs * known.itemsize,
        },
        samples=rows,
        test_samples=test,
        inputs=inputs,
        outputs=(outputs,),
    )


def fcn(options: FcnOptions, known: Known) -> Sizes:
    """The model `fcn`."""
    if known.inputs is None or known.outputs is None:
        return Sizes()
    widths = options.layer_widths
    chain = (math.prod(known.inputs), *widths, math.prod(known.outputs))
    return Sizes(parameters=dense_parameters(chain, bias=options.bias), latents=sum(widths))


def linear(options: LinearOptions, known: Known) -> Sizes:
    """The model `linear`."""
    if known.inputs is None or known.outputs is None:
        return Sizes()
    chain = (math.prod(known.inputs), math.prod(known.outputs))
    return Sizes(parameters=dense_parameters(chain, bias=options.bias), latents=0)


def batchnorm(options: BatchNormOptions, known: Known) -> Sizes:
    """The model `batchnorm`."""
    if known.inputs is None or known.outputs is None:
        return Sizes()
    chain = (math.prod(known.inputs), *options.widths, math.prod(known.outputs))
    units = sum(options.widths)
    return Sizes(parameters=dense_parameters(chain) + 2 * units, latents=units)


def lenet(options: LeNetOptions, known: Known) -> Sizes:
    """The model `lenet`; inputs that it cannot take are refused when the run begins."""
    if known.inputs is None or known.outputs is None or len(known.inputs) != 3:
        return Sizes()
    channels, height, width = known.inputs
    flat = max(0, 16 * (height - 12) // 4) * max(0, (width - 12) // 4)
    convolutions = (25 * channels + 1) * 6 + (25 * 6 + 1) * 16
    dense = dense_parameters((flat, 120, 84, math.prod(known.outputs)))
    return Sizes(parameters=convolutions + dense, latents=6 + 16 + 120 + 84)


def keskar_c3(options: KeskarC3Options, known: Known) -> Sizes:
    """The model `keskar-c3`; inputs that it cannot take are refused when the run begins."""
    if known.inputs is None or known.outputs is None or len(known.inputs) != 3:
        return Sizes()
    channels, height, width = known.inputs
    convolutions = (25 * channels + 1) * 64 + (25 * 64 + 1) * 64
    dense = dense_parameters((64 * height * width, 384, 192, math.prod(known.outputs)))
    return Sizes(parameters=convolutions + dense + 2 * (64 + 64 + 384 + 192), latents=64 + 64 + 384 + 192)


def equivalence(options: EquivalenceOptions, known: Known) -> Sizes:
    """The objective `equivalence`: what it keeps of every replicate on the held-out inputs."""
    if known.test_samples is None or known.outputs is None or known.latents is None:
        return Sizes()
    numbers = known.replicates * known.test_samples * (known.latents + math.prod(known.outputs))
    return Sizes(parts={"outputs and hidden activations": numbers * known.itemsize})
