"""The record of a study in a store: which sweep and which comparison each entry became, and what it was made of.

<store>/studies/<name>/study.json     label to sweep; label to comparison, with the digest of all that it depends on
<store>/studies/<name>/report.html    the page, made again at the end of every `identify study`
<store>/studies/<name>/tables/        each table as csv
<store>/studies/<name>/figures/       each figure as png

The runs and comparisons lie among all others. A record that is missing or damaged is made again: it only saves work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from identify_core.store import Store
from identify_core.store.files import explained
from identify_core.store.folder import Folder
from identify_core.store.layout import FORMAT
from identify_core.store.records import parse_record, write_record

STUDIES = "studies"
STUDY_FILE = "study.json"


def read_record_of(store: Store, name: str) -> dict[str, Any]:
    """What is known of a study from before; empty where nothing is, or nothing that can be read."""
    try:
        with store.open_folder() as root:
            document = parse_record(root.read(f"{STUDIES}/{name}/{STUDY_FILE}"))
    except (OSError, ValueError):
        return {}
    if not isinstance(document.get("format"), int) or document["format"] > FORMAT or document.get("name") != name:
        return {}
    return dict(document)


def write_record_of(store: Store, name: str, document: Mapping[str, Any]) -> None:
    """Keep what is known of a study, in place of what was kept before.

    Raises:
        StoreError: the store cannot be written.
    """
    with explained("record the study", store.path), open_study(store, name) as folder:
        write_record(folder, STUDY_FILE, {**document, "name": name})


def open_study(store: Store, name: str) -> Folder:
    """The folder of a study, made if it is not there, held open to be written."""
    store.create()
    with store.open_folder() as root, root.make(STUDIES) as studies:
        return studies.make(name)
