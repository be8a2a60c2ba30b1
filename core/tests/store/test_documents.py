"""What a store's JSON says is structured where it is read: a wrong type is damage in words, an unknown field is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from identify_core.errors import StoreError
from identify_core.store import RunSummary, Store, StoredRun
from identify_core.store.documents import FindingDocument, LatentsDocument, RunDocument, structure_record
from identify_core.store.folder import Folder
from identify_core.store.records import read_record, write_record

Write = Callable[..., RunSummary]

RUN: dict[str, Any] = {
    "format": 2,
    "id": "a",
    "name": "a",
    "plugin": "toy",
    "status": "finished",
    "created": "2026-01-01T00:00:00Z",
    "findings": {"x": {"group": "findings/x", "scalars": {"value": 0.5, "count": 3, "name": "a", "none": None}}},
    "figures": [{"label": "x", "name": "x", "caption": "", "static": "figures/x.png", "interactive": None}],
    "components": [{"kind": "model", "name": "toy:model"}],
    "seconds": {"wall": 1, "cpu": 0.5},
}
FINDING: dict[str, Any] = {
    "evaluator": "toy:whole",
    "options": {"k": 3},
    "name": "",
    "summary": "trained",
    "scalars": {"loss": 0.5},
    "tables": {"rows": {"columns": ["a", "b"], "rows": [[1, "x"], [None, 0.5]], "caption": "", "units": {"a": "s"}}},
    "conventions": {"split": "test"},
    "warnings": [],
}
LATENTS: dict[str, Any] = {"split": "test", "identified_up_to": "", "summary": "", "ids": "samples/ids"}
WRONG = [3, 3.5, True, "text", [], {}, None, [[]], {"a": {}}]


def test_every_known_field_comes_back_as_it_was() -> None:
    record = structure_record(RUN, RunDocument)
    assert record.findings["x"].scalars == {"value": 0.5, "count": 3, "name": "a", "none": None}
    assert record.figures[0].interactive is None
    assert record.components[0].name == "toy:model"
    assert structure_record(FINDING, FindingDocument).tables["rows"].rows == [[1, "x"], [None, 0.5]]
    assert structure_record(LATENTS, LatentsDocument).ids == "samples/ids"


def test_fields_of_a_newer_version_are_not_looked_at() -> None:
    newer = {**RUN, "colour": [1], "findings": {"x": {"group": "findings/x", "weight": {}}}}
    assert structure_record(newer, RunDocument).findings["x"].group == "findings/x"


@pytest.mark.parametrize(("good", "kind"), [(RUN, RunDocument), (FINDING, FindingDocument), (LATENTS, LatentsDocument)])
def test_every_wrong_type_anywhere_is_a_value_error_that_names_the_place(good: dict[str, Any], kind: type) -> None:
    """Each field, at each depth, is replaced by a value of each type: it is taken as it is, or refused by its place."""
    refused = 0
    for place in _places(good):
        for wrong in WRONG:
            changed = json.loads(json.dumps(good))
            _put(changed, place, wrong)
            message = _refusal(changed, kind)
            refused += bool(message)
            assert not message or str(place[0]) in message
            assert not message or any(words in message for words in ("instead of", "is missing", "is not a place"))
    assert refused > 4 * len(good)


@pytest.mark.parametrize("place", ["../x", "/etc/passwd", "findings/../../x", "a//b", "", "c:\\x", "a/./b", "a\0b"])
def test_a_place_never_leads_out_of_the_run(place: str) -> None:
    with pytest.raises(ValueError, match=r"findings\['x'\]\.group: .* is not a place inside the run's folder"):
        structure_record({**RUN, "findings": {"x": {"group": place}}}, RunDocument)


def test_only_the_first_few_faults_are_told() -> None:
    with pytest.raises(ValueError, match=r"warnings\[0\]: .*; warnings\[2\]: .*; and 97 more$"):
        structure_record({**RUN, "warnings": [1] * 100}, RunDocument)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"findings": {"x": []}}, "its run.json is damaged: findings['x']: it is a list instead of a table"),
        ({"status": "lost"}, "it is 'lost' instead of one of 'running', 'finished', 'failed', 'interrupted'"),
        ({"provenance": {"a": json.loads("[" * 100 + "]" * 100)}}, "it is nested more than 64 deep"),
        ({"seed": "1"}, "seed: it is text instead of a whole number"),
    ],
)
def test_a_damaged_record_is_one_row_of_a_listing(write_run: Write, store: Store, fields: Any, reason: str) -> None:
    whole, damaged = write_run(), write_run()
    file = damaged.folder / "run.json"
    write_record(Folder.open(file.parent), file.name, read_record(file) | fields)  # its digest is renewed
    rows = {run.id: run for run in store.runs()}
    assert rows[whole.id].status == "finished"
    assert rows[damaged.id].status == "damaged"
    assert reason in rows[damaged.id].problem


def test_a_finding_of_wrong_types_is_damage_and_the_rest_is_read(write_run: Write) -> None:
    run = StoredRun(write_run())
    file = run.folder / "arrays.zarr" / "findings" / "subspace" / "zarr.json"
    node = json.loads(file.read_text())
    node["attributes"]["tables"] = {"axes": {"columns": "ab", "rows": [[1]]}}
    file.write_text(json.dumps(node))
    with pytest.raises(StoreError, match=r"finding 'subspace' .*cannot be read: tables\['axes'\].columns: it is text"):
        run.findings["subspace"]
    assert run.latents


def _places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, each in inner for place in ((*above, key), *_places(each, (*above, key)))]


def _refusal(document: Any, kind: type) -> str:
    try:
        structure_record(document, kind)
    except ValueError as error:
        return str(error)
    return ""


def _put(value: Any, place: tuple[Any, ...], new: Any) -> None:
    for key in place[:-1]:
        value = value[key]
    value[place[-1]] = new
