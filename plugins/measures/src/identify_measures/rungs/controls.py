"""Controls: what the same fits say of a representation and itself, and of rows that do not belong together."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import torch

from identify_measures.holding_out import shuffle_distinct
from identify_measures.options.ladder import LadderOptions
from identify_measures.repeats import count_groups, groups_of
from identify_measures.rungs.measuring import Measured, measure, worse_of
from identify_measures.rungs.reading import HeldRows, Rows, fingerprint, gather
from identify_measures.rungs.residuals import Residual
from identify_measures.rungs.splitting import Places, sample_rows, split_rows

_SHUFFLED_BYTES = 48 << 20
_ROWS_A_COLUMN = 4


@attrs.frozen(kw_only=True, eq=False)
class Shuffled:
    """Residuals of the same fits with the rows of one representation in random order.

    Args:
        residuals: rung to the residual of the pair.
        rows: how many rows they come from.
    """

    residuals: Mapping[str, Residual]
    rows: int


def measure_shuffled(
    x: Rows, y: Rows, options: LadderOptions, *, seed: int, device: torch.device, places: Places | None = None
) -> Shuffled:
    """Fit and judge every rung on rows paired at random: distinct rows, each with those that repeat it.

    All rows are used where they fit into about 50 MB, else a random part of them, but never less than four rows a
    column: the smaller part makes dense fits look worse by chance, not better.
    """
    n, widths = x.shape[0], x.shape[1] + y.shape[1]
    most = max(_SHUFFLED_BYTES // (8 * widths), _ROWS_A_COLUMN * widths)
    chosen = sample_rows(np.ones(n, dtype=bool), most, seed=seed, places=places)
    first, second = gather(x, y, chosen)
    if places is not None:
        by_id = torch.from_numpy(np.argsort(places[chosen]))
        first, second = (attrs.evolve(each, values=each.values[by_id]) for each in (first, second))
    count, prints = first.shape[0], (fingerprint(first), fingerprint(second))
    order = torch.from_numpy(shuffle_distinct(count, groups_of(prints), np.random.default_rng(seed)))
    mixed = HeldRows(values=second.values[order], label=second.label, dtype=second.dtype)
    # A row of one that comes with several of the other can come with the same of them twice now.
    groups = groups_of((prints[0], None if prints[1] is None else prints[1][order]))
    split = split_rows(count, fraction=options.fit_fraction, blocks=options.blocks, seed=seed, groups=groups)
    measured = measure(first, mixed, split, options, seed=seed, device=device, control=True)
    return Shuffled(residuals=measured.worse(), rows=count_groups(groups, count))


def identity_control(x_itself: Measured, y_itself: Measured) -> dict[str, Residual]:
    """What every class's own fit leaves of a representation and itself: the worse of the two at every rung.

    It is 0 wherever the fit part is large enough; where it is not, a failure of the rung says nothing about the pair.
    The identity belongs to every class, so that its map must not serve the others here.
    """
    first, second = x_itself.own, y_itself.own
    return {name: worse_of(first[name], second[name]) for name in first}
