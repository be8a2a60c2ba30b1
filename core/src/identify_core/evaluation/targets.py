"""Calling component targets: what a plugin returns is checked once, here, at the border."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import torch

from identify_core.components import Evaluator, Model, load_target
from identify_core.contexts.context import Context, ModelBuilder
from identify_core.contexts.display import Display
from identify_core.data import Latents, Samples, Shape
from identify_core.errors import (
    IdentifyError,
    Interrupted,
    OptionsError,
    PluginError,
    RunError,
    SpecError,
    StoreError,
)
from identify_core.evaluation.completion import completed
from identify_core.evaluation.consultation import Consultation
from identify_core.evaluation.subjects import Representation, Subject
from identify_core.findings import Figure, Finding
from identify_core.replicates import Replicates
from identify_core.spec import Chosen
from identify_core.spec.given import say_where_given
from identify_core.stdout import kept_for_results

T = TypeVar("T")
_ONE_EACH = "a target that is called together gives one result for each subject, in their order"


def make_samples(chosen: Chosen, context: Context) -> Samples:
    """Call a dataset.

    Raises:
        SpecError: its options do not go together.
        PluginError: it returned something else than Samples.
    """
    samples = _call(chosen, chosen.registered.component.load(), context)
    if not isinstance(samples, Samples):
        raise _wrong_type(chosen, samples, "Samples")
    return samples


def model_builder(chosen: Chosen) -> ModelBuilder:
    """What builds one network of the model from a shape, its sizes checked first."""
    component = chosen.registered.component
    if not isinstance(component, Model):
        raise PluginError(f"{chosen.registered.qualified_name} is not a model")
    check = load_target(component.check) if component.check else None
    target = component.load()

    def build(shape: Shape, context: Context) -> torch.nn.Module:
        if check is not None:
            _guard(chosen, lambda: check(chosen.options, shape))
        module = _guard(chosen, lambda: target(chosen.options, shape, context))
        if not isinstance(module, torch.nn.Module):
            raise _wrong_type(chosen, module, "an nn.Module")
        return module

    return build


def train(
    chosen: Chosen, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Call an objective and hand over what it keeps, one at a time."""
    kept = _call(chosen, chosen.registered.component.load(), replicates, samples, context)
    if isinstance(kept, (Latents, Finding)):
        kept = (kept,)
    if not isinstance(kept, Iterable):
        raise _wrong_type(chosen, kept, "an iterable of Latents and Findings")
    iterator = iter(kept)
    while True:
        # The body of a generator runs here, so its errors are told in the same words as those of a plain function.
        item = _guard(chosen, lambda: next(iterator, None))
        if item is None:
            return
        if not isinstance(item, (Latents, Finding)):
            raise _wrong_type(chosen, item, "Latents or a Finding")
        yield item


def call_evaluator(chosen: Chosen, subject: Subject, context: Context) -> Any:
    """Call an evaluator on one subject; its numbers are scores then, and the rest is checked by the caller."""
    return _completed(chosen, _call_evaluator(chosen, subject, context), subject)


def _call_evaluator(chosen: Chosen, subject: Subject | Sequence[Subject], context: Context) -> Any:
    context.consult(Consultation(chosen.consulted))
    return _call(chosen, chosen.registered.component.load(), subject, context)


def _completed(chosen: Chosen, result: Any, subject: Subject) -> Any:
    component = chosen.registered.component
    if not isinstance(component, Evaluator) or component.arity not in ("pair", "representation"):
        return result
    return _guard(chosen, lambda: completed(result, component, subject))


def evaluate_together(chosen: Chosen, subjects: Sequence[Subject], context: Context) -> Iterator[Any]:
    """Call an evaluator once with all pairs, and hand over what it gives to each, in their order.

    Raises:
        PluginError: it gives fewer or more results than there are pairs, or nothing that can be counted.
    """
    name, count = chosen.registered.qualified_name, len(subjects)
    given = _call_evaluator(chosen, tuple(subjects), context)
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise _wrong_type(chosen, given, "one result for each pair")
    iterator, nothing, found = iter(given), object(), 0
    # The body of a generator runs in `next`, so its errors are told in the same words as those of a plain function.
    while (result := _guard(chosen, lambda: next(iterator, nothing))) is not nothing:
        found += 1
        if found > count:
            raise PluginError(f"{name} gave more than {count} results for {count} pairs", hint=_ONE_EACH)
        yield _completed(chosen, result, subjects[found - 1])
    if found < count:
        raise PluginError(f"{name} gave {found} results for {count} pairs", hint=_ONE_EACH)


def prepare(chosen: Chosen, representations: Sequence[Representation], context: Context) -> Any:
    """Call the `prepare` target of a pair evaluator with all representations that are compared."""
    target = load_target(chosen.registered.component.prepare)
    return _guard(chosen, lambda: target(representations, context))


def estimate(chosen: Chosen, sizes: Sequence[tuple[int, int]]) -> Any:
    """Call the `estimate` target of a pair evaluator with (n, d) of every representation."""
    target = load_target(chosen.registered.component.estimate)
    return _guard(chosen, lambda: target(chosen.options, sizes))


