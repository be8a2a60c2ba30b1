"""Matchings of single latents: hard and soft by correlation, the permutation metric, and the mean rank correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import attrs
import torch

from identify_core import Chance, Interval, Score
from identify_measures.blocks import BLOCKS, random_blocks
from identify_measures.catalogue import measure
from identify_measures.jackknife import jackknife
from identify_measures.linear.correlation import correlations, match
from identify_measures.linear.measuring import Formula, require_variance
from identify_measures.options.linear import PairOptions
from identify_measures.options.samplewise import PermutationOptions, RankMatchingOptions
from identify_measures.samplewise.ranks import FEW_TIES, average_ranks, tied_part
from identify_measures.samplewise.rows import BLOCK, Rows
from identify_measures.samplewise.shared import Shared
from identify_measures.scoring import drawn, score
from identify_measures.statistics.derived import Statistics, Subset
from identify_measures.statistics.reductions import unit_of

_BLOCKS = 20

PermutationName = Literal["permutation-metric", "permutation-distance"]


def hard_match_value(statistics: Statistics, i: int, j: int, subset: Subset | None, options: PairOptions) -> float:
    """Mean signed correlation of latents matched one to one."""
    require_variance(statistics, i, j, subset)
    strength = correlations(statistics, i, j, subset).cpu()
    rows, columns = match(strength)
    return float(strength[rows, columns].mean())


def soft_match_value(statistics: Statistics, i: int, j: int, subset: Subset | None, options: PairOptions) -> float:
    """Mean signed correlation of every latent with the one that it correlates with most, over both directions."""
    require_variance(statistics, i, j, subset)
    strength = correlations(statistics, i, j, subset)
    return float(strength.amax(1).mean() + strength.amax(0).mean()) / 2


HARD_MATCH = Formula(
    name="hard-match",
    value=hard_match_value,
    estimator=lambda options: "Pearson, signed, Hungarian assignment, min(p, q) pairs, in sample",
    cheap=True,
)
SOFT_MATCH = Formula(
    name="soft-match",
    value=soft_match_value,
    estimator=lambda options: "Pearson, signed, best partner of each latent, mean of both directions, in sample",
    cheap=True,
)


@attrs.frozen(kw_only=True, eq=False)
class Matched:
    """Second moments of matched columns by blocks of rows, each shape (B, c); counts of shape (B,)."""

    counts: torch.Tensor
    x: torch.Tensor
    y: torch.Tensor
    xy: torch.Tensor
    xx: torch.Tensor
    yy: torch.Tensor

    def without(self, block: int) -> Matched:
        """All blocks but one, as one block."""
        kept = [each for each in range(len(self.counts)) if each != block]
        return Matched(**{name: part[kept].sum(0, keepdim=True) for name, part in _parts(self)})

    def covariances(self, *, centred: bool = True) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Σ xy, Σ xx and Σ yy of each column over all rows, about the mean or not."""
        total = {name: part.sum(0) for name, part in _parts(self)}
        off = 1.0 / total["counts"] if centred else 0.0
        x, y = total["x"], total["y"]
        return total["xy"] - off * x * y, total["xx"] - off * x * x, total["yy"] - off * y * y


def _parts(matched: Matched) -> list[tuple[str, torch.Tensor]]:
    return [(each.name, getattr(matched, each.name)) for each in attrs.fields(Matched)]


def match_columns(x: torch.Tensor, y: torch.Tensor, parts: Sequence[torch.Tensor]) -> Matched:
    """The moments of paired columns in blocks of rows."""
    moments = []
    for rows in parts:
        a, b = x[rows], y[rows]
        moments.append(torch.stack([a.sum(0), b.sum(0), (a * b).sum(0), a.square().sum(0), b.square().sum(0)]))
    found = torch.stack(moments, dim=1)
    counts = torch.tensor([len(rows) for rows in parts], dtype=x.dtype, device=x.device)
    return Matched(counts=counts, x=found[0], y=found[1], xy=found[2], xx=found[3], yy=found[4])


