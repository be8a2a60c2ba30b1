"""Copies of the sound plugin with one rule broken, installed for one test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from identify_core.plugins import load_registry
from identify_core.testing.conformance import CHECKS, Result, Settings
from identify_core.testing.conformance.bench import Bench
from identify_core.testing.conformance.questions import chosen_checks, items, perform

SOUND = Path(__file__).with_name("sound")
RUNS = tuple(name for name, check in CHECKS.items() if "smoke" in check.kinds)
PROCESSES = ("light-imports", "import-time", "samples-fingerprint")


@attrs.frozen(kw_only=True)
class Breakage:
    """One way to break one rule.

    Args:
        check: the check that must fail, and no other.
        item: what it must fail for.
        file: of the sound plugin, in which `old` becomes `new`.
        old: a text that is there.
        new: what breaks the rule.
        says: what the complaint must say: the fact, and what to do.
        more: further (file, old, new).
        settings: of the author.
    """

    check: str
    item: str
    file: str
    old: str
    new: str
    says: tuple[str, ...]
    more: tuple[tuple[str, str, str], ...] = ()
    settings: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def label(self) -> str:
        """For the test's id."""
        return f"{self.check} {self.item}: {' '.join(self.new.split())[:40]}"


def broken(
    check: str,
    item: str,
    file: str,
    old: str,
    new: str,
    *says: str,
    more: tuple[tuple[str, str, str], ...] = (),
    **settings: Any,
) -> Breakage:
    """A breakage in one line."""
    return Breakage(check=check, item=item, file=file, old=old, new=new, says=says, more=more, settings=settings)


def write_copy(site: Path, name: str, edits: tuple[tuple[str, str, str], ...] = ()) -> None:
    """Install a copy of the sound plugin under a name of its own, with texts replaced.

    Raises:
        ValueError: a text that should be replaced is not there once.
    """
    package = site / name
    shutil.copytree(SOUND, package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old, new in edits:
        path = package / file
        text = path.read_text()
        if text.count(old) != 1:
            raise ValueError(f"{file} has {old!r} {text.count(old)} times")
        path.write_text(text.replace(old, new))
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nSummary: A copy.\n")
    (info / "entry_points.txt").write_text(f"[identify]\n{name} = {name}.plugin\n")


def checked(folder: Path, name: str, checks: tuple[str, ...] = (), **settings: Any) -> Iterator[Result]:
    """What the checks of these names, or all, say of an installed copy."""
    bench = Bench(Settings(plugin=name, **settings), load_registry(), folder)
    for check in chosen_checks(checks):
        for item in items(bench, check):
            yield perform(bench, check, item)
