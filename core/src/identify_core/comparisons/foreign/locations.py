"""What a reference names: a path that exists, what is meant inside it, and which of its representations."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from identify_core.comparisons.foreign.recognition import array_suffix, is_array_folder

_COORDINATES = re.compile(r"(?P<head>.+)\[(?P<inside>[\w-]+=\d+(,[\w-]+=\d+)*)\]", re.DOTALL)
_SUFFIXED = re.compile(r"(?P<path>.+?\.\w+(\.gz)?)(?P<key>[:/].*)?", re.DOTALL)


@attrs.frozen(kw_only=True)
class Located:
    """A reference to an array outside the store, taken apart.

    Args:
        path: the file or folder.
        key: the array in it; empty where there is no choice.
        coordinates: axis to the one index that is meant; empty for all.
    """

    path: Path
    key: str = ""
    coordinates: dict[str, int] = attrs.field(factory=dict)


def locate(reference: str) -> Located | None:
    """Take a reference apart; None where it names no file but a run.

    A path that exists is never a run. What looks like a file of arrays is none either, whether it exists or not.
    """
    if os.path.lexists(reference):
        return Located(path=Path(reference))
    match = _COORDINATES.fullmatch(reference)
    head, coordinates = reference, {}
    if match is not None:
        head = match["head"]
        pairs = (each.split("=") for each in match["inside"].split(","))
        coordinates = {name: int(index) for name, index in pairs}
    for path, key in _splits(head):
        if os.path.lexists(path):
            return Located(path=Path(path), key=key, coordinates=coordinates)
    suffixed = _SUFFIXED.fullmatch(head)
    if suffixed is not None and array_suffix(suffixed["path"]):
        return Located(path=Path(suffixed["path"]), key=(suffixed["key"] or "").lstrip(":/"), coordinates=coordinates)
    return None


def _splits(reference: str) -> Iterator[tuple[str, str]]:
    """The reference itself, then every way to part it into a path and a key, the longest path first."""
    yield reference, ""
    for place in reversed([match.start() for match in re.finditer(r"[:/]", reference)]):
        path, key = reference[:place], reference[place + 1 :]
        # A slash parts a folder from a file far more often than an array from its place in a file.
        if path and (reference[place] == ":" or os.path.isfile(path) or is_array_folder(Path(path))):
            yield path, key.lstrip(":/")