def score_spearman_mcc(shared: Shared, i: int, j: int, options: RankMatchingOptions, fit: Any = None) -> Score:
    """The score of one pair.

    Args:
        shared: all representations.
        i: the first.
        j: the second.
        options: of the measure.
        fit: the rows to match on, a boolean mask of shape (n,); without one, half of them in a fixed random order.
    """
    facts = shared.facts("spearman-mcc", i, j) | {
        "estimator": "Spearman with average ranks, Hungarian assignment, "
        + ("matched on some rows, correlated on the others" if options.held_out else "in sample")
    }
    fitted, judged = _split(shared, fit) if options.held_out else (None, None)
    if fitted is not None and judged is not None and min(len(fitted), len(judged)) < 2:
        few = f"{shared.n} rows" if shared.groups() is None else "the distinct rows"
        return score("spearman-mcc", math.nan, reason=f"{few} are too few for two parts", **facts)
    x, y = (rank_columns(shared, each, fitted) for each in (i, j))
    constant = [shared.rows[which].name for which, each in ((i, x), (j, y)) if not bool(each.any())]
    if constant:
        return score("spearman-mcc", math.nan, reason=f"all rows of {' and of '.join(constant)} are the same", **facts)
    strength = (x.T @ y).abs()
    rows, columns = (each.to(x.device) for each in match(strength))
    value = _mean_strength(strength[rows, columns])
    if judged is not None:
        x, y = (rank_columns(shared, each, judged) for each in (i, j))
        value = _mean_strength((x[:, rows] * y[:, columns]).sum(0))
    if judged is None:
        facts["warnings"] += _tie_caution(shared, i, j)
    interval = None
    if options.interval:
        interval = _rank_interval(x[:, rows], y[:, columns], value, shared.parts(_BLOCKS, judged))
    return score("spearman-mcc", value, interval=interval, chance=_rank_chance(shared, i, j, options), **facts)


def rank_columns(shared: Shared, i: int, rows: torch.Tensor | None) -> torch.Tensor:
    """Centred average ranks of some rows' latents, each column of norm one, or zero where it is constant."""
    key = ("rank columns", i, None if rows is None else rows.numpy().tobytes())

    def make() -> torch.Tensor:
        values = shared.rows[i].all()
        ranks = average_ranks(values if rows is None else values[rows.to(values.device)])
        ranks.sub_((len(ranks) + 1) / 2)
        norms = ranks.norm(dim=0)
        if rows is None:
            tied = int((tied_part(norms[norms > 0].square(), len(ranks)) > FEW_TIES).sum())
            shared.once(("latents that tie", i), lambda: tied)
        return ranks.div_(torch.where(norms == 0, torch.ones_like(norms), norms))

    return shared.within_budget(key, make)


def _tie_caution(shared: Shared, i: int, j: int) -> list[str]:
    counts = {shared.rows[k]: shared.once(("latents that tie", k), lambda: 0) for k in (i, j)}
    return [
        f"{count} of {rows.width} latents of {rows.name} have ties, which take a part of the spread of their ranks"
        for rows, count in counts.items()
        if count
    ]


