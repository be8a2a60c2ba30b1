"""A finding as a Zarr group: its arrays are arrays, everything else is plain JSON in the group's attributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import zarr

from identify_core.errors import StoreError
from identify_core.findings import Finding, LabelledArray, Scalar, Table, Tables
from identify_core.store.arrays import read_array, write_array
from identify_core.store.documents import FindingDocument, structure_record
from identify_core.store.files import from_plain, to_plain
from identify_core.store.layout import decode_name, encode_name
from identify_core.store.nodes import check_still_there, child_names, read_node


@attrs.frozen(kw_only=True)
class Outline:
    """What an array of a finding is, as its metadata say.

    Args:
        dimensions: one name an axis.
        shape: its size along each.
        dtype: such as `float32`, or `text`.
        summary: what it holds, with its unit.
    """

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    summary: str


@attrs.frozen(kw_only=True, eq=False, repr=False)
class StoredFinding:
    """A finding with where it came from.

    Args:
        label: what it is called in its run.
        evaluator: the qualified name of the component that made it.
        options: that component's options, in plain types.
        finding: the finding.
        outlines: name to what each of its arrays is, whether or not the arrays themselves were read.
    """

    label: str
    evaluator: str
    options: Mapping[str, Any]
    finding: Finding
    outlines: Mapping[str, Outline] = attrs.field(factory=dict)

    @property
    def summary(self) -> str:
        """The finding's sentence."""
        return self.finding.summary

    @property
    def scalars(self) -> Mapping[str, Scalar]:
        """The finding's headline numbers."""
        return self.finding.scalars

    @property
    def tables(self) -> Tables:
        """The finding's tables, by name or place."""
        return self.finding.tables

    @property
    def arrays(self) -> Mapping[str, LabelledArray]:
        """The finding's arrays."""
        return self.finding.arrays

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the finding warns of."""
        return self.finding.warnings

    def __repr__(self) -> str:
        return f"{self.label} ({self.evaluator}): {self.finding!r}"


def describe_finding(finding: Finding, *, evaluator: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of a finding but its arrays, in plain types."""
    return {
        "evaluator": evaluator,
        "options": dict(options),
        "name": finding.name,
        "summary": finding.summary,
        "scalars": dict(finding.scalars),
        "tables": {name: attrs.asdict(table, recurse=False) for name, table in finding.tables.items()},
        "conventions": dict(finding.conventions),
        "warnings": finding.warnings,
    }


def write_finding_group(group: zarr.Group, finding: Finding, *, evaluator: str, options: Mapping[str, Any]) -> None:
    """Write a finding into an empty group."""
    group.attrs.update(to_plain(describe_finding(finding, evaluator=evaluator, options=options)))
    taken: list[str] = []
    for name, array in finding.arrays.items():
        taken.append(encode_name(name, taken))
        write_array(group, taken[-1], array.values, array.dimensions, attributes={"summary": array.summary})


def finding_entry(finding: Finding, *, evaluator: str, group: str) -> dict[str, Any]:
    """What run.json says about a finding."""
    return {
        "evaluator": evaluator,
        "group": group,
        "summary": finding.summary,
        "scalars": dict(finding.scalars),
        "warnings": list(finding.warnings),
    }


def read_tables(document: FindingDocument) -> dict[str, Table]:
    """The tables of a finding.

    Raises:
        ValueError: a row is not as wide as the columns.
    """
    return {name: Table(**attrs.asdict(table, recurse=False)) for name, table in document.tables.items()}


def read_finding(root: Path, path: str, label: str, *, with_arrays: bool = True) -> StoredFinding:
    """Read the finding stored at `path` below arrays.zarr, or all of it but its arrays.

    Raises:
        StoreError: it is missing or damaged.
    """
    try:
        document = structure_record(from_plain(read_node(root, path).attributes), FindingDocument)
        outlines = {name: _outline(root, f"{path}/{name}") for name in child_names(root, path)}
        arrays = {
            name: LabelledArray(
                values=read_array(root, f"{path}/{name}"), dimensions=each.dimensions, summary=each.summary
            )
            for name, each in outlines.items()
            if with_arrays
        }
        check_still_there(root, path)
        finding = Finding(
            summary=document.summary,
            scalars=document.scalars,
            tables=read_tables(document),
            arrays={decode_name(name): array for name, array in arrays.items()},
            conventions={
                name: each if isinstance(each, str) else repr(each) for name, each in document.conventions.items()
            },
            warnings=document.warnings,
            name=document.name,
        )
        return StoredFinding(
            label=label,
            evaluator=document.evaluator,
            options=document.options,
            finding=finding,
            outlines={decode_name(name): each for name, each in outlines.items()},
        )
    except (OSError, ValueError) as error:
        raise StoreError(
            f"the finding {label!r} of the run {root.parent.name} cannot be read: {error}",
            hint=f"`identify runs verify {root.parent.name}` lists all that is wrong with it",
        ) from error


def _outline(root: Path, path: str) -> Outline:
    node = read_node(root, path)
    encoded = "encoding" in node.attributes  # text, its letters along one more axis
    axes = len(node.shape) - encoded
    return Outline(
        dimensions=node.dimensions[:axes],
        shape=node.shape[:axes],
        dtype="text" if encoded else node.dtype,
        summary=from_plain(node.attributes.get("summary", "")),
    )
