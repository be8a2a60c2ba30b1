"""Numbers as a page prints them."""

from __future__ import annotations

import re

from identify_core.saying import format_scalar, significant

_SUPERSCRIPTS = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_EXPONENT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)(?![\w.]*\w)")


def typeset(value: float | int | str | bool | None) -> str:
    """A cell as text for a page: as `format_scalar`, with a minus sign and powers of ten as they are printed."""
    words = format_scalar(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return words
    mantissa, mark, exponent = words.replace("-", "−").partition("e")
    if not mark:
        return mantissa.replace("inf", "∞")
    return _power(mantissa, exponent)


def typeset_words(sentence: str) -> str:
    """A sentence in which numbers such as 1e-06 are printed as powers of ten."""
    return _EXPONENT.sub(lambda match: _power(match[1], str(int(match[2]))), sentence)


def _power(mantissa: str, exponent: str) -> str:
    power = f"10{exponent.replace('-', '−').translate(_SUPERSCRIPTS)}"
    return power if mantissa == "1" else f"{mantissa} · {power}"


def short_of_bounds(value: float, low: float, high: float, digits: int = 2) -> str:
    """A number in few decimals that is never printed as a bound which it does not reach: 0.998, not 1.

    Args:
        value: finite.
        low: the smallest possible value; -inf for none.
        high: the largest.
        digits: significant digits where they say enough.
    """
    for more in range(digits, 7):
        text = significant(value, more)
        if float(text) not in (low, high) or value in (low, high):
            return text
    return f"<{high:g}" if float(text) == high else f">{low:g}"
