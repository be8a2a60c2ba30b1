"""Datasets: inputs labelled by a teacher network, by a target function, or by a real dataset's own labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from identify_core import Context, Factor, OptionsError, Samples, Shape, Streams, import_named
from identify_genni.inputs import Inputs, draw_inputs
from identify_genni.loss import target_energy
from identify_genni.options.targets import (
    DigitsOptions,
    FunctionOptions,
    InputOptions,
    Teacher2020Options,
    TeacherOptions,
)
from identify_genni.teachers import label, teacher_network

_MOSTLY = 0.5


def make_teacher(options: TeacherOptions, context: Context) -> Samples:
    """Inputs and what a teacher network of the run's own model says about them.

    The teacher is in evaluation mode and the targets are detached: training never runs through it.

    Raises:
        OptionsError: the teacher's weights or the sizes do not fit the model, or a target is not finite.
    """
    shape = Shape(inputs=options.input_shape, outputs=(options.outputs,))
    teacher = teacher_network(options, shape, context).eval()
    return _labelled(options, teacher, draw_inputs(options, context.seed), context, "the teacher")


def make_function(options: FunctionOptions, context: Context) -> Samples:
    """Inputs and what a function from elsewhere says about them.

    Raises:
        OptionsError: the function cannot be imported, fails, or does not return (n, outputs) finite numbers.
    """
    named = import_named(options.function, "the target function")
    role = f"the target function {options.function!r}"

    def function(x: torch.Tensor) -> torch.Tensor:
        try:
            values = named(x, **options.arguments)
        except Exception as error:  # the user's code can fail in any way; the reason is kept
            raise OptionsError(f"{role} failed: {type(error).__name__}: {error}") from error
        if not isinstance(values, torch.Tensor):
            raise OptionsError(f"{role} returned an object of type {type(values).__name__}, not a tensor")
        if values.shape == (len(x),) and options.outputs == 1:
            values = values.unsqueeze(-1)
        if values.shape != (len(x), options.outputs):
            raise OptionsError(
                f"{role} maps {len(x)} inputs to a tensor of shape {tuple(values.shape)} instead of "
                f"{(len(x), options.outputs)}",
                hint="set `outputs` to what the function returns for each input",
            )
        return values

    return _labelled(options, function, draw_inputs(options, context.seed), context, role)


def make_teacher_2020(options: Teacher2020Options, context: Context) -> Samples:
    """The study's own recipe: seed, build the teacher, draw N inputs; again from the same seed for the evaluation.

    The evaluation inputs are therefore not held out: they are among the training inputs (genni 1.0.3, data_getters.py
    and experiment.py, create_data_loader). The split `test` holds them, so that the released numbers come out again.

    Raises:
        OptionsError: the sizes do not fit the model.
    """
    shape = Shape(inputs=options.input_shape, outputs=(options.outputs,))
    parts = []
    for count in (options.samples, options.evaluation):
        with as_global_seed(options.model_seed):
            teacher = context.build_model(shape, replicate=None, stream=None).eval()
            x = torch.randn(count, *options.input_shape).to(context.dtype)
        parts.append((x, label(teacher, x)))
    n, m = options.samples, options.evaluation
    context.warn("teacher-2020 draws its evaluation inputs again from the training seed: they are not held out")
    inputs = Inputs(
        x=torch.cat([x for x, _ in parts]),
        splits={"train": np.arange(n), "test": np.arange(n, n + m)},
        ids=np.arange(n + m),
    )
    y = torch.cat([y for _, y in parts])
    facts = {"model-seed": options.model_seed, **_describe_target(y, inputs, context, "the teacher")}
    return Samples(columns={"x": inputs.x, "y": y}, ids=inputs.ids, splits=inputs.splits, facts=facts)


def make_digits(options: DigitsOptions, context: Context) -> Samples:
    """The labels of scikit-learn's 1,797 digits (8 × 8 pixels) as a target.

    Source: Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = torch.from_numpy(digits.data / 16.0)  # pixels count from 0 to 16
    if options.images:
        x = x.reshape(-1, 1, 8, 8)
    labels = np.asarray(digits.target, dtype=np.int64)
    if options.target == "one-hot":
        y = torch.nn.functional.one_hot(torch.from_numpy(labels), 10)
    else:
        y = torch.from_numpy(labels).unsqueeze(-1) / 9.0
    seed = context.seed if options.split_seed is None else options.split_seed
    generator = Streams(seed).numpy("split")
    test = np.concatenate(
        [
            rows[: max(1, round(options.test_part * len(rows)))]
            for rows in (generator.permutation(np.flatnonzero(labels == digit)) for digit in range(10))
        ]
    )
    splits = {"train": np.setdiff1d(np.arange(len(labels)), test), "test": np.sort(test)}
    y = y.to(context.dtype)
    inputs = Inputs(x=x.to(context.dtype), splits=splits, ids=np.arange(len(labels)))
    return Samples(
        columns={"x": inputs.x, "y": y},
        ids=inputs.ids,
        splits=splits,
        factors={"digit": Factor(values=labels, kind="categorical")},
        facts=_describe_target(y, inputs, context, "the labels"),
    )


