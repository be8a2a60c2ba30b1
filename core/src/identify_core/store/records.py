"""Records: the JSON files that the store owns (run.json, sweep.json, store.json), each under a digest of its own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from identify_core.store.files import from_plain, may_be_escaped, parse_json, to_plain
from identify_core.store.folder import Folder
from identify_core.store.layout import FORMAT

_FIRST = b'{\n "sha256": "'
_SEALED = re.compile(re.escape(_FIRST) + rb'([0-9a-f]{64})",\n')
UNSEALED = 1  # the format whose records have no digest


def write_record(folder: Folder, name: str, content: Mapping[str, Any]) -> None:
    """Write plain values as JSON of the present format, atomically, together with the digest of all other bytes.

    The digest finds damage; whoever can write the file can renew it, so it is not protection against malice.

    Args:
        folder: where the file is.
        name: what it is called.
        content: see `to_plain` for what is plain. `format` is set here.
    """
    document = {"sha256": "0" * 64, **to_plain(content), "format": FORMAT}
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    blank = text.encode("utf-8", "surrogatepass") + b"\n"
    digest = hashlib.sha256(blank).hexdigest().encode()
    folder.write(name, _FIRST + digest + blank[len(_FIRST) + 64 :])


def read_record(path: Path) -> dict[str, Any]:
    """What `write_record` wrote, without the digest; also a record of the format before digests.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no JSON object, or its bytes are not those that were written.
    """
    with Folder.open(path.parent) as folder:
        return parse_record(folder.read(path.name))


def parse_record(content: bytes) -> dict[str, Any]:
    """The record in some bytes, as `read_record` gives it.

    Raises:
        ValueError: they hold no JSON object, or are not those that were written.
    """
    document = parse_json(content)
    if may_be_escaped(content):
        document = from_plain(document)
    sealed = _SEALED.match(content)
    if sealed is None:
        version = document.get("format")
        if isinstance(version, int) and UNSEALED < version <= FORMAT:
            raise ValueError("its digest is missing: it changed since it was written")
        return document
    blank = _FIRST + b"0" * 64 + content[len(_FIRST) + 64 :]
    if hashlib.sha256(blank).hexdigest().encode() != sealed[1]:
        raise ValueError("its digest differs: it changed since it was written")
    del document["sha256"]
    return document
