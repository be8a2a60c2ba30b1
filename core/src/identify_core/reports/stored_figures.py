"""Drawing the figures of a stored run again, from what its findings hold and by the plugins that are installed now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import attrs

from identify_core.errors import IdentifyError, PluginError, StoreError, UsageError
from identify_core.reports.figures import FORMATS, house_style, save_figure
from identify_core.store.layout import encode_name
from identify_core.suggestions import did_you_mean

if TYPE_CHECKING:
    from identify_core.contexts.context import Context
    from identify_core.findings import Figure
    from identify_core.plugins import Registry
    from identify_core.spec import Chosen
    from identify_core.store import RunAppender, Store, StoredFinding, StoredRun


@attrs.frozen(kw_only=True)
class Drawing:
    """What became of one finding's figures.

    Args:
        label: the finding.
        files: what was written; empty for a finding without figures.
        problem: why it could not be drawn; empty where it could.
    """

    label: str
    files: tuple[Path, ...] = ()
    problem: str = ""


def redraw(
    run: StoredRun, registry: Registry, folder: Path, *, formats: Sequence[str], only: Sequence[str] = ()
) -> list[Drawing]:
    """Draw the findings of a run and write their figures into `folder/<label>/`.

    A finding whose evaluator is missing, or fails, does not stop the others; its drawing says why.

    Args:
        run: where the findings are.
        registry: whose evaluators draw.
        folder: made where it does not exist.
        formats: some of `identify_core.reports.figures.FORMATS`.
        only: labels of findings; all of them where empty.

    Raises:
        UsageError: a format or a label that there is not.
        StoreError: a finding cannot be read, or a file cannot be written.
    """
    findings = run.findings
    for label in only:
        if label not in findings:
            raise UsageError(f"the run {run.id} has no finding {label!r}", hint=did_you_mean(label, findings))
    for each in formats:
        if each not in FORMATS:
            raise UsageError(f"figures are not drawn as {each!r}", hint=did_you_mean(each, FORMATS))
    with TemporaryDirectory(prefix="identify-plot-") as scratch:
        context = _context(run, Path(scratch))
        return [
            _redraw_one(run, findings[label], registry, context, folder / encode_name(label), formats)
            for label in only or findings
        ]


def refuse_nothing(run: StoredRun, drawings: Sequence[Drawing], formats: Sequence[str]) -> None:
    """Refuse to have drawn nothing without a word.

    Raises:
        UsageError: no finding is drawn in these formats, and none has failed.
    """
    if not any(each.problem or each.files for each in drawings):
        hint = "not every figure has an interactive view" if tuple(formats) == ("html",) else ""
        raise UsageError(f"the run {run.id} holds no finding that is drawn as {' or '.join(formats)}", hint=hint)


def _redraw_one(
    run: StoredRun,
    stored: StoredFinding,
    registry: Registry,
    context: Context,
    folder: Path,
    formats: Sequence[str],
) -> Drawing:
    if not stored.evaluator:  # kept by the objective, which draws nothing
        return Drawing(label=stored.label)
    try:
        with house_style():
            figures = _draw(run, stored, registry, context)
    except IdentifyError as error:
        return Drawing(label=stored.label, problem=f"{error.message}; {error.hint}" if error.hint else error.message)
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and must not cost the other figures
        return Drawing(label=stored.label, problem=f"{type(error).__name__}: {error}")
    files = [file for figure in figures for file in save_figure(figure, folder, formats)]
    return Drawing(label=stored.label, files=tuple(files))


def draw_comparison(store: Store, comparison: StoredRun, registry: Registry) -> dict[str, str]:
    """Draw a comparison's figures and make its page, which it does not have until somebody wants them.

    Args:
        store: that holds the comparison.
        comparison: a committed one.
        registry: whose evaluators draw.

    Returns:
        Label of each finding that could not be drawn to the reason; the page is made without it.

    Raises:
        StoreError: the comparison cannot be written.
    """
    from identify_core.reports.page import finished_page
    from identify_core.store import RunAppender, StoredRun

    appender = RunAppender(store, comparison.summary)
    problems = {label: _draw_into(appender, comparison, label, registry) for label in comparison.findings}
    appender.write_report(lambda folder: finished_page(StoredRun.open(folder)))
    return {label: reason for label, reason in problems.items() if reason}


def mend(store: Store, run: StoredRun, load: Callable[[], Registry]) -> dict[str, str]:
    """Draw again what of a run's figures and page is damaged or missing; the run's findings stay as they are.

    Args:
        store: that holds the run.
        run: a committed run.
        load: gives the registry whose evaluators draw; called only where figures are damaged.

    Returns:
        Name of each damaged file to why it could not be drawn again, empty where it was.

    Raises:
        IdentifyError: the registry cannot be had, or the run cannot be written.
    """
    from identify_core.reports.page import finished_page
    from identify_core.store import RunAppender, StoredRun
    from identify_core.store.cache import check_cache, note_drawn
    from identify_core.store.layout import FIGURES, MANIFEST_FILE, REPORT_FILE

    with store.open_run(run.summary) as folder:
        damaged = check_cache(folder)
        if not damaged:
            return {}
        appender = RunAppender(store, run.summary)
        labels = {
            str(entry["label"])
            for entry in run.document.get("figures", [])
            if MANIFEST_FILE in damaged or {entry["static"], entry.get("interactive")} & set(damaged)
        }
        shared = [name for name in damaged if name.startswith(f"{FIGURES}/") and name.endswith(".js")]
        if shared:  # one copy for all interactive figures, written again with the first of them
            labels |= {str(entry["label"]) for entry in run.document["figures"] if entry.get("interactive")}
        for name in (*shared, *([MANIFEST_FILE] if MANIFEST_FILE in damaged else ())):
            folder.remove(name)
        registry = load() if labels else None
        drawn = {label: _draw_into(appender, run, label, registry) for label in sorted(labels) if registry is not None}
        failed = {label: reason for label, reason in drawn.items() if reason}
        if MANIFEST_FILE in damaged:
            note_drawn(folder)
    if not failed:
        appender.write_report(lambda place: finished_page(StoredRun.open(place)))
    of_file = {
        name: str(entry["label"])
        for entry in run.document.get("figures", [])
        for name in (entry["static"], entry.get("interactive"))
        if name
    }
    every = "; ".join(failed.values())
    return {
        name: failed.get(of_file[name], "") if name in of_file else every if name == REPORT_FILE else ""
        for name in damaged
    }


def _draw_into(appender: RunAppender, run: StoredRun, label: str, registry: Registry) -> str:
    """Draw a finding's figures into its run; why it could not be done, or empty."""
    if label not in run.findings:
        return f"the finding {label!r} is not there any more"
    stored = run.findings[label]
    if not stored.evaluator:
        return f"the finding {label!r} was drawn by the objective, while it trained"
    try:
        with TemporaryDirectory(prefix="identify-plot-") as scratch, house_style():
            for figure in _draw(run, stored, registry, _context(run, Path(scratch))):
                appender.write_figure(label, figure)
    except StoreError:
        raise
    except IdentifyError as error:
        return error.message
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and must not cost the other figures
        return f"{type(error).__name__}: {error}"
    return ""


