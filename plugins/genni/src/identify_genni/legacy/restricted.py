"""Pickles and YAML with Python tags, read so that nothing but arrays, tensors and plain containers can come out."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from identify_core import UsageError

# What a pickled numpy array names; the modules of numpy 1 and of numpy 2.
_ADMITTED = {
    (module, name)
    for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    for name in ("_reconstruct", "scalar")
} | {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")}
_TAG = "tag:yaml.org,2002:python/"


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}, which is not part of an array")
        return super().find_class(module_name, global_name)


def read_pickled_array(path: Path) -> np.ndarray[Any, Any]:
    """The array in a pickle file; anything else that the pickle names is refused before it is made.

    Raises:
        UsageError: the file is damaged, or holds something else than one array of numbers.
    """
    try:
        with path.open("rb") as file:
            found = _ArraysOnly(file).load()
    except Exception as error:  # a damaged pickle can fail in any way; the reason is kept
        raise UsageError(f"{path} holds no array that can be read safely: {error}") from error
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
        raise UsageError(f"{path} holds {type(found).__name__} instead of an array of numbers")
    return found


class _TensorsOnly(yaml.SafeLoader):
    """YAML with the tags of tuples and of tensors; every other Python tag is refused."""


def _tuple(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


def _ordered(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> dict[str, Any]:
    arguments = loader.construct_sequence(node, deep=True)
    return dict(arguments[0]) if arguments else {}


def _storage(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> Any:
    (content,) = loader.construct_sequence(node, deep=True)
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _tensor(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> torch.Tensor:
    storage, offset, size, stride, *_ = loader.construct_sequence(node, deep=True)
    if isinstance(storage, torch.Tensor):
        flat = storage.reshape(-1)
    else:
        flat = torch.tensor([], dtype=storage.dtype)
        flat.set_(storage._untyped_storage if hasattr(storage, "_untyped_storage") else storage)
    # A copy: in these files every vector is a view that drags the storage of all of them along.
    return flat.as_strided(tuple(size), tuple(stride), int(offset)).clone()


_TensorsOnly.add_constructor(f"{_TAG}tuple", _tuple)
_TensorsOnly.add_constructor(f"{_TAG}object/apply:collections.OrderedDict", _ordered)
_TensorsOnly.add_constructor(f"{_TAG}object/apply:torch.storage._load_from_bytes", _storage)
_TensorsOnly.add_constructor(f"{_TAG}object/apply:torch._utils._rebuild_tensor_v2", _tensor)


def read_tagged_yaml(path: Path) -> dict[str, Any]:
    """A meta.yml with tensors in it; no constructor but those of tuples, ordered dicts and tensors is ever called.

    Raises:
        UsageError: the file is damaged, or names anything else.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_TensorsOnly)
    except Exception as error:  # damaged YAML can fail in any way; the reason is kept
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"{path} cannot be read safely: {reason}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds {type(found).__name__} instead of a table")
    return found
