"""Activity: which latents vary enough to be counted."""

from __future__ import annotations

import numpy as np

from identify_measures.factors.study import Study
from identify_measures.factors.truth import Array
from identify_measures.options.infomec import VARIANTS, InfomecOptions, Spread

_NAMES = {"range": "range", "interquartile": "interquartile range", "deviation": "standard deviation"}


def active_latents(study: Study, options: InfomecOptions) -> tuple[Array, str]:
    """Which latents are active, shape (d,), and the rule in words.

    The spread of the latents as they came, before they are standardised, is held against that of the widest one.
    """
    variant = VARIANTS[options.variant]
    if study.symbols and options.active is None:
        kind, part, least = variant.symbol_spread, variant.symbol_part, variant.symbol_least
    else:
        kind = options.active or variant.spread
        part = variant.part if options.active_above is None else options.active_above
        least = 0.0
    spreads = _spreads(study.codes, kind)
    active = (spreads > part * spreads.max()) & (spreads > least)
    bounds = [f"{part:g} of the largest"] * bool(part) + [f"{least:g}"] * bool(least or not part)
    return active, f"active: {_NAMES[kind]} above {' and '.join(bounds)}"


def _spreads(codes: Array, kind: Spread) -> Array:
    constant = (codes == codes[:1]).all(axis=0)
    if kind == "interquartile":
        low, high = np.quantile(codes, [0.25, 0.75], axis=0)
        spread = high - low
    else:
        spread = np.ptp(codes, axis=0) if kind == "range" else codes.std(axis=0)
    found: Array = np.where(constant, 0.0, spread)
    return found
