"""Names: whatever a parameter or a run is called, it becomes a file name that stays in its folder and comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identify_core.errors import StoreError
from identify_core.store.layout import (
    NODE_FILE,
    check_id,
    decode_name,
    encode_name,
    is_safe_id,
    make_run_id,
    timestamp,
)

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(names)
def test_a_name_comes_back_and_never_leaves_its_folder(name: str) -> None:
    encoded = encode_name(name)
    assert decode_name(encoded) == name
    assert PurePosixPath(encoded).name == PureWindowsPath(encoded).name == encoded
    assert not encoded.startswith(".")
    assert encoded != NODE_FILE


@given(st.lists(names, unique=True, max_size=6))
def test_different_names_differ_even_where_case_does_not_count(names: list[str]) -> None:
    taken: list[str] = []
    for name in names:
        taken.append(encode_name(name, taken))
    assert len({encoded.casefold() for encoded in taken}) == len(names)
    assert [decode_name(encoded) for encoded in taken] == names


def test_parameter_names_stay_readable() -> None:
    assert [encode_name(name) for name in ("0.weight", "hidden-1", "layers.2.bias")] == [
        "0.weight",
        "hidden-1",
        "layers.2.bias",
    ]


def test_capitals_are_escaped_only_where_they_would_clash() -> None:
    assert encode_name("W") == "W"
    assert encode_name("W", ["w"]) == "%57"


@pytest.mark.parametrize(("name", "message"), [("", "an array needs a name"), ("x" * 256, "is too long to be stored")])
def test_a_name_that_no_file_can_have_is_refused(name: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        encode_name(name)


@pytest.mark.parametrize("text", ["", "..", ".", "a/b", "a\\b", "/etc", ".hidden", "a..b", "C:x", "a\0b", "~x", "a b"])
def test_what_could_reach_outside_is_no_id(text: str) -> None:
    assert not is_safe_id(text)
    with pytest.raises(StoreError, match="is not a run id"):
        check_id(text)


@given(st.text(max_size=100))
def test_every_run_name_gives_a_safe_id(name: str) -> None:
    assert is_safe_id(make_run_id(name, now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)))


def test_an_id_says_when_and_what() -> None:
    identifier = make_run_id("FCN shells, naïve!", now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    head, tail = identifier[:-4], identifier[-4:]
    assert head == "20260102-030405-fcn-shells-naive-"
    assert set(tail) <= set("0123456789abcdef")


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=2))
def test_timestamps_sort_as_text(moments: list[datetime]) -> None:
    first, second = moments
    assert (timestamp(first) < timestamp(second)) == (first < second)
