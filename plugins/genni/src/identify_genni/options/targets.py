"""Options of the datasets: the inputs of a synthetic dataset, and where its target function comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from identify_core import above, at_least, between, matching, not_empty, option

Distribution = Literal["normal", "uniform", "sphere", "laplace", "student-t", "rademacher"]
Normalisation = Literal["none", "scale", "standardise"]

_STUDY = "genni 1.0.3, data_getters.py"


@attrs.frozen
class InputOptions:
    """How many inputs are drawn, from what, and what is done to the target."""

    samples: int = option(
        16384, help="Training inputs.", source="experiments/FCN_Sample, config.yml", limit=at_least(1)
    )
    held_out: int = option(
        2000, help="Held-out inputs of the split `test`, drawn apart from the training inputs.", limit=at_least(1)
    )
    input_shape: tuple[int, ...] = option(
        (1,), help="Shape of one input: [12] for a vector, [1, 28, 28] for an image.", limit=(not_empty(), at_least(1))
    )
    outputs: int = option(1, help="Numbers in one target.", limit=at_least(1))
    inputs: Distribution = option(
        "normal",
        help="The distribution of each coordinate; `sphere` draws whole inputs of norm √d, all others have variance 1.",
        source=_STUDY,
    )
    scale: float = option(1.0, help="What every input is multiplied with.", limit=above(0.0))
    degrees_of_freedom: float = option(
        5.0, help="Of the distribution student-t; its variance exists above 2.", limit=above(2.0)
    )
    out_of_distribution: int = option(
        0, help="Inputs of a further split `ood`, to tell equal on the data from equal as functions.", limit=at_least(0)
    )
    out_of_distribution_inputs: Distribution = option("normal", help="The distribution of the split `ood`.")
    out_of_distribution_scale: float = option(
        3.0, help="What every input of the split `ood` is multiplied with.", limit=above(0.0)
    )
    data_seed: int | None = option(
        None,
        help="Seed of the inputs; without it they follow the run's seed. Runs are lined up where inputs are the same.",
        limit=at_least(0),
    )
    normalise: Normalisation = option(
        "none",
        help="What is done to the target: `scale` divides it by its spread over the training inputs, `standardise` "
        "also takes its mean away. A network of the teacher's own architecture may need an output bias to follow.",
    )


@attrs.frozen
class TeacherOptions(InputOptions):
    """The options of `teacher`."""

    teacher_seed: int | None = option(
        None,
        help="Seed of the teacher's initialisation; without it the teacher follows the run's seed. Keep it and change "
        "the run's seed for other candidates of one teacher.",
        limit=at_least(0),
    )
    teacher_run: str = option(
        "",
        help="A stored run whose replicate is the teacher: id, unique prefix, name or @last; empty for none.",
        limit=matching(r"|@last|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", "a run's id, its beginning, its name or @last"),
    )
    teacher_replicate: int = option(0, help="Which replicate of teacher_run.", limit=at_least(0))
    teacher_file: str = option(
        "",
        help="A file with the teacher's weights: safetensors, or a torch file of tensors alone; empty for none.",
        names_file=True,
    )

    def __attrs_post_init__(self) -> None:
        if self.teacher_run and self.teacher_file:
            raise ValueError(
                "teacher_run and teacher_file are both given: there is one teacher, leave one of them empty"
            )
        if self.teacher_seed is not None and (self.teacher_run or self.teacher_file):
            raise ValueError("teacher_seed is of no use to a teacher whose weights are given: leave it out")


@attrs.frozen
class FunctionOptions(InputOptions):
    """The options of `function`."""

    function: str = option(
        help="'package.module:name' of the target function, called with inputs (n, *input_shape); naming it imports "
        "and runs that code.",
        limit=not_empty(),
        names_code=True,
    )
    arguments: Mapping[str, Any] = option(attrs.Factory(dict), help="Keyword arguments of the target function.")


@attrs.frozen
class Teacher2020Options:
    """The options of `teacher-2020`."""

    samples: int = option(
        16384, help="Training inputs, N.", source="experiments/FCN_Sample, config.yml", limit=at_least(1)
    )
    evaluation: int = option(
        500, help="Evaluation inputs, drawn again from the same seed.", source="create_data_loader", limit=at_least(1)
    )
    input_shape: tuple[int, ...] = option(
        (1,), help="Shape of one input: [inp_dim], or [1, inp_dim, inp_dim].", limit=(not_empty(), at_least(1))
    )
    outputs: int = option(1, help="Numbers in one target, out_dim.", limit=at_least(1))
    model_seed: int = option(
        10,
        help='Seeds the teacher, the inputs and, with initialisation = "after-data", the candidates, in this order.',
        source="experiments/FCN_Sample, config.yml",
        limit=at_least(0),
    )


@attrs.frozen
class DigitsOptions:
    """The options of `digits`."""

    target: Literal["one-hot", "value"] = option(
        "one-hot", help="Ten numbers, 1 at the digit and 0 elsewhere, or the digit itself divided by 9."
    )
    images: bool = option(False, help="Inputs of shape (1, 8, 8) instead of (64,).")
    test_part: float = option(0.25, help="The part of each digit's images that is held out.", limit=between(0.01, 0.9))
    split_seed: int | None = option(
        None, help="Seed of the split; without it the split follows the run's seed.", limit=at_least(0)
    )
