"""`python -m identify_core`: the command line where another program owns the name `identify`."""

from __future__ import annotations

from identify_core.cli import main

if __name__ == "__main__":
    main()
