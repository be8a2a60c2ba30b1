"""Evaluating a measure of the linear family on two arrays at hand."""

from __future__ import annotations

from typing import Any, Literal

from identify_core import Score, check_option
from identify_measures.blocks import BLOCKS
from identify_measures.linear.measuring import Formula, evaluate
from identify_measures.options.linear import PairOptions
from identify_measures.statistics.gathering import from_arrays


def asked(interval: bool) -> Literal["always", "never"]:
    return "always" if check_option("interval", interval, bool) else "never"


def measure_pair(formula: Formula, options: PairOptions, x: Any, y: Any, *, seed: int, fit: Any = None) -> Score:
    random_blocks = options.interval == "always" or getattr(options, "held_out", False)
    statistics = from_arrays(x, y, blocks=BLOCKS if random_blocks else 1, fit=fit)
    return evaluate(formula, statistics, 0, 1, options, seed=seed)
