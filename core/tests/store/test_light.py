"""Listing costs neither numpy nor zarr nor torch, and opens one file a run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import identify_core.store
from identify_core.store import RunSummary, Store
from identify_core.store.folder import Folder

HEAVY = ("numpy", "zarr", "torch", "matplotlib", "numcodecs")


def test_listing_imports_nothing_heavy(store: Store, write_run: Callable[..., RunSummary]) -> None:
    write_run()
    script = (
        "import sys\nfrom identify_core.store import Store, verify_run\n"
        "store = Store(sys.argv[1])\n"
        "assert [run.status for run in store.runs()] == ['finished']\n"
        "assert verify_run(store.find('@last')) == []\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(store.path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_writing_and_reading_arrays_do_not_need_torch() -> None:
    script = "import sys\nfrom identify_core.store import *\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_listing_opens_one_file_a_run(store: Store, write_run: Callable[..., RunSummary], monkeypatch: Any) -> None:
    for _ in range(3):
        write_run()
    opened: list[str] = []
    real = Folder.open_file

    def count(folder: Folder, where: str, *arguments: Any) -> Any:
        opened.append(where)
        return real(folder, where, *arguments)

    monkeypatch.setattr(Folder, "open_file", count)
    runs = store.runs()
    assert opened == ["store.json", "runs.index"]
    (store.path / "runs.index").unlink()
    opened.clear()
    assert repr([run.brief for run in store.runs()]) == repr([run.brief for run in runs])
    assert [name for name in opened if name != "runs.index"] == ["store.json", "run.json", "run.json", "run.json"]


def test_every_public_name_can_be_imported() -> None:
    for name in identify_core.store.__all__:
        assert getattr(identify_core.store, name).__name__ == name
    assert not hasattr(identify_core.store, "nothing")
