"""Cautions: what a reader has to know before believing a verdict, the gravest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from identify_core import includes, lowest
from identify_measures.rungs.measuring import Measured
from identify_measures.rungs.residuals import Residual

Residuals = Mapping[str, Residual]

_FAR = 10.0
"""One direction fails clearly where it leaves this many times what the other leaves."""


def cautions(
    measured: Measured, identity: Residuals, shuffled: Residuals, *, tolerance: float, fit_rows: int
) -> Iterator[str]:
    """Say what could mislead about a verdict.

    Args:
        measured: the pair.
        identity: rung to the residual of each representation and itself.
        shuffled: rung to the residual on rows paired at random.
        tolerance: the residual up to which a rung passes.
        fit_rows: rows that the maps were fitted on.
    """
    pair = measured.worse()

    def passes(residual: Residual) -> bool:
        return residual.high <= tolerance

    by_chance = [name for name, each in shuffled.items() if passes(each)]
    if by_chance:
        yield f"rows paired at random pass too at {_join(by_chance)}: passing there means nothing"
    varying = all(each.value == each.value for each in identity.values())
    blind = [name for name, each in identity.items() if varying and not passes(each) and not passes(pair[name])]
    if blind:
        most = max(identity[name].value for name in blind)
        yield (
            f"{fit_rows} rows to fit on are too few for {_join(blind)}: of a representation and itself the same fits "
            f"leave up to {most:.2g}, so that failing there means nothing"
        )
    yield from _through_smaller(measured, pair, tolerance, fit_rows)
    yield from _one_sided(measured, pair, passes, tolerance)
    yield from _translation(measured, pair, passes)
    for name in lowest([name for name, each in pair.items() if passes(each)]):
        if measured.unexplained[name]:
            yield (
                f"{name} passes, but more than half of {_count(measured.unexplained[name], 'column')} of small "
                "variance stays unexplained"
            )
    between = [name for name, each in pair.items() if each.value <= tolerance < each.high]
    if between:
        yield f"the interval of {_join(between)} reaches from below the tolerance to above: more rows would tell"
    yield from measured.remarks


def _through_smaller(measured: Measured, pair: Residuals, tolerance: float, fit_rows: int) -> Iterator[str]:
    """Say where a class passes by the map of a class within, and what its own fit leaves."""
    # Near the tolerance the noise of the judging rows decides; only what is clearly worse says something.
    served = {
        name: through
        for name, through in measured.through.items()
        if pair[name].high <= tolerance < measured.own[name].low
    }
    for through in dict.fromkeys(served.values()):
        names = [name for name, each in served.items() if each == through]
        left = " and ".join(f"{measured.own[name].value:.3g}" for name in names)
        yield (
            f"{_join(names)} {_verb(names, 'passes', 'pass')} with the map of {through}, a class within: "
            f"{'its own fit' if len(names) == 1 else 'their own fits'} on {fit_rows} rows "
            f"{_verb(names, 'leaves', 'leave')} {left}"
        )


def _one_sided(
    measured: Measured, pair: Residuals, passes: Callable[[Residual], bool], tolerance: float
) -> Iterator[str]:
    """Say where a map goes one way and none comes back, unless a larger class mends it."""

    def one_way(there: Residual, back: Residual) -> bool:
        better, worse = sorted((there, back), key=lambda each: each.value)
        return better.high <= tolerance < worse.low and worse.value > _FAR * better.value

    names = [
        name
        for name in pair
        if one_way(measured.forward[name], measured.backward[name])
        and not any(includes(large, name) and passes(pair[large]) for large in pair)
    ]
    if names:
        why = "one direction leaves more than ten times what the other leaves"
        if len(set(measured.ranks)) > 1:
            why = f"the ranks are {' and '.join(map(str, measured.ranks))}"
        yield f"{_join(names)} {_verb(names, 'passes', 'pass')} in one direction only: {why}"


def _translation(measured: Measured, pair: Residuals, passes: Callable[[Residual], bool]) -> Iterator[str]:
    """Say where a translation is all that is missing."""
    freed = lowest([name for name, each in measured.translated.items() if passes(each) and not passes(pair[name])])
    if freed:
        yield (
            f"{_join(freed)} {_verb(freed, 'passes', 'pass')} once the means are taken away (centre = true): the "
            "representations differ by a translation as well"
        )


def _verb(names: Sequence[str], one: str = "fails", several: str = "fail") -> str:
    return one if len(names) == 1 else several


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
