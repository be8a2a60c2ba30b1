"""Checkpoints: tensors and plain values in one safetensors file, replaced in one step, never pickled."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from identify_core.errors import StoreError

_FORMAT = "identify.checkpoint.1"


def write_checkpoint(path: Path, state: Any) -> None:
    """Write `state` to `path` in one step: a crash leaves either the old file or the new one.

    Args:
        path: the file; its folder exists.
        state: nested dicts with string keys, lists and tuples (read back as lists) of tensors, numpy arrays (read back
            as tensors), numbers, strings, booleans and None.

    Raises:
        TypeError: the state holds anything else.
        StoreError: the disk is full or the folder cannot be written.
    """
    tensors: dict[str, torch.Tensor] = {}
    skeleton = _flatten(state, tensors)
    temporary = path.with_name(path.name + ".tmp")
    try:
        save_file(tensors, str(temporary), metadata={"format": _FORMAT, "state": json.dumps(skeleton)})
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except Exception as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(
            f"the checkpoint {path.name} cannot be written: {error}",
            hint="free some space or choose another store, then `identify resume`: the last checkpoint is intact",
        ) from error


def read_checkpoint(path: Path) -> Any:
    """What `write_checkpoint` wrote, its tensors on the CPU.

    Raises:
        StoreError: the file is damaged or of another format.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except Exception as error:
        raise StoreError(f"the checkpoint {path.name} is damaged: {error}", hint="start the run again") from error
    if metadata.get("format") != _FORMAT:
        raise StoreError(f"the checkpoint {path.name} has the format {metadata.get('format')!r}, not {_FORMAT!r}")
    return _restore(json.loads(metadata["state"]), tensors)


def _flatten(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, torch.Tensor):
        key = str(len(tensors))
        # A fresh copy: safetensors refuses tensors that share memory, and views must not drag their storage along.
        tensors[key] = value.detach().cpu().clone().contiguous()
        return {"tensor": key}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a checkpoint's keys are strings")
        return {"dict": {key: _flatten(item, tensors) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"list": [_flatten(item, tensors) for item in value]}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return {"float": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"value": value}
    raise TypeError(f"a checkpoint holds tensors, arrays and plain values, not {type(value).__name__}")


def _restore(node: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Any:
    ((kind, content),) = node.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _restore(item, tensors) for key, item in content.items()}
    if kind == "list":
        return [_restore(item, tensors) for item in content]
    return float(content) if kind == "float" else content
