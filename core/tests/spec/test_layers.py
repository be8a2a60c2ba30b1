"""Reading presets, files, overrides and flags, and the line of each key."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from identify_core.errors import SpecError
from identify_core.spec.layers import (
    find_lines,
    read_file_layer,
    read_flags,
    read_override,
    read_overrides,
    read_text_layer,
)

TRICKY = '''\
# a comment with "quotes" and [brackets]
a.b = 1   # = 2
"c d" = """
[not.a.header]
x = 1 ""\\" """
e = [
  1, # [
  { f = "]" },
]

[[ items ]]
n = 1
[items.below]
m = \'\'\'
[[items]]\'\'\'
[[items]]
[[items.deep]]
k = "#"
[[items.deep]]
k = {x = 1}
[other . "th.ing"]
z = true'''


def test_lines_are_found_whatever_stands_in_strings_and_comments() -> None:
    assert find_lines(TRICKY) == {
        ("a", "b"): 2,
        ("c d",): 3,
        ("e",): 6,
        ("items", 0): 11,
        ("items", 0, "n"): 12,
        ("items", 0, "below"): 13,
        ("items", 0, "below", "m"): 14,
        ("items", 1): 16,
        ("items", 1, "deep", 0): 17,
        ("items", 1, "deep", 0, "k"): 18,
        ("items", 1, "deep", 1): 19,
        ("items", 1, "deep", 1, "k"): 20,
        ("other", "th.ing"): 21,
        ("other", "th.ing", "z"): 22,
    }


def test_windows_line_ends_count_once() -> None:
    layer = read_text_layer("a = 1\r\n\r\nb = 2\r\n", kind="file", place="x.toml")
    assert str(layer.origin(("b",))) == "x.toml:3"


def test_a_part_of_a_value_stands_where_the_value_does() -> None:
    layer = read_text_layer("\na = { b = [1, 2] }", kind="preset", place="smoke")
    assert str(layer.origin(("a", "b", 1))) == "preset smoke, line 2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=2000", (("a", "b"), 2000)),
        ("a=1e-3", (("a",), 1e-3)),
        ("a=true", (("a",), True)),
        ("a=True", (("a",), "True")),
        ("a=tanh", (("a",), "tanh")),
        ('a="tanh"', (("a",), "tanh")),
        ("a=[1, 2]", (("a",), [1, 2])),
        ("a=[1, 2", (("a",), "[1, 2")),
        ("a={b=1}", (("a",), {"b": 1})),
        ("a=", (("a",), "")),
        ("a = x=y ", (("a",), "x=y")),
        ("a=1\nb=2", (("a",), "1\nb=2")),
        ('"a=b".c=1', (("a=b", "c"), 1)),
        ("evaluators.0.n=3", (("evaluators", "0", "n"), 3)),
    ],
)
def test_overrides_are_toml_or_else_bare_strings(text: str, expected: object) -> None:
    assert read_override(text) == expected


def test_every_unreadable_override_is_a_problem() -> None:
    with pytest.raises(SpecError) as caught:
        read_overrides(["seed", "a..b=1", "=3", "a=1", "a.b=2"])
    assert caught.value.problems == (
        "--set seed: 'seed' has no value: write KEY=VALUE",
        "--set a..b=1: 'a..b' is not a dotted key such as objective.steps",
        "--set =3: '' is not a dotted key such as objective.steps",
        "--set a.b=2: a was given a value before, so it has no keys",
    )


def test_the_later_override_of_a_key_counts() -> None:
    layer = read_overrides(["a.b=1", "a.c=2", "a.b=3"])
    assert layer.values == {"a": {"b": 3, "c": 2}}
    assert str(layer.origin(("a", "b"))) == "--set a.b=3"
    assert str(layer.origin(("a",))) in ("--set a.b=3", "--set a.c=2")


def test_flags_that_were_not_given_say_nothing() -> None:
    layer = read_flags({"seed": 3, "device": None})
    assert layer.values == {"seed": 3}
    assert str(layer.origin(("seed",))) == "--seed"


def _refusal(file: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read_file_layer(file)
    return caught.value.message


def test_files_that_are_no_specs(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    assert _refusal(file) == f"the spec file {file} does not exist"
    assert _refusal(tmp_path) == f"{tmp_path} is a folder, not a spec file"
    file.write_bytes(b'a = 1\nb = "\xff"\n')
    assert _refusal(file) == f"the spec file {file} is not UTF-8: byte 0xff on line 2"
    file.write_text("a = 1\nb = = 2\n")
    assert _refusal(file) == f"the spec file {file} is not TOML: Invalid value (at line 2, column 5)"
    file.write_text("format = 2\nplanets = 9\n")
    assert _refusal(file) == f"the spec file {file} has format 2; this version of identify reads format 1"
    assert _refusal(file / "below") == f"the spec file {file / 'below'} cannot be read: Not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.touch(mode=0)
    assert _refusal(file) == f"the spec file {file} cannot be read: Permission denied"


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    file = tmp_path / "spec.toml"
    file.write_bytes(b"\xef\xbb\xbfseed = 1\n")
    assert read_file_layer(file).values == {"seed": 1}
