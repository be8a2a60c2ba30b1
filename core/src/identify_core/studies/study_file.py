"""A study file: the runs, comparisons, tables and figures that one TOML file names, and everything wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from identify_core.errors import SpecError
from identify_core.mismatches import Mismatches
from identify_core.options import matching, not_empty, option
from identify_core.rungs import rung
from identify_core.spec.layers import Layer, read_file_layer
from identify_core.spec.problems import Problem, Problems, said_by
from identify_core.spec.structure import structure
from identify_core.suggestions import did_you_mean

_LABEL = matching(r"[a-z0-9][a-z0-9-]{0,59}", "1 to 60 lower-case letters, digits and hyphens")
_KINDS = ("runs", "comparisons", "tables", "figures")
_KEYS = ("format", "name", "title", *_KINDS)

Statistic = Literal["mean", "median"]


@attrs.frozen(kw_only=True)
class RunEntry:
    """One `[[runs]]`: a spec, or every combination of a sweep over it."""

    label: str = option(help="What other entries call it; also the name of its runs.", limit=_LABEL)
    plugin: str = option("", help="The plugin whose components short names mean; the spec may say it.")
    preset: str = option("", help="A preset of the plugin; its first one where neither this nor a spec is given.")
    spec: str = option("", help="A spec file; relative paths begin at the study file.")
    set: Mapping[str, Any] = option(attrs.Factory(dict), help='Values over the spec\'s: "objective.steps" = 100.')
    sweep: Mapping[str, Any] = option(attrs.Factory(dict), help="Lists of values: every combination is a run.")
    optional: bool = option(False, help="Leave it out, with a line that says so, where a file in `needs` is missing.")
    needs: tuple[str, ...] = option((), help="Files and folders without which an optional entry is left out.")


@attrs.frozen(kw_only=True)
class ComparisonEntry:
    """One `[[comparisons]]`: runs of this study and arrays in files, next to one another."""

    label: str = option(help="What it is called.", limit=_LABEL)
    of: tuple[str, ...] = option(
        help="Labels of runs, `label:latents`, or files; relative paths begin at the study file.", limit=not_empty()
    )
    latents: tuple[str, ...] = option((), help="Which latents of runs that are named without them.")
    split: str = option("", help="Take only latents of this split.")
    evaluators: tuple[str, ...] = option((), help="Names of evaluators; the standard ones where there are none.")
    set: Mapping[str, Any] = option(attrs.Factory(dict), help="Options of the evaluators.")
    expect: str = option("", help="The rung up to which every pair must be identified.")
    seed: int = option(0, help="Of splits, permutations and bootstraps.")
    optional: bool = option(False, help="Leave it out, with a line that says so, where a file is missing.")


@attrs.frozen(kw_only=True)
class TableEntry:
    """One `[[tables]]`: a row for each label, or each setting, with a statistic of each number over its runs."""

    label: str = option(help="What it is called.", limit=_LABEL)
    values: tuple[str, ...] = option(
        help="Headline numbers of runs: `<finding>/<number>`, as `identify runs show` names them.", limit=not_empty()
    )
    of: tuple[str, ...] = option((), help="Labels of runs; all of them where there are none.")
    by: tuple[str, ...] = option((), help="Settings of sweeps that get rows of their own, such as objective.steps.")
    statistic: Statistic = option(
        "mean", help="`mean` with a 95 % t interval, or `median` with its range, over the runs of a row."
    )
    caption: str = option("", help="One sentence that says what the rows are.")


@attrs.frozen(kw_only=True)
class FigureEntry:
    """One `[[figures]]`: a headline number against a setting of a sweep, one line a label."""

    label: str = option(help="What it is called.", limit=_LABEL)
    value: str = option(help="A headline number of runs: `<finding>/<number>`.")
    against: str = option("", help="A setting of the sweeps; one place a label where there is none.")
    of: tuple[str, ...] = option((), help="Labels of runs; all of them where there are none.")
    caption: str = option("", help="One sentence that says what is seen.")


@attrs.frozen(kw_only=True)
class StudyFile:
    """A study as its file says it.

    Args:
        path: the file.
        name: what the study is called; its folder in the store.
        title: what its report is called.
        runs: in order.
        comparisons: in order.
        tables: in order.
        figures: in order.
    """

    path: Path
    name: str
    title: str
    runs: tuple[RunEntry, ...]
    comparisons: tuple[ComparisonEntry, ...]
    tables: tuple[TableEntry, ...]
    figures: tuple[FigureEntry, ...]

    def place(self, text: str) -> Path:
        """A path that the file names, from the file's own folder."""
        return self.path.parent / Path(text).expanduser()

    def missing(self, entry: RunEntry) -> list[str]:
        """What an entry needs that is not there."""
        return [need for need in entry.needs if not self.place(need).exists()]


