"""Which pairs of samples are measured: drawn as the study drew them, all of some points, or read from a file."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np

from identify_core import OptionsError, RunError
from identify_metric.options.evaluators import SearchOptions


def choose_pairs(options: SearchOptions, ids: np.ndarray) -> np.ndarray:
    """Row numbers of both ends, (P, 2).

    Raises:
        OptionsError: more pairs or points are asked for than there are samples.
        RunError: the file is missing, or names a sample that is not there.
    """
    if options.pairs_file:
        return _read_pairs(Path(options.pairs_file).expanduser(), ids)
    wanted = options.points if options.pairs == "all" else options.pairs
    if wanted > len(ids):
        raise OptionsError(
            f"{wanted} {'points' if options.pairs == 'all' else 'pairs'} are to be drawn from {len(ids)} samples, each "
            "end without replacement",
            hint="ask for fewer, or keep more rows",
        )
    random = np.random.RandomState(options.pair_seed)
    if options.pairs == "all":
        rows = random.choice(len(ids), options.points, replace=False)
        return np.array(list(combinations(rows.tolist(), 2)))
    return draw_pairs(len(ids), options.pairs, random)


def draw_pairs(samples: int, pairs: int, random: np.random.RandomState) -> np.ndarray:
    """The study's draw, (P, 2): each side without replacement, then the second again wherever both are equal."""
    start = random.choice(samples, pairs, replace=False)
    end = random.choice(samples, pairs, replace=False)
    while (start == end).any() and samples > 1:
        for row in np.flatnonzero(start == end):
            end[row] = random.choice(samples)
    return np.stack([start, end], axis=1)


def _read_pairs(path: Path, ids: np.ndarray) -> np.ndarray:
    if not path.is_file():
        raise RunError(f"there is no file {path}", hint="pairs_file names a CSV file with two sample ids in each line")
    rows = {str(each): row for row, each in enumerate(ids.tolist())}
    pairs = []
    with path.open(encoding="utf-8", newline="") as stream:
        for number, line in enumerate(csv.reader(stream), 1):
            if len(line) != 2:
                raise RunError(f"line {number} of {path} has {len(line)} cells; a pair has two sample ids")
            missing = [each for each in line if each.strip() not in rows]
            if missing:
                raise RunError(
                    f"line {number} of {path} names the sample {missing[0]!r}, whose latents the run did not keep",
                    hint="the ids are those of the split that the objective keeps",
                )
            pairs.append([rows[each.strip()] for each in line])
    if not pairs:
        raise RunError(f"{path} holds no pairs")
    return np.array(pairs)
