"""`python -m identify_core`: the command line where another program owns the name `identify`."""

from __future__ import annotations

import os
import sys


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it is gone
        return ""


# `python -m` puts the working folder first on the path, so that a file there would take the place of any module.
if not sys.flags.safe_path and sys.path[:1] in ([""], [_working_folder()]):
    del sys.path[0]

from identify_core.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
