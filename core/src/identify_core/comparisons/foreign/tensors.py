"""Tensors: .safetensors read in spans, .pt and .pth mapped into memory and unpickled as weights only."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from identify_core.comparisons.foreign.numbers import as_native, check_real
from identify_core.comparisons.foreign.record import Array, ForeignArray, Selection, choose
from identify_core.comparisons.foreign.sizes import judge_size
from identify_core.errors import UsageError


def open_safetensors(path: Path, key: str) -> ForeignArray:
    """A tensor of a .safetensors file."""
    from safetensors import safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            name = choose(path, key, list(file.keys()))
            part = file.get_slice(name)
            shape, dtype = tuple(part.get_shape()), str(part.get_dtype())
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"{path} is not a safetensors file, or it is damaged: {error}", hint="write or download it again"
        ) from error
    label = f"{path}:{name}"
    if dtype.startswith("C"):
        raise UsageError(f"{label} holds complex numbers, not real numbers")

    def read(selection: Selection) -> Array:
        with safe_open(str(path), framework="pt") as file:
            spans = tuple(slice(each, each + 1) if isinstance(each, int) else each for each in selection)
            values = _numbers(file.get_slice(name)[spans] if spans else file.get_tensor(name), label)
        return values.reshape([n for n, each in zip(values.shape, selection, strict=True) if isinstance(each, slice)])

    return ForeignArray(name=label, shape=shape, dtype=dtype, read=read)


def open_pt(path: Path, key: str) -> ForeignArray:
    """A tensor of a file that `torch.save` wrote: alone, or in nested dictionaries and lists, as `a/b/0`."""
    import torch

    _refuse_packed(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        if "weights_only" in str(error) or "Weights only" in str(error):
            raise UsageError(
                f"{path} holds other Python objects than tensors, which are never loaded: they may run code",
                hint="save the tensors alone: torch.save({'z': z}, path)",
            ) from error
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{path} cannot be read as PyTorch's tensors: {reason}", hint="save it again") from error
    tensors = dict(_tensors(content))
    name = choose(path, key, list(tensors))
    tensor, label = tensors[name], f"{path}:{name}" if name else str(path)
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        raise UsageError(f"{label} is a sparse, quantised or empty tensor", hint="save it dense: z.to_dense()")
    if tensor.is_complex():
        raise UsageError(f"{label} holds complex numbers, not real numbers")
    judge_size(label, tuple(tensor.shape), tensor.element_size())
    return ForeignArray(
        name=label,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        read=lambda selection: _numbers(tensor[selection], label),
    )


def _refuse_packed(path: Path) -> None:
    """Refuse records that unpack to more than the file has bytes: `torch.save` stores them as they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            packed = any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist())
            total = sum(each.file_size for each in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise UsageError(f"{path} is a damaged archive: {error}", hint="save it again") from error
    if packed or total > path.stat().st_size:
        raise UsageError(f"{path} is packed as torch.save packs no file", hint="save it again with torch.save")


def _tensors(content: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(content, torch.Tensor):
        yield place, content.detach()
    elif isinstance(content, Mapping):
        for name, each in content.items():
            yield from _tensors(each, f"{place}/{name}" if place else str(name))
    elif isinstance(content, (list, tuple)):
        for number, each in enumerate(content):
            yield from _tensors(each, f"{place}/{number}" if place else str(number))


def _numbers(tensor: Any, name: str) -> Array:
    try:
        values: Array = tensor.numpy()
    except (TypeError, RuntimeError):  # bfloat16 and float8, which numpy lacks; float32 holds them exactly
        values = tensor.float().numpy()
    check_real(np.dtype(values.dtype), name)
    return as_native(values)
