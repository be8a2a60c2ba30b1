"""Files and folders that appear whole or not at all: written next to their place, moved there when complete."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file or a folder next to its place, and move it there in one step when the block has ended well.

    Whoever reads `path` meanwhile, or after a crash, finds what was there before or all of what is new. Several
    processes may write the same path; the last one stays.

    Args:
        path: what is written; the folders above it are made. A folder that stands there must be empty.

    Yields:
        Where the block writes: a hidden name in the same folder with the same ending. If the block raises, or writes
        nothing, what it has left there is deleted and `path` stays as it was.

    Raises:
        OSError: a folder cannot be made, the disk is full, or nothing was written.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from identify_core import replacing
        >>> with TemporaryDirectory() as folder:
        ...     table = Path(folder) / "tables" / "scores.csv"
        ...     with replacing(table) as draft:
        ...         _ = draft.write_text("name,value\\n")
        ...     [each.name for each in table.parent.iterdir()]
        ['scores.csv']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield draft
        if draft.is_dir():
            if path.is_dir():
                path.rmdir()
        else:
            with draft.open("rb+") as file:
                os.fsync(file.fileno())  # otherwise a power cut may keep the move and lose the content
        os.replace(draft, path)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)