def read_study(file: Path) -> StudyFile:
    """The study in a TOML file.

    Raises:
        SpecError: it cannot be read, or something in it is wrong; `problems` lists everything.
    """
    layer = read_file_layer(file)
    problems = Problems()
    _unknown_keys(layer, problems)
    entries = {
        "runs": _entries(layer, "runs", RunEntry, problems),
        "comparisons": _entries(layer, "comparisons", ComparisonEntry, problems),
        "tables": _entries(layer, "tables", TableEntry, problems),
        "figures": _entries(layer, "figures", FigureEntry, problems),
    }
    if not layer.values.get("runs") and not layer.values.get("comparisons"):
        problems.add((), "there is nothing to do: write [[runs]] or [[comparisons]]")
    name = layer.values.get("name", file.stem)
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,59}", name):
        problems.add(("name",), f"{name!r:.80} is not 1 to 60 letters, digits, dots, hyphens and underscores")
    title = layer.values.get("title", name)
    if not isinstance(title, str):
        problems.add(("title",), f"{title!r:.80} is not a string")
    if not list(problems):
        _labels(entries, problems)
        study = StudyFile(path=file, name=str(name), title=str(title), **entries)
        for problem in _references(study):
            problems.add(problem.path, problem.message)
    if found := list(problems):
        raise SpecError(
            f"the study {file} cannot be done",
            problems=[str(each) for each in found],
            unsaid=problems.unsaid,
        )
    return study


def _unknown_keys(layer: Layer, problems: Problems) -> None:
    for key in layer.values:
        if key not in _KEYS:
            problems.add((key,), f"there is no such key{_near(key, _KEYS)}")


def _entries(layer: Layer, kind: str, record: type, problems: Problems) -> tuple[Any, ...]:
    given = layer.values.get(kind, [])
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        problems.add((kind,), f"this is not a list of tables: write [[{kind}]]")
        return ()
    made = []
    for number, table in enumerate(given):
        try:
            made.append(structure(table, record))
        except Mismatches as error:
            for path, message in said_by(error, (kind, number)):
                problems.add(path, message)
    return tuple(made)


def _labels(entries: Mapping[str, tuple[Any, ...]], problems: Problems) -> None:
    for kind, made in entries.items():
        for label, count in Counter(each.label for each in made).items():
            if count > 1:
                problems.add((kind,), f"{count} entries are called {label!r}; each needs a label of its own")


def _references(study: StudyFile) -> Iterator[Problem]:
    """Labels that no run has, rungs that do not exist, and files that are not there."""
    labels = [entry.label for entry in study.runs]
    for number, entry in enumerate(study.runs):
        if entry.spec and not study.place(entry.spec).is_file():
            yield Problem(path=("runs", number, "spec"), message=f"there is no file {study.place(entry.spec)}")
        if not (entry.spec or entry.plugin):
            yield Problem(path=("runs", number), message="this needs a plugin or a spec")
        if entry.needs and not entry.optional and (gone := study.missing(entry)):
            yield Problem(path=("runs", number, "needs"), message=f"missing: {', '.join(gone)}")
    for number, each in enumerate(study.comparisons):
        if each.expect:
            try:
                rung(each.expect)
            except Exception as error:  # noqa: BLE001 - its message says which rungs there are
                yield Problem(path=("comparisons", number, "expect"), message=str(error))
        for reference in each.of:
            known = reference.partition(":")[0] in labels or study.place(reference.partition(":")[0]).exists()
            if not known and not each.optional:
                message = f"{reference!r} is neither a run of this study nor a file{_near(reference, labels)}"
                yield Problem(path=("comparisons", number, "of"), message=message)
    named = [("tables", number, table.of) for number, table in enumerate(study.tables)]
    named += [("figures", number, figure.of) for number, figure in enumerate(study.figures)]
    for kind, number, of in named:
        for label in of:
            if label not in labels:
                message = f"no run of this study is called {label!r}{_near(label, labels)}"
                yield Problem(path=(kind, number, "of"), message=message)


def _near(name: str, names: Iterable[str]) -> str:
    near = did_you_mean(name, names)
    return f"; {near}" if near else ""