def find(chosen: Chosen, subject: Subject, context: Context) -> list[Finding]:
    """Call an evaluator; always a list, in the order in which it found."""
    found = call_evaluator(chosen, subject, context)
    if isinstance(found, Finding):
        return [found]
    if not isinstance(found, Iterable):
        raise _wrong_type(chosen, found, "a Finding or an iterable of them")
    findings = _guard(chosen, lambda: list(found))
    for finding in findings:
        if not isinstance(finding, Finding):
            raise _wrong_type(chosen, finding, "a Finding")
    return findings


def draw(chosen: Chosen, finding: Finding, context: Context | None) -> list[Figure]:
    """Call an evaluator's `draw` target; no figures where it has none."""
    component = chosen.registered.component
    if not isinstance(component, Evaluator) or not component.draw:
        return []
    target = load_target(component.draw)
    figures = _guard(chosen, lambda: list(target(chosen.options, finding, context)))
    for figure in figures:
        if not isinstance(figure, Figure):
            raise _wrong_type(chosen, figure, "a Figure")
    return figures


def drawn(label: str, make: Callable[[], Iterable[Figure]], context: Context) -> list[Figure]:
    """The figures of a finding; one that cannot be drawn costs the figures and not the finding."""
    try:
        return list(make())
    except Exception as error:  # noqa: BLE001 - the plugin's code; `identify plot` draws again once it is mended
        context.warn(f"the figures of {label} could not be drawn: {type(error).__name__}: {error}")
        return []


@contextmanager
def apart(label: str, failures: dict[str, Exception], display: Display) -> Iterator[None]:
    """Keep one evaluator's work apart from the others': whatever it raises is kept as its failure and said at once.

    What has made another one fail is not said again.

    Args:
        label: the evaluator's.
        failures: label to what was raised; it gets another entry where something is.
        display: where it is said.

    Raises:
        Interrupted: the user stopped it.
        StoreError: the store cannot be written, which concerns all of them.
    """
    try:
        yield
    except (Interrupted, StoreError):
        raise
    except Exception as error:  # noqa: BLE001 - one evaluator must not cost the others
        known = {_cause(each) for each in failures.values()}
        failures[label] = error
        if _cause(error) not in known:
            display.warning(f"{label} failed: {reason_of(error)}")


def reason_of(error: Exception) -> str:
    """Why an evaluator failed, in one sentence: what it says itself, and where it was."""
    return " ".join([_cause(error), *(f"({note})" for note in getattr(error, "__notes__", ()))])


def _cause(error: Exception) -> str:
    return error.message if isinstance(error, IdentifyError) else f"{type(error).__name__}: {error}".rstrip(": ")


def raise_failure(failures: Mapping[str, Exception]) -> NoReturn:
    """Make of failures without any success one error: the only one itself, or one that lists all that differ.

    Raises:
        IdentifyError: always.
    """
    by_cause: dict[str, list[str]] = {}
    for label, error in failures.items():
        by_cause.setdefault(_cause(error), []).append(label)
    groups = [(" and ".join(labels), failures[labels[0]]) for labels in by_cause.values()]
    if len(groups) > 1:
        told = "; ".join(f"{labels}: {reason_of(error)}" for labels, error in groups)
        raise RunError(f"every evaluator failed: {told}")
    ((labels, error),) = groups
    if isinstance(error, IdentifyError):
        raise error
    hint = "identify --debug shows where; report it to the plugin's author"
    raise RunError(f"{labels} failed: {reason_of(error)}", hint=hint) from error


def _call(chosen: Chosen, target: Callable[..., Any], *arguments: Any) -> Any:
    return _guard(chosen, lambda: target(chosen.options, *arguments))


def _guard(chosen: Chosen, call: Callable[[], T]) -> T:
    """Run a target's code, its prints sent to stderr; say of an options error where in the spec it belongs."""
    try:
        with kept_for_results():
            return call()
    except OptionsError as error:
        where = f"evaluators.{chosen.label}" if chosen.registered.kind == "evaluator" else chosen.label
        options = type(chosen.options)
        given = say_where_given(error.message, options, chosen.origins) if not error.problems else ""
        problems = [f"{each}{say_where_given(each, options, chosen.origins)}" for each in error.problems]
        raise SpecError(
            f"{where} ({chosen.registered.qualified_name}): {error.message}{given}", problems=problems, hint=error.hint
        ) from error
    except IdentifyError:
        raise
    except SystemExit as error:  # it would end the run without a word, even as if all were well
        raise PluginError(
            f"{_owned(chosen)} tried to end the program (SystemExit: {error})",
            hint="report this to the plugin's author",
        ) from error
    except torch.OutOfMemoryError as error:
        raise IdentifyError(
            f"{chosen.registered.qualified_name} ran out of device memory: {error}",
            hint="take fewer replicates, smaller batches or a smaller memory budget",
        ) from error


def _wrong_type(chosen: Chosen, value: object, wanted: str) -> PluginError:
    return PluginError(
        f"{_owned(chosen)} returned {type(value).__name__} instead of {wanted}",
        hint="report this to the plugin's author",
    )


def _owned(chosen: Chosen) -> str:
    registered = chosen.registered
    return f"{registered.qualified_name} ({registered.distribution} {registered.version})"
