"""Maps that are trained for every ordered pair of representations: all pairs in one call next to one call a pair."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.case import Case

from identify_core import Adam, Replicates, fit, squared_error
from identify_core.testing.contexts import make_context

REPRESENTATIONS, ROWS, WIDTH, HIDDEN, STEPS = 10, 80, 16, 32, 100
PAIRS = list(itertools.product(range(REPRESENTATIONS), repeat=2))


def representations() -> torch.Tensor:
    """(M, n, d): bent mixtures of the same numbers."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(ROWS, WIDTH, generator=generator)
    mixtures = torch.randn(REPRESENTATIONS, WIDTH, WIDTH, generator=generator) / WIDTH**0.5
    return torch.tanh(truth @ mixtures)


def network(source: int, target: int) -> torch.nn.Module:
    """The map of a pair before training, the same in both ways of calling."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(REPRESENTATIONS * source + target)
        linear = torch.nn.Linear
        return torch.nn.Sequential(linear(WIDTH, HIDDEN), torch.nn.ReLU(), linear(HIDDEN, WIDTH))


def distances(source: int, targets: Sequence[int]) -> list[float]:
    """The largest distance that the trained maps of one source leave of each target."""
    values = representations()
    x, y = values[source], values[list(targets)]
    replicates = Replicates.from_modules([network(source, target) for target in targets])
    with tempfile.TemporaryDirectory() as folder:
        context = make_context(Path(folder), count=len(targets))
        fit(
            replicates,
            squared_error(),
            {"x": x},
            own={"y": y},
            optimiser=Adam(learning_rate=1e-2),
            steps=STEPS,
            log_every=STEPS,
            context=context,
        )
    with torch.inference_mode():
        left: list[float] = (replicates(x) - y).norm(dim=2).amax(1).tolist()
    return left


def together() -> np.ndarray[Any, Any]:
    """Source by source: its rows are shared, the targets are each map's own."""
    return np.array([distances(source, range(REPRESENTATIONS)) for source in range(REPRESENTATIONS)])


def one_by_one() -> np.ndarray[Any, Any]:
    """One training a pair."""
    values = [distances(source, [target])[0] for source, target in PAIRS]
    return np.array(values).reshape(REPRESENTATIONS, REPRESENTATIONS)


def same(ours: Any, theirs: Any) -> None:
    """A pair gets among others what it gets alone, to float32 accuracy after some steps of Adam."""
    np.testing.assert_allclose(ours, theirs, rtol=2e-2, atol=2e-3)


def cases() -> Iterable[Case]:
    """All ordered pairs."""
    yield Case(
        name=f"maps of {len(PAIRS)} ordered pairs of {REPRESENTATIONS} representations, together",
        baseline_name="one call a pair",
        ours=together,
        baseline=one_by_one,
        expected=3.0,
        agree=same,
        note=f"{ROWS} rows, width {WIDTH}, {HIDDEN} hidden units, {STEPS} steps of Adam",
    )