def _split(shared: Shared, fit: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows to match on, and those that judge; the same halves as in the linear family."""
    if fit is None:
        return random_blocks(shared.n, BLOCKS, shared.groups()).halves()
    return torch.nonzero(fit).flatten(), torch.nonzero(~fit).flatten()


def _mean_strength(correlation: torch.Tensor) -> float:
    return float(correlation.abs().clamp(max=1.0).mean())


def _rank_interval(x: torch.Tensor, y: torch.Tensor, value: float, parts: Sequence[torch.Tensor]) -> Interval | None:
    matched = match_columns(x, y, parts)
    if len(matched.counts) == 1:
        return None
    left = []
    for block in range(len(matched.counts)):
        xy, xx, yy = matched.without(block).covariances()
        scale = (xx * yy).sqrt()
        left.append(_mean_strength(torch.where(scale > 0, xy / scale, 0.0)))
    kept = "ranks and matching of all rows kept"
    return jackknife(value, left, measure("spearman-mcc").bounds, kept=kept)


def _rank_chance(shared: Shared, i: int, j: int, options: RankMatchingOptions) -> Chance | None:
    if not options.chance_draws or options.held_out:
        return None
    x, y = (rank_columns(shared, each, None) for each in (i, j))
    generator = torch.Generator().manual_seed(shared.seed)
    values = []
    for _ in range(options.chance_draws):
        strength = (x.T @ y[torch.randperm(shared.n, generator=generator).to(y.device)]).abs().cpu()
        rows, columns = match(strength)
        values.append(_mean_strength(strength[rows, columns]))
    return drawn(values)


def score_permutation(name: PermutationName, shared: Shared, i: int, j: int, options: PermutationOptions) -> Score:
    """The score of one pair: the angle or the Euclidean distance after the best permutation."""
    angular = name == "permutation-metric"
    facts = shared.facts(name, i, j) | {
        "estimator": f"{'centred' if options.centred else 'uncentred'}, Hungarian assignment, the narrower padded"
    }
    x, y, unit = _padded(shared, i, j, angular=angular, centred=options.centred)
    zero = [shared.rows[which].name for which, each in ((i, x), (j, y)) if not bool(each.any())]
    if zero and angular:
        what = "the same" if options.centred else "zero"
        return score(name, math.nan, reason=f"all rows of {' and of '.join(zero)} are {what}", **facts)
    rows, columns = (each.to(x.device) for each in match(x.T @ y))
    x, y = x[:, rows], y[:, columns]
    value = _apart(x, y, angular=angular)
    interval = None
    parts = shared.parts(_BLOCKS) if options.interval else []
    if len(parts) > 1:
        left = _without_blocks(match_columns(x, y, parts), options.centred, angular=angular)
        kept = "matching of all rows kept"
        interval = jackknife(unit * value, [unit * each for each in left], measure(name).bounds, kept=kept)
    chance = None
    if options.chance_draws:
        generator = torch.Generator().manual_seed(shared.seed)
        values = []
        for _ in range(options.chance_draws):
            other = y[torch.randperm(shared.n, generator=generator).to(y.device)]
            rows, columns = (each.to(x.device) for each in match(x.T @ other))
            values.append(unit * _apart(x[:, rows], other[:, columns], angular=angular))
        chance = drawn(values)
    return score(name, unit * value, interval=interval, chance=chance, **facts)


def _padded(
    shared: Shared, i: int, j: int, *, angular: bool, centred: bool
) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Both in as many columns and in units in which squares neither overflow nor vanish; the unit of their distance.

    A zero column is what an unmatched latent is matched with.
    """
    x, y = (_doubles(shared.rows[each], centred=centred) for each in (i, j))
    units = [unit_of(x), unit_of(y)]
    if not angular:
        units = [max(units)] * 2
    width = max(x.shape[1], y.shape[1])
    x, y = (
        torch.nn.functional.pad(each / unit, (0, width - each.shape[1]))
        for each, unit in zip((x, y), units, strict=True)
    )
    return x, y, 1.0 if angular else units[0]


def _apart(x: torch.Tensor, y: torch.Tensor, *, angular: bool) -> float:
    return _angle(x, y) if angular else float((x - y).norm())


def _without_blocks(matched: Matched, centred: bool, *, angular: bool) -> list[float]:
    """The angle, or the distance, without each block of rows."""
    left = []
    n = float(matched.counts.sum())
    for block, count in enumerate(matched.counts.tolist()):
        product, own, other = (float(each.sum()) for each in matched.without(block).covariances(centred=centred))
        if angular:
            size = math.sqrt(own) * math.sqrt(other)
            left.append(math.acos(min(1.0, max(-1.0, product / size))) if size else math.nan)
        else:
            # A Euclidean distance grows with the square root of the rows.
            left.append(math.sqrt(max(0.0, own + other - 2 * product) * n / (n - count)))
    return left


def _angle(x: torch.Tensor, y: torch.Tensor) -> float:
    """Between two matrices as vectors; right to the last digits for small angles, where arccos is not."""
    x, y = x / x.norm(), y / y.norm()
    return 2 * math.atan2(float((x - y).norm()), float((x + y).norm()))


def _doubles(rows: Rows, *, centred: bool) -> torch.Tensor:
    x = torch.cat([rows.doubles(start, min(start + BLOCK, rows.n)) for start in range(0, rows.n, BLOCK)])
    if not centred:
        return x
    x = x - x[0]
    return x - x.mean(0)
