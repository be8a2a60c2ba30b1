"""Hostile documents in a store, their digests renewed: every verb that reads says one message; prints the figure."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from identify_core.store.folder import Folder
from identify_core.store.records import read_record, write_record

if TYPE_CHECKING:
    from conftest import Target

CASES = 200
WRONG: tuple[Any, ...] = (
    3,
    -1.5,
    True,
    None,
    "\ud800",
    "\x1b]52;c;aGk=\x07",
    [],
    {},
    [[]],
    {"a": {}},
    "../../x",
    10**400,
)
VERBS = (
    ("runs", "ls"),
    ("runs", "show", "{run}", "--full"),
    ("report", "{run}"),
    ("plot", "{run}"),
    ("compare", "{run}", "--quiet"),
    ("runs", "verify", "{run}"),
    ("evaluate", "{run}", "--evaluator", "toy:whole", "--label", "more", "--quiet"),
    ("runs", "export", "{run}", "--to", "out.npz"),
)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*above, key)
        yield from places(each, (*above, key))


def put(document: Any, place: tuple[Any, ...], value: Any) -> None:
    """Replace the value at a place."""
    for key in place[:-1]:
        document = document[key]
    document[place[-1]] = value


def spoil(run: Path, draws: random.Random) -> str:
    """Put a wrong value into run.json, with its digest, or into the metadata of an array or a group."""
    nodes = sorted((run / "arrays.zarr").rglob("zarr.json"))
    file = draws.choice([run / "run.json", draws.choice(nodes)])
    document = read_record(file) if file.name == "run.json" else json.loads(file.read_text())
    place = draws.choice(list(places(document)))
    wrong = draws.choice(WRONG)
    put(document, place, wrong)
    with Folder.open(file.parent) as folder:
        if file.name == "run.json":
            write_record(folder, "run.json", document)
        else:
            folder.write("zarr.json", json.dumps(document).encode())
    return f"{file.relative_to(run)} {'.'.join(map(str, place))} = {str(wrong)[:20]!r}"


@pytest.mark.slow
def test_two_hundred_hostile_records_are_one_message(
    targets: Callable[[], Target], capfd: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    draws = random.Random(0)
    harmful = []
    for number in range(CASES):
        target = targets()
        said = spoil(target.store.path / "runs" / target.run, draws)
        verb = [word.format(run=target.run) for word in VERBS[number % len(VERBS)]]
        ended = target.forge.wait(target.start(*verb))
        if "Traceback" in ended.said or ended.status not in (0, 1, 2, 3, 4) or ended.said.count("error: ") > 1:
            harmful.append(f"{said}, {' '.join(verb[:2])}: exit {ended.status}: {ended.said[-600:]}")
        if "\x1b]52" in ended.said:
            harmful.append(f"{said}, {' '.join(verb[:2])}: the terminal was told something")
    record_property("hostile records", f"{CASES - len(harmful)} of {CASES}")
    with capfd.disabled():
        print(f"\nrecords: {CASES - len(harmful)} of {CASES} in one message")  # noqa: T201
    assert harmful == []
