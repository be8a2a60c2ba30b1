"""What the verbs return in Python: a run or a comparison, open for reading, that shows its answer by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from identify_core.findings import Table
from identify_core.reports.brief import brief_text, run_card, sizes_of
from identify_core.reports.changes import changes_between
from identify_core.reports.relations_text import answer_sentence
from identify_core.saying import say
from identify_core.store import RunSummary, Store, StoredRun
from identify_core.sweeps.records import StoredSweep
from identify_core.sweeps.summary import Row, count_statuses, read_rows, varying_scalars
from identify_core.sweeps.tables import tabulate


class OpenRun(StoredRun):
    """A run in a store, from `ic.run`, `ic.open` and the others.

    `run.latents["hidden-1"]`, `run.findings["nullity"]`, `run.history()`, `run.weights()`, `run.factors` and `run.ids`
    read what they are asked for and nothing else; `run.to_xarray()` is all of it. Shown in a notebook or printed, it is
    one screen with what was found.
    """

    def __repr__(self) -> str:
        return brief_text(self)

    def _repr_html_(self) -> str:
        return run_card(self)

    @property
    def scalars(self) -> dict[str, Any]:
        """The headline numbers, by label of the finding and name."""
        return dict(self.summary.scalars)


class OpenComparison(OpenRun):
    """A comparison in a store, from `ic.compare` and `ic.open`."""

    @property
    def answer(self) -> str:
        """What relates the representations, in one sentence."""
        findings = {label: stored.finding for label, stored in self.findings.items()}
        return answer_sentence(findings, sizes_of(self))

    def changes_since(self, earlier: StoredRun) -> Table:
        """What changed since another comparison of the same things; its caption names both.

        Args:
            earlier: the other comparison.

        Raises:
            UsageError: they do not compare as many representations.
        """
        return changes_between(earlier, self)[1]


class Listing(Sequence[RunSummary]):
    """The runs or comparisons of a store, oldest first; `to_pandas()`, `to_polars()` and a table in a notebook.

    Args:
        summaries: what run.json says of each.
    """

    def __init__(self, summaries: Sequence[RunSummary]) -> None:
        self._summaries = list(summaries)

    def __len__(self) -> int:
        return len(self._summaries)

    @overload
    def __getitem__(self, place: int) -> RunSummary: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RunSummary]: ...
    def __getitem__(self, place: int | slice) -> RunSummary | Sequence[RunSummary]:
        return self._summaries[place]

    def __iter__(self) -> Iterator[RunSummary]:
        return iter(self._summaries)

    @property
    def table(self) -> Table:
        """One row each: id, name, plugin, status and when it was made."""
        rows = [(each.id, each.name, each.plugin, each.status, each.created) for each in self]
        return Table(columns=("id", "name", "plugin", "status", "created"), rows=rows)

    def to_pandas(self) -> Any:
        """The table as a pandas.DataFrame."""
        return self.table.to_pandas()

    def to_polars(self) -> Any:
        """The table as a polars.DataFrame."""
        return self.table.to_polars()

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


class OpenSweep:
    """A sweep in a store, from `ic.sweep`: one row a run, and a table over seeds where it varies the seed.

    Args:
        store: where it lies.
        sweep: its record.
    """

    def __init__(self, store: Store, sweep: StoredSweep) -> None:
        self.id = sweep.id
        self.folder = sweep.folder
        self.settings = sweep.settings
        self.rows: list[Row] = read_rows(store, sweep)
        self._store = store

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_whole(self) -> bool:
        """Whether every run is finished with all that it was to find."""
        return all(row.is_whole for row in self.rows)

    @property
    def runs(self) -> list[OpenRun]:
        """The runs that are finished, open, in the order of the combinations."""
        finished = [row.run for row in self.rows if row.status == "finished"]
        return [opened(self._store.open(each).folder) for each in finished]

    @property
    def table(self) -> Table:
        """One row a run: what varies, the headline numbers that differ, status and id."""
        names = varying_scalars(self.rows)
        rows = [
            (
                *(_as_cell(row.values[key]) for key in self.settings),
                *(row.scalars.get(name) for name in names),
                row.status,
                row.run or row.name,
            )
            for row in self.rows
        ]
        return Table(columns=(*self.settings, *names, "status", "run"), rows=rows, caption=self._counts)

    def over_seeds(self, *numbers: str) -> Table:
        """Mean, deviation and both 95 % intervals of the mean over the seeds of each setting.

        Args:
            numbers: headline numbers; all that vary, without any.

        Raises:
            UsageError: no finished run has such a number.
        """
        kept = [key for key in self.settings if key != "seed"]
        rows = [
            (
                *(_as_cell(line.values[key]) for key in kept),
                name,
                each.count,
                each.mean,
                each.deviation,
                *each.student,
                *each.bootstrap,
            )
            for line in tabulate(self.rows, self.settings, numbers)
            for name, each in line.spreads.items()
        ]
        ends = ("t low", "t high", "bootstrap low", "bootstrap high")
        return Table(columns=(*kept, "number", "runs", "mean", "deviation", *ends), rows=rows)

    def to_pandas(self) -> Any:
        """The table as a pandas.DataFrame."""
        return self.table.to_pandas()

    @property
    def _counts(self) -> str:
        return f"sweep {self.id}: {count_statuses(self.rows)}"

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def _as_cell(value: Any) -> Any:
    return say(value) if isinstance(value, (list, tuple, dict)) else value


def opened(folder: Path) -> OpenRun:
    """The run or comparison in a folder of a store."""
    summary = StoredRun.open(folder).summary
    return OpenComparison(summary) if summary.kind == "comparison" else OpenRun(summary)
