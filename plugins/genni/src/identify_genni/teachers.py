"""Teachers: the network whose function is the target, and what it says about inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from identify_core import Context, OptionsError, Shape, Streams
from identify_genni.options.targets import TeacherOptions

_NUMBERS_AT_ONCE = 2**24


def teacher_network(options: TeacherOptions, shape: Shape, context: Context) -> nn.Module:
    """One network of the run's own model: freshly initialised, or with the weights of a stored run or a file.

    Raises:
        OptionsError: the weights are missing or belong to another architecture.
        StoreError: there is no such run.
    """
    if options.teacher_seed is not None:
        with Streams(options.teacher_seed).as_global("teacher"):
            return context.build_model(shape, replicate=None, stream=None)
    teacher = context.build_model(shape, replicate=None, stream="teacher")
    if options.teacher_run:
        weights = _weights_of_run(options, context)
        _load(teacher, weights, f"replicate {options.teacher_replicate} of the run {options.teacher_run!r}")
    elif options.teacher_file:
        _load(teacher, _weights_of_file(Path(options.teacher_file)), f"the file {options.teacher_file!r}")
    return teacher


def label(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """A target function's values, detached, in blocks that bound the memory for large inputs.

    Args:
        function: a teacher in evaluation mode, or any other function of inputs (n, ...).
        x: inputs, shape (n, ...).

    Returns:
        Shape (n, ...), in the dtype of the function's values.
    """
    block = max(1, _NUMBERS_AT_ONCE // max(1, 64 * x[0].numel()))
    with torch.no_grad():
        return torch.cat([function(part) for part in torch.split(x, block)]).detach()


def _weights_of_run(options: TeacherOptions, context: Context) -> dict[str, torch.Tensor]:
    run = context.open_run(options.teacher_run)
    weights = run.weights()
    if not weights:
        raise OptionsError(
            f"the run {options.teacher_run!r} holds no weights, so none of its replicates can be a teacher"
        )
    count = min(len(values) for values in weights.values())
    if options.teacher_replicate >= count:
        raise OptionsError(
            f"teacher_replicate is {options.teacher_replicate}, but the run {options.teacher_run!r} has the replicates "
            f"0 to {count - 1}"
        )
    # The store keeps `parameters/<name>` and `buffers/<name>`, each with the replicates along the first axis.
    return {
        name.partition("/")[2]: torch.from_numpy(values[options.teacher_replicate].copy())
        for name, values in weights.items()
    }


def _weights_of_file(path: Path) -> Mapping[str, torch.Tensor]:
    if not path.is_file():
        raise OptionsError(f"there is no file {str(path)!r} for the teacher's weights", hint="check teacher_file")
    try:
        content = _read_weights(path)
    except Exception as error:  # both formats raise errors of many kinds for damaged or unsafe files
        raise OptionsError(
            f"the file {str(path)!r} holds no weights that can be read safely: {type(error).__name__}: "
            f"{str(error).splitlines()[0] if str(error) else 'no reason given'}",
            hint="save the state dict with safetensors, or with torch.save as a plain dict of tensors",
        ) from error
    for key in ("model_state_dict", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise OptionsError(
            f"the file {str(path)!r} holds something else than a state dict: names with tensors",
            hint="save `network.state_dict()`",
        )
    return content


def _read_weights(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)  # unpickles tensors and plain containers, no code


def _load(teacher: nn.Module, weights: Mapping[str, torch.Tensor], source: str) -> None:
    own = teacher.state_dict()
    missing, extra = sorted(own.keys() - weights.keys()), sorted(weights.keys() - own.keys())
    if missing or extra:
        raise OptionsError(
            f"{source} does not fit the run's model: "
            + "; ".join(
                f"{word} {', '.join(names[:4])}{' …' if len(names) > 4 else ''}"
                for word, names in (("it lacks", missing), ("it has besides", extra))
                if names
            ),
            hint="give the run the model that the teacher's weights were trained with",
        )
    for name, value in own.items():
        if value.shape != weights[name].shape:
            raise OptionsError(
                f"{source} does not fit the run's model: {name} has the shape {tuple(weights[name].shape)} instead of "
                f"{tuple(value.shape)}",
                hint="give the run the model and the dataset sizes that the teacher's weights were trained with",
            )
    teacher.load_state_dict({name: weights[name].to(value.dtype) for name, value in own.items()})
