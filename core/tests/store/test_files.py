"""Files appear whole or not at all; JSON gives back what it was given; file-system errors are said in words."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.disk_space import counted_bytes
from identify_core.errors import StoreError
from identify_core.store.files import (
    explained,
    from_plain,
    read_json,
    to_plain,
)

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["nan", "\\inf", "-inf"])
plain = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


def same(first: Any, second: Any) -> bool:
    """Equality that counts nan as equal to nan and tells 1 from 1.0 and True."""
    return repr(first) == repr(second)


@given(plain)
def test_plain_values_come_back(value: Any) -> None:
    text = json.dumps(to_plain(value), allow_nan=False)
    assert same(from_plain(json.loads(text)), value)


def test_numpy_values_become_plain() -> None:
    given = {"a": np.float32(0.5), "b": np.array([1, 2]), "c": (np.bool_(True), {"x"}), "d": Path("p"), "e": np.nan}
    assert to_plain(given) == {"a": 0.5, "b": [1, 2], "c": [True, ["x"]], "d": "p", "e": "nan"}


@pytest.mark.parametrize(("value", "message"), [(object(), "is not plain"), ({1: 2}, "the key 1 of a mapping")])
def test_what_json_cannot_hold_is_refused(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        to_plain(value)


@pytest.mark.parametrize(
    ("content", "message"), [("[1]", "holds a JSON list"), ("{", "Expecting"), ("[" * 100_000, "nested too deeply")]
)
def test_json_that_is_no_object_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EFBIG, "a size limit is reached"),
        (errno.EROFS, "it is read-only"),
        (errno.EACCES, "it is read-only or belongs to somebody else"),
        (errno.EIO, "cannot write the run at x: Input/output error"),
    ],
)
def test_file_system_errors_are_said_in_words(code: int, words: str) -> None:
    with pytest.raises(StoreError, match=words), explained("write the run", Path("x")):
        raise OSError(code, os.strerror(code))


def test_what_is_missing_on_a_full_disk_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=400_000))
    with pytest.raises(StoreError) as told, explained("write the run", tmp_path / "a" / "b"), counted_bytes(2_500_000):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert told.value.message.endswith("; 2.5 MB were to be written and 400 kB are free: 2.1 MB are missing")
    with pytest.raises(StoreError) as told, explained("write the run", tmp_path), counted_bytes(1000):
        raise OSError(errno.EFBIG, "File too large")
    assert told.value.message.endswith("(File too large)")
