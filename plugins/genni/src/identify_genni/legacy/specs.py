"""A configuration of the 2020 code as a spec of this plugin, so that an imported run is a run like any other."""

from __future__ import annotations

from typing import Any

from identify_core import UsageError

_IMAGES = ("LeNet", "KeskarC3")


def spec_table(config: dict[str, Any], *, name: str, networks: int) -> dict[str, Any]:
    """The spec as plain TOML values.

    Args:
        config: config.yml of the run.
        name: what the run is called.
        networks: how many networks were saved.

    Raises:
        UsageError: the architecture is none of the study's, or a setting is missing.
    """
    try:
        data = config["data_meta"]
        size = int(data["inp_dim"])
        return {
            "format": 1,
            "plugin": "genni",
            "name": name,
            "seed": int(config.get("seed") or 0),
            "replicates": networks,
            "device": "cpu",
            "dataset": {
                "type": "teacher-2020",
                "samples": int(data["N"]),
                "evaluation": 500,
                "input_shape": [1, size, size] if config["net_name"] in _IMAGES else [size],
                "outputs": int(data["out_dim"]),
                "model_seed": int(config["model_seed"]),
            },
            "model": _model(str(config["net_name"]), list(config["net_params"])),
            "objective": {
                "type": "equivalence",
                "steps": int(config["num_steps"] or 0),
                **_optimiser(config),
                "learning_rate": float(config["learning_rate"]),
                "batch_size": int(config["batch_size"]),
                "initialisation": "after-data",
                "reduction": "batch-mean",
            },
            "evaluators": [],
        }
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the configuration of {name} is incomplete: {type(error).__name__}: {error}") from error


def _optimiser(config: dict[str, Any]) -> dict[str, Any]:
    momentum = float(config.get("momentum") or 0)  # the key `optimizer` was read and ignored: it was always SGD
    return {"optimiser": "momentum", "momentum": momentum} if momentum else {"optimiser": "sgd"}


def _model(name: str, arguments: list[Any]) -> dict[str, Any]:
    if name == "SimpleNet":
        _, _, width, layers, *bias = arguments
        return {"type": "fcn", "width": int(width), "num_layers": int(layers), "bias": bool(bias[0]) if bias else True}
    if name == "LinearNet":
        return {"type": "linear"}
    if name == "BatchNormSimpleNet":
        return {"type": "batchnorm"}
    if name == "LeNet":
        return {"type": "lenet", "head": "relu"}
    if name == "KeskarC3":
        return {"type": "keskar-c3"}
    raise UsageError(
        f"the architecture {name!r} is none of the study's",
        hint="they are SimpleNet, LinearNet, BatchNormSimpleNet, LeNet and KeskarC3",
    )
