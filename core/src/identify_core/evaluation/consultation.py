"""Consulting: the score that a pair evaluator of any plugin gives to two arrays, for an evaluator that builds on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from identify_core.components import Evaluator, load_target
from identify_core.errors import OptionsError, PluginError
from identify_core.evaluation.completion import completed
from identify_core.evaluation.subjects import Representation, Subject
from identify_core.plugins import Registered
from identify_core.scores import Score
from identify_core.suggestions import did_you_mean

if TYPE_CHECKING:
    from identify_core.contexts.context import Context


@attrs.frozen
class Consultation:
    """The evaluators whose scores another evaluator may ask for.

    Args:
        evaluators: qualified name to evaluator, of those that are installed.
    """

    evaluators: Mapping[str, Registered]

    def __contains__(self, name: object) -> bool:
        return name in self.evaluators

    def score(self, name: str, first: Any, second: Any, options: Mapping[str, Any], context: Context) -> Score:
        """The score that one evaluator gives to two arrays.

        Args:
            name: the evaluator's qualified name.
            first: (n, d), a numpy array or a tensor.
            second: (n, d').
            options: over the evaluator's defaults.
            context: of the evaluator that asks.

        Raises:
            PluginError: the evaluator does not study pairs, or gave something else than one score.
            OptionsError: it has no such option, or the value is refused.
        """
        component = self.evaluators[name].component
        if not isinstance(component, Evaluator) or component.arity != "pair":
            raise PluginError(f"{name!r} is consulted, but it is not an evaluator of pairs")
        representations = (_representation(first, "first", 0), _representation(second, "second", 1))
        prepared = load_target(component.prepare)(representations, context) if component.prepare else None
        subject = Subject(representations=representations, prepared=prepared, indices=(0, 1))
        result = component.load()(
            _options(name, component.options, options), (subject,) if component.together else subject, context
        )
        if component.together:
            result = next(iter(result), None)
        result = completed(result, component, subject)
        if not isinstance(result, Score):
            raise PluginError(f"{name!r} gave {type(result).__name__} for a pair where one score was asked for")
        return result


def _options(name: str, options: type, given: Mapping[str, Any]) -> Any:
    known = [each.name for each in attrs.fields(options)]
    for key in given:
        if key not in known:
            raise OptionsError(f"{name} has no option {key!r}", hint=did_you_mean(key, known))
    try:
        return options(**given)
    except (TypeError, ValueError) as error:
        raise OptionsError(f"{name}: {error}") from error


def _representation(array: Any, label: str, replicate: int) -> Representation:
    values = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    if values.ndim != 2:
        raise ValueError(f"{label}: a representation is (n, d), not of shape {values.shape}")
    return Representation(
        label=label,
        run_id="",
        latents=label,
        replicate=replicate,
        ids=np.arange(len(values)),
        identified_up_to="",
        shape=(values.shape[0], values.shape[1]),
        load_rows=lambda start, stop: values[start:stop],
    )
