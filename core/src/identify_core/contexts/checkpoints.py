"""Checkpoints: tensors and plain values in one safetensors file with a digest; two are kept, none pickled."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from identify_core.disk_space import say_missing_room
from identify_core.errors import StoreError

_FORMAT = "identify.checkpoint.2"
_WITHOUT_DIGEST = "identify.checkpoint.1"  # what versions before 0.2 wrote


def write_checkpoint(path: Path, state: Any) -> None:
    """Write `state` to `path` in one step; what was there before stays as `<name>.previous`.

    A crash at any moment leaves at least one whole checkpoint of the two, if there was one.

    Args:
        path: the file; its folder exists.
        state: nested dicts with string keys, lists and tuples (read back as lists) of tensors, numpy arrays (read back
            as tensors), numbers, strings, booleans and None.

    Raises:
        TypeError: the state holds anything else.
        StoreError: the disk is full or the folder cannot be written.
    """
    tensors: dict[str, torch.Tensor] = {}
    text = json.dumps(_flatten(state, tensors))
    temporary = path.with_name(path.name + ".tmp")
    try:
        metadata = {"format": _FORMAT, "state": text, "digest": _digest(text, tensors)}
        save_file(tensors, str(temporary), metadata=metadata)
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        if path.exists():
            os.replace(path, _previous(path))
        os.replace(temporary, path)
    except Exception as error:
        temporary.unlink(missing_ok=True)
        missing = say_missing_room(path, len(text) + sum(each.nbytes for each in tensors.values()))
        raise StoreError(
            f"the checkpoint {path.name} cannot be written: {error}{missing}",
            hint="free some space or choose another store, then `identify resume`: the last checkpoint is intact",
        ) from error


def read_checkpoint(path: Path, *, warn: Callable[[str], None]) -> Any | None:
    """What `write_checkpoint` wrote last, its tensors on the CPU; None where nothing was written.

    Args:
        path: the file.
        warn: told in one sentence where the last checkpoint is damaged and the one before it is used.

    Raises:
        StoreError: every checkpoint that is there is damaged or of another format.
    """
    damage: StoreError | None = None
    for candidate in (path, _previous(path)):
        if not candidate.exists():
            continue
        try:
            state = _read(candidate)
        except StoreError as error:
            damage = damage or error
            continue
        if damage is not None:
            warn(f"{damage.message}; the one before it is used, so some work is done again")
        return state
    if damage is not None:
        raise damage
    return None


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def _read(path: Path) -> Any:
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except Exception as error:
        raise StoreError(f"the checkpoint {path.name} is damaged: {error}", hint="start the run again") from error
    known = metadata.get("format")
    if known not in (_FORMAT, _WITHOUT_DIGEST):
        raise StoreError(
            f"the checkpoint {path.name} has the format {known!r}, not {_FORMAT!r}", hint="start the run again"
        )
    text = metadata.get("state", "")
    # A file of the older format has no digest at all: one that has it was changed into looking older.
    expected = _digest(text, tensors) if known == _FORMAT else None
    if metadata.get("digest") != expected:
        raise StoreError(
            f"the checkpoint {path.name} is damaged: its content differs from its digest", hint="start the run again"
        )
    try:
        return _restore(json.loads(text), tensors)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"the checkpoint {path.name} is damaged: {error}", hint="start the run again") from error


def _digest(text: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """The SHA-256 of all that a checkpoint holds: the plain values, and name, type, shape and bytes of each tensor."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"|{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


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
