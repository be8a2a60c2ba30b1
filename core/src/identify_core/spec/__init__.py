"""Spec files: layers read and merged with the origin of every value, structured exactly, explained and described."""

from __future__ import annotations

from identify_core.kinds import option_fields
from identify_core.mismatches import Mismatch, Mismatches
from identify_core.saying import say, say_type
from identify_core.spec.choice import choose_evaluator, choose_evaluators
from identify_core.spec.layers import DEFAULT, FORMAT, Origin
from identify_core.spec.load import find_preset, load_spec, load_stored_spec
from identify_core.spec.resolved import Chosen, ResolvedSpec
from identify_core.spec.structure import plain_options, structure

__all__ = [
    "DEFAULT",
    "FORMAT",
    "Chosen",
    "Mismatch",
    "Mismatches",
    "Origin",
    "ResolvedSpec",
    "choose_evaluator",
    "choose_evaluators",
    "find_preset",
    "load_spec",
    "load_stored_spec",
    "option_fields",
    "plain_options",
    "say",
    "say_type",
    "structure",
]
