"""Records: what the store writes as JSON is read back whole, or its damage is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from identify_core.store.folder import Folder
from identify_core.store.records import read_record, write_record

CONTENT = {"name": "größe", "loss": float("inf"), "findings": {"a": {"scalars": {"x": 0.25}}}, "warnings": []}


def test_a_record_comes_back_without_its_digest_and_with_the_present_format(tmp_path: Path) -> None:
    write_record(Folder.open(tmp_path), "run.json", CONTENT)
    assert read_record(tmp_path / "run.json") == {**CONTENT, "format": 2}


def test_it_is_written_for_people_too(tmp_path: Path) -> None:
    write_record(Folder.open(tmp_path), "a.json", {"name": "größe"})
    first, *rest = (tmp_path / "a.json").read_text(encoding="utf-8").splitlines()[1:]
    assert first.startswith(' "sha256": "')
    assert rest == [' "name": "größe",', ' "format": 2', "}"]


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    """Blanks between the fields, the digest itself and the name of its field count as well."""
    path = tmp_path / "run.json"
    write_record(Folder.open(path.parent), path.name, CONTENT)
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            path.write_bytes(flipped)
            with pytest.raises(ValueError, match=r"changed since it was written|not JSON|codec|instead of an object"):
                read_record(path)


def test_a_record_of_the_format_before_digests_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"format": 1, "name": "a"}))
    assert read_record(tmp_path / "a.json") == {"format": 1, "name": "a"}


def test_a_record_of_the_present_format_cannot_do_without_a_digest(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"format": 2, "name": "a"}))
    with pytest.raises(ValueError, match="its digest is missing"):
        read_record(tmp_path / "a.json")
