"""The questions of conformance: which item each check is asked of, and what becomes of an answer or a failure."""

from __future__ import annotations

import time
from collections.abc import Collection

from identify_core.errors import IdentifyError, UsageError
from identify_core.plugins import Registered
from identify_core.suggestions import did_you_mean
from identify_core.testing.conformance.bench import SMOKE, Bench, item_of
from identify_core.testing.conformance.catalogue import CHECKS
from identify_core.testing.conformance.record import Check, NotApplicable, Result


def items(bench: Bench, check: Check) -> list[str]:
    """What a check is asked of: `plugin`, `smoke`, or components as `kind:name`."""
    names = [kind for kind in ("plugin", SMOKE) if kind in check.kinds]
    asked = [each for each in bench.components(*check.kinds) if _is_asked(check, each)]
    return names + [item_of(each) for each in asked]


def chosen_checks(only: Collection[str] = (), skip: Collection[str] = ()) -> list[Check]:
    """The checks of these names, all where none is named, without those that are skipped.

    Raises:
        UsageError: there is no check of a name.
    """
    for name in (*only, *skip):
        if name not in CHECKS:
            raise UsageError(f"there is no check {name!r}", hint=did_you_mean(name, CHECKS))
    return [each for each in CHECKS.values() if (not only or each.name in only) and each.name not in skip]


def perform(bench: Bench, check: Check, item: str) -> Result:
    """One check of one item; whatever the plugin raises becomes a complaint."""
    reason = _reason_to_skip(bench, check, item)
    if reason:
        return Result(check=check.name, item=item, status="skipped", reason=reason)
    start = time.process_time()
    try:
        function = check.load()
        complaints = tuple(function(bench) if item in ("plugin", SMOKE) else function(bench, _registered(bench, item)))
    except NotApplicable as answer:
        return Result(check=check.name, item=item, status="skipped", reason=str(answer), seconds=_since(start))
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything; it is what the check found
        complaints = (f"the check stopped with {told(error)}",)
    return Result(
        check=check.name,
        item=item,
        status="failed" if complaints else "passed",
        complaints=complaints,
        seconds=_since(start),
    )


def told(error: BaseException) -> str:
    """An error in one line: an expected one by its message, any other with its type."""
    if isinstance(error, IdentifyError):
        problems = "; ".join(getattr(error, "problems", ()))
        return ": ".join(part for part in (error.message, problems) if part) + (
            f" ({error.hint})" if error.hint else ""
        )
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _is_asked(check: Check, registered: Registered) -> bool:
    return registered.kind != "evaluator" or not check.arities or registered.component.arity in check.arities


def _reason_to_skip(bench: Bench, check: Check, item: str) -> str:
    skip = bench.settings.skip
    for key in (check.name, item, f"{check.name} {item}"):
        if key in skip:
            return skip[key]
    if check.name != "loads" and not _is_loaded(bench):
        return "the plugin does not load"
    return ""


def _is_loaded(bench: Bench) -> bool:
    return bench.status is not None and bench.status.loaded


def _registered(bench: Bench, item: str) -> Registered:
    return next(each for each in bench.registry.components(plugin=bench.plugin) if item_of(each) == item)


def _since(start: float) -> float:
    return round(time.process_time() - start, 3)