@contextmanager
def as_global_seed(seed: int) -> Iterator[None]:
    """Torch's global CPU generator as `torch.manual_seed(seed)` leaves it, inside the block alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def _labelled(
    options: InputOptions,
    function: Callable[[torch.Tensor], torch.Tensor],
    inputs: Inputs,
    context: Context,
    role: str,
) -> Samples:
    x = inputs.x.to(context.dtype)
    y = label(function, x).to(context.dtype)
    if not torch.isfinite(y).all():
        raise OptionsError(
            f"{role} gives {int((~torch.isfinite(y)).sum())} values that are not finite",
            hint="choose inputs of a smaller scale, or another target",
        )
    y, normaliser = _normalise(options, y, inputs, role)
    facts = {**normaliser, **_describe_target(y, inputs, context, role)}
    return Samples(columns={"x": x, "y": y}, ids=inputs.ids, splits=inputs.splits, facts=facts)


def _normalise(
    options: InputOptions, y: torch.Tensor, inputs: Inputs, role: str
) -> tuple[torch.Tensor, dict[str, float]]:
    if options.normalise == "none":
        return y, {}
    train = y[torch.from_numpy(inputs.splits["train"])].double()
    mean = train.mean() if options.normalise == "standardise" else torch.zeros((), dtype=torch.float64)
    spread = target_energy(train).sqrt()
    if spread == 0:
        raise OptionsError(
            f"{role} is constant on the training inputs, so that it cannot be divided by its spread",
            hint='choose another target, or normalise = "none"',
        )
    return ((y.double() - mean) / spread).to(y.dtype), {"target-mean": float(mean), "target-spread": float(spread)}


def _describe_target(y: torch.Tensor, inputs: Inputs, context: Context, role: str) -> dict[str, float | bool]:
    """What the tolerances are relative to, and whether there is anything to learn."""
    facts: dict[str, float | bool] = {}
    for split, rows in inputs.splits.items():
        values = y[torch.from_numpy(rows)].double()
        facts[f"target-energy-{split}"] = float(target_energy(values, centred=False))
        facts[f"target-variance-{split}"] = float(target_energy(values))
        facts[f"target-zero-part-{split}"] = float((values == 0).flatten(1).all(1).double().mean())
    constant = facts["target-variance-train"] <= 1e-12 * facts["target-energy-train"]
    facts["target-is-constant"] = constant
    zero = facts["target-zero-part-train"]
    if constant:
        what = "exactly 0" if zero == 1 else "constant"
        context.warn(f"{role} is {what} on all training inputs: every constant network is equivalent to it")
    elif zero > _MOSTLY:
        context.warn(f"{role} is exactly 0 on {zero:.0%} of the training inputs: the zero function is close to it")
    return facts
