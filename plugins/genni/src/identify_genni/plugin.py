"""What the genni plugin offers; this module is light, the work stands behind the targets."""

from __future__ import annotations

from collections.abc import Iterable

from identify_core import Command, Dataset, Evaluator, Model, Objective, Preset, hookimpl, presets_in
from identify_genni.options.convergence import ConvergenceOptions
from identify_genni.options.equivalence import EquivalenceOptions
from identify_genni.options.networks import (
    BatchNormOptions,
    FcnOptions,
    KeskarC3Options,
    LeNetOptions,
    LinearOptions,
    ModuleOptions,
)
from identify_genni.options.nullity import NullityOptions
from identify_genni.options.subspace import SubspaceOptions
from identify_genni.options.symmetry import SymmetryOptions
from identify_genni.options.targets import DigitsOptions, FunctionOptions, Teacher2020Options, TeacherOptions
from identify_genni.options.trace import TraceOptions

PAPER = "Lengyel et al., GENNI, NeurIPS 2020 workshop DiffGeo4DL, arXiv 2011.07407"
NETS = "genni 1.0.3, nets/Nets.py"


@hookimpl
def identify_datasets() -> Iterable[Dataset]:
    """Inputs with a target function on them."""
    yield Dataset(
        name="teacher",
        summary="A network of the run's own architecture as the target function, on inputs of a chosen distribution.",
        options=TeacherOptions,
        target="identify_genni.targets:make_teacher",
        sizes="identify_genni.sizes:drawn_inputs",
        source=PAPER,
    )
    yield Dataset(
        name="function",
        summary="Any target function by its import path, on inputs of a chosen distribution.",
        options=FunctionOptions,
        target="identify_genni.targets:make_function",
        sizes="identify_genni.sizes:drawn_inputs",
    )
    yield Dataset(
        name="teacher-2020",
        summary="The study's own recipe: teacher, inputs and candidates drawn one after the other from one seed.",
        options=Teacher2020Options,
        target="identify_genni.targets:make_teacher_2020",
        sizes="identify_genni.sizes:inputs_of_2020",
        source="genni 1.0.3, data_getters.py",
    )
    yield Dataset(
        name="digits",
        summary="The labels of scikit-learn's 1,797 handwritten digits as the target.",
        options=DigitsOptions,
        target="identify_genni.targets:make_digits",
        sizes="identify_genni.sizes:digits",
        source="Alpaydin & Kaynak (1998), UCI Machine Learning Repository",
    )


@hookimpl
def identify_models() -> Iterable[Model]:
    """The study's architectures with any activation, and modules from elsewhere."""
    yield Model(
        name="fcn",
        summary="SimpleNet: dense layers of any widths with any activation.",
        options=FcnOptions,
        target="identify_genni.networks.fully_connected:build_fcn",
        sizes="identify_genni.sizes:fcn",
        check="identify_genni.networks.fully_connected:check_dense",
        source=NETS,
    )
    yield Model(
        name="linear",
        summary="LinearNet: one dense layer.",
        options=LinearOptions,
        target="identify_genni.networks.fully_connected:build_linear",
        sizes="identify_genni.sizes:linear",
        check="identify_genni.networks.fully_connected:check_dense",
        source=NETS,
    )
    yield Model(
        name="batchnorm",
        summary="BatchNormSimpleNet: dense layers with batch normalisation.",
        options=BatchNormOptions,
        target="identify_genni.networks.fully_connected:build_batchnorm",
        sizes="identify_genni.sizes:batchnorm",
        check="identify_genni.networks.fully_connected:check_dense",
        source=NETS,
    )
    yield Model(
        name="lenet",
        summary="LeNet: two convolutions with pooling and three dense layers, for images of 16, 20, 24, … pixels.",
        options=LeNetOptions,
        target="identify_genni.networks.convolutional:build_lenet",
        sizes="identify_genni.sizes:lenet",
        check="identify_genni.networks.convolutional:check_lenet",
        source=NETS,
    )
    yield Model(
        name="keskar-c3",
        summary="KeskarC3: two convolutions and three dense layers with batch normalisation and dropout.",
        options=KeskarC3Options,
        target="identify_genni.networks.convolutional:build_keskar_c3",
        sizes="identify_genni.sizes:keskar_c3",
        check="identify_genni.networks.convolutional:check_keskar_c3",
        source=f"{NETS}; Keskar et al., On large-batch training for deep learning, ICLR 2017, arXiv 1609.04836",
    )
    yield Model(
        name="module",
        summary="Any nn.Module: a factory by its import path, with keyword arguments. Naming it runs that code.",
        options=ModuleOptions,
        target="identify_genni.networks.imported:build_module",
        check="identify_genni.networks.imported:check_module",
    )


@hookimpl
def identify_objectives() -> Iterable[Objective]:
    """Elements of one class of equivalent parameters."""
    yield Objective(
        name="equivalence",
        summary="Train every replicate to the same target function, with restarts and polishing until it is reached.",
        options=EquivalenceOptions,
        target="identify_genni.equivalence:train",
        sizes="identify_genni.sizes:equivalence",
        autocast=True,
        source=PAPER,
    )


@hookimpl
def identify_evaluators() -> Iterable[Evaluator]:
    """Whether training arrived, and what the class of equivalent parameters looks like."""
    yield Evaluator(
        name="convergence",
        summary="Loss, gradients, norms, dead units and balancedness of every replicate over the steps.",
        options=ConvergenceOptions,
        target="identify_genni.evaluators.convergence:evaluate",
        draw="identify_genni.views.convergence:draw",
        arity="run",
        requires={"modules", "samples", "history"},
        source=PAPER,
    )
    yield Evaluator(
        name="subspace",
        summary="The ε-equivalent set on an affine subspace of parameter space.",
        options=SubspaceOptions,
        target="identify_genni.evaluators.subspace:evaluate",
        draw="identify_genni.views.subspace:draw",
        arity="run",
        requires={"modules", "samples"},
        source=PAPER,
    )
    yield Evaluator(
        name="nullity",
        summary="Rank and nullity of the Jacobian next to the dimension of the known symmetries.",
        options=NullityOptions,
        target="identify_genni.evaluators.nullity:evaluate",
        draw="identify_genni.views.nullity:draw",
        arity="run",
        headline=True,
        requires={"modules", "samples"},
    )
    yield Evaluator(
        name="symmetry",
        summary="Which replicates are symmetric copies of each other, which are connected, which differ.",
        options=SymmetryOptions,
        target="identify_genni.evaluators.symmetry:evaluate",
        draw="identify_genni.views.symmetry:draw",
        arity="run",
        requires={"modules", "samples"},
    )
    yield Evaluator(
        name="trace",
        summary="Walks along the equivalence class, samples it and estimates its dimension.",
        options=TraceOptions,
        target="identify_genni.evaluators.trace:evaluate",
        draw="identify_genni.views.trace:draw",
        arity="run",
        requires={"modules", "samples"},
    )


@hookimpl
def identify_presets() -> Iterable[Preset]:
    """The study's experiments brought to their targets, the released runs number for number, and `smoke`."""
    return presets_in("identify_genni", first="fcn")


@hookimpl
def identify_commands() -> Iterable[Command]:
    """What the plugin can do next to runs."""
    yield Command(
        name="import-legacy",
        summary="Read an experiment folder of the 2020 code into the store.",
        target="identify_genni.legacy.command:command",
    )
