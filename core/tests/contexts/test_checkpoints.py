"""Checkpoints come back as they were written, and a damaged or half-written one never takes the place of a good one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from identify_core.contexts import checkpoints
from identify_core.contexts.checkpoints import write_checkpoint
from identify_core.errors import StoreError

plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=10)
nested = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


def read_checkpoint(path: Path) -> Any:
    """Read one that has to be whole."""

    def no_warning(message: str) -> None:
        raise AssertionError(message)

    return checkpoints.read_checkpoint(path, warn=no_warning)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@given(nested)
def test_plain_values_come_back(tmp_path_factory: pytest.TempPathFactory, state: Any) -> None:
    path = tmp_path_factory.mktemp("checkpoint") / "state.safetensors"
    write_checkpoint(path, state)
    assert same(state, read_checkpoint(path))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.uint8])
def test_tensors_come_back_bit_for_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = torch.randn(3, 4, 2).mul(3).to(dtype)
    write_checkpoint(tmp_path / "c", {"a": [tensor, tensor.transpose(0, 2)], "b": tensor[1:2]})
    state = read_checkpoint(tmp_path / "c")
    assert torch.equal(state["a"][0], tensor)
    assert torch.equal(state["a"][1], tensor.transpose(0, 2))
    assert torch.equal(state["b"], tensor[1:2])


def test_arrays_come_back_as_tensors_and_a_view_does_not_drag_its_storage(tmp_path: Path) -> None:
    large = torch.zeros(1_000_000)
    write_checkpoint(tmp_path / "c", {"array": np.arange(5), "view": large[:3]})
    assert torch.equal(read_checkpoint(tmp_path / "c")["array"], torch.arange(5))
    assert (tmp_path / "c").stat().st_size < 10_000


def test_anything_else_is_refused_and_the_old_checkpoint_stays(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c", {"step": 1})
    with pytest.raises(TypeError, match="not object"):
        write_checkpoint(tmp_path / "c", {"step": object()})
    with pytest.raises(TypeError, match="keys are strings"):
        write_checkpoint(tmp_path / "c", {1: 2})
    assert read_checkpoint(tmp_path / "c") == {"step": 1}


def test_a_full_disk_leaves_the_old_checkpoint_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path / "c", {"step": 1})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(StoreError, match=r"cannot be written: .*No space left"):
        write_checkpoint(tmp_path / "c", {"step": 2})
    monkeypatch.undo()
    assert read_checkpoint(tmp_path / "c") == {"step": 1}
    assert {path.name for path in tmp_path.iterdir()} <= {"c", "c.previous"}


def test_a_damaged_checkpoint_is_one_clear_message(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c", {"x": torch.zeros(100)})
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:50])
    with pytest.raises(StoreError, match="the checkpoint c is damaged"):
        read_checkpoint(tmp_path / "c")


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, str(tmp_path / "c"))
    with pytest.raises(StoreError, match="has the format None"):
        read_checkpoint(tmp_path / "c")


def test_every_flipped_bit_is_found_and_the_checkpoint_before_it_is_used(tmp_path: Path) -> None:
    """The header counts as well: another type, another shape or another format is not what was written."""
    path = tmp_path / "c"
    write_checkpoint(path, {"step": 1, "x": torch.arange(3.0)})
    write_checkpoint(path, {"step": 2, "x": torch.arange(3.0) + 1, "last": math.inf})
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in (0, 5):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            warnings: list[str] = []
            state = checkpoints.read_checkpoint(path, warn=warnings.append)
            if not warnings:  # a blank of the header's padding, which says nothing
                assert state["step"] == 2
                assert torch.equal(state["x"], torch.arange(3.0) + 1)
                assert math.isinf(state["last"])
                continue
            assert state["step"] == 1
            assert "the one before it is used, so some work is done again" in warnings[0]


def test_two_damaged_checkpoints_are_one_clear_message(tmp_path: Path) -> None:
    for step in (1, 2):
        write_checkpoint(tmp_path / "c", {"step": step})
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreError, match="the checkpoint c is damaged"):
        read_checkpoint(tmp_path / "c")


def test_a_kill_between_the_two_renames_costs_no_more_than_one_checkpoint(tmp_path: Path) -> None:
    for step in (1, 2):
        write_checkpoint(tmp_path / "c", {"step": step})
    (tmp_path / "c").unlink()
    assert read_checkpoint(tmp_path / "c") == {"step": 1}


def test_nothing_written_is_none(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path / "c") is None


def test_a_checkpoint_of_the_format_without_a_digest_is_read(tmp_path: Path) -> None:
    """A run that an older version began is resumed; one that has a digest cannot be passed off as such."""
    from safetensors.torch import save_file

    old = {"format": "identify.checkpoint.1", "state": '{"dict": {"x": {"tensor": "0"}}}'}
    save_file({"0": torch.ones(2)}, str(tmp_path / "c"), metadata=old)
    assert torch.equal(read_checkpoint(tmp_path / "c")["x"], torch.ones(2))
    save_file({"0": torch.ones(2)}, str(tmp_path / "c"), metadata=old | {"digest": "0" * 64})
    with pytest.raises(StoreError, match="differs from its digest"):
        read_checkpoint(tmp_path / "c")
