"""Whether an evaluator applies to representations, and in words why it does not, before any of them is read."""

from __future__ import annotations

from collections.abc import Sequence

from identify_core.components import Component, Evaluator
from identify_core.evaluation.subjects import Holds, Representation

COMPARED = ("pair", "group")
"""What evaluators of a comparison study."""

_NOT_OF_A_RUN = frozenset({"factors", "dissimilarities"})


def reason_against(component: Component, representations: Sequence[Representation]) -> str:
    """Why an evaluator cannot compare these representations; empty where it can."""
    if not isinstance(component, Evaluator) or component.arity not in COMPARED:
        arity = component.arity if isinstance(component, Evaluator) else component.kind
        return f"it studies a {arity}, not a pair or a group of representations"
    if reason := reason_against_kind(component, representations):
        return reason
    needed = component.requires - _NOT_OF_A_RUN
    lacking = next((each for each in representations if needed - each.has), None)
    if lacking is not None:
        return f"it needs {', '.join(sorted(needed - lacking.has))}, which {lacking.label} does not have"
    if "factors" in component.requires and not all(each.factors for each in representations):
        return "it needs ground-truth factors, which not all of these have"
    return ""


def reason_against_kind(component: Evaluator, representations: Sequence[Representation]) -> str:
    """Why an evaluator does not take what these representations hold; empty where it does."""
    strange = next((each for each in representations if not takes(component, each.holds)), None)
    if strange is None:
        return ""
    wanted = (
        "matrices of dissimilarities"
        if "dissimilarities" in component.requires
        else " and ".join(sorted(component.takes))
    )
    held = "numbers" if strange.holds == "latents" else strange.holds
    return f"it takes {wanted}, and {strange.label} holds {held}"


def takes(component: Evaluator, holds: Holds) -> bool:
    """Whether an evaluator takes what a representation holds."""
    if "dissimilarities" in component.requires or holds == "dissimilarities":
        return "dissimilarities" in component.requires and holds == "dissimilarities"
    return ("symbols" if holds == "symbols" else "numbers") in component.takes


def say_undeclared(representations: Sequence[Representation]) -> str:
    """One sentence on integers that were taken for numbers; empty where there are none."""
    labels = [each.label for each in representations if each.undeclared]
    if not labels:
        return ""
    more = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
    return (
        f"{labels[0]}{more}: integers taken as numbers, because nothing declares them; codes are declared by "
        "Latents(kind='symbols') in a run, by --as symbols for arrays"
    )