def _draw(run: StoredRun, stored: StoredFinding, registry: Registry, context: Context) -> list[Figure]:
    """The figures that a finding's evaluator draws; of a comparison else those of any grid of scores."""
    from identify_core.evaluation import targets

    chosen = _choose(stored, registry)
    figures = targets.draw(chosen, stored.finding, context)
    if figures or run.summary.kind != "comparison":
        return figures
    from identify_core.evaluation.pairs import Member
    from identify_core.reports.pair_figures import draw_grid

    members = [
        Member(group=each.get("group") or each["run"] or each["label"], latents=each["latents"], width=each["width"])
        for each in run.document["representations"]
    ]
    return list(draw_grid(stored.finding, chosen.registered.component, members))


def _choose(stored: StoredFinding, registry: Registry) -> Chosen:
    """The evaluator that made a finding, with the options that it had."""
    from identify_core.spec import Chosen, Mismatches, structure
    from identify_core.spec.trust import names_in

    registered = registry.resolve("evaluator", stored.evaluator)
    try:
        options: Any = structure(stored.options, registered.component.options)
    except Mismatches as error:
        raise PluginError(
            f"{stored.evaluator} of {registered.distribution} {registered.version} does not take the options that the "
            f"finding was made with: {error}",
            hint="install the version that run.json names",
        ) from error
    if named := names_in(options, (stored.label,)):
        raise PluginError(f"drawing imports and reads nothing that a store names, and its finding does: {named[0]}")
    return Chosen(registered=registered, options=options, label=stored.label)


def _context(run: StoredRun, scratch: Path) -> Context:
    import torch

    from identify_core.contexts.context import Context

    return Context(
        device=torch.device("cpu"),
        dtype=torch.float32,
        seed=int(run.document.get("seed", 0)),
        count=int(run.document.get("replicates", 1)),
        scratch=scratch,
    )
