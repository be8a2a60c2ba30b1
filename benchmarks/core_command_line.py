"""A whole command, from the start of its process to its answer, against the imports that it cannot do without."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from benchmarks.case import Case


@cache
def folder() -> TemporaryDirectory[str]:
    """Two arrays of 500 samples and 8 columns, one the other turned round; gone when this process ends."""
    made = TemporaryDirectory(prefix="identify-benchmark-")
    rng = np.random.default_rng(0)
    a = rng.normal(size=(500, 8))
    rotation, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    np.save(Path(made.name) / "a.npy", a)
    np.save(Path(made.name) / "b.npy", a @ rotation)
    return made


def python(arguments: Sequence[str]) -> str:
    """What a new Python prints."""
    done = subprocess.run([sys.executable, *arguments], cwd=folder().name, capture_output=True, text=True, check=True)
    return done.stdout


def answered(ours: str, _: str) -> None:
    """The comparison found what relates them; the baseline finds nothing."""
    assert ours.startswith("orthogonal: a rotation or reflection carries a onto b"), ours


def cases() -> Iterable[Case]:
    """One comparison as it is typed, with a process of its own each time."""
    yield Case(
        name="identify compare a.npy b.npy, 500 × 8",
        baseline_name="a process that imports torch and scipy.optimize",
        ours=lambda: python(["-m", "identify_core", "compare", "a.npy", "b.npy", "--quiet"]),
        baseline=lambda: python(["-c", "import torch, scipy.optimize"]),
        expected=0.35,
        agree=answered,
        repeats=5,
        note="the answer, its ladder and five measures; CPU seconds of the processes",
    )
