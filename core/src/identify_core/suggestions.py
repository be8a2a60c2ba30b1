"""The nearest valid name to a mistyped one, for the hints of error messages."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 200
_WORDS = re.compile(r"[-_:. /]+")


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that resembles `name` most, or None where none does.

    A candidate that has `name` as one of its words, as linear-cka has cka, is nearer than any misspelling; of several
    the first counts.
    """
    from difflib import get_close_matches

    if len(name) > _LONGEST:  # no candidate is near, and to look for one would take long
        return None
    given = list(candidates)
    for candidate in given:
        if name and candidate != name and name.lower() in _WORDS.split(candidate.lower()):
            return candidate
    pool = sorted(set(given))
    by_lower_case = {candidate.lower(): candidate for candidate in pool}
    close = get_close_matches(name.lower(), sorted(by_lower_case), n=1, cutoff=0.6)
    return by_lower_case[close[0]] if close else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """A hint: the nearest candidate as a question, else all candidates, else nothing."""
    given = list(candidates)
    pool = sorted(set(given))
    close = nearest(name, given)
    if close is not None:
        return f"did you mean {close!r}?"
    return f"there are: {', '.join(pool)}" if pool else ""
