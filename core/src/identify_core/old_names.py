"""Old names: what moved inside the core can still be imported by its old path for one minor release, with a warning.

Everything that those modules offered to plugins stands at the front door now: a name is looked up there, whichever
old module it is imported from.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from importlib.abc import Loader  # costs a start of `identify` two milliseconds

_OLD = frozenset(
    f"identify_core.{each}"
    for each in (
        "compare",
        "compare.planning",
        "device",
        "fetching",
        "optimisers",
        "polishing",
        "report",
        "report.figures",
        "run",
        "run.calling",
        "run.checkpoints",
        "run.context",
        "run.display",
        "run.engine",
        "run.provenance",
        "run.streams",
        "run.subject",
    )
)
_RENAMED = {"Places": "FilePlaces", "lbfgs": "polish", "missing": "missing_file", "obtain": "obtain_file"}


class _OldModule(ModuleType):
    """A module of an old path. Importing `identify_core.run` hides the verb `run`; calling the module is the verb."""

    def __call__(self, *arguments: object, **options: object) -> object:
        """What the front door's function of this name does."""
        door = importlib.import_module("identify_core")
        return door.__getattr__(self.__name__.rpartition(".")[2])(*arguments, **options)


class _OldNames:
    """Finds and loads modules of old paths."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, cast("Loader", self), is_package=True) if fullname in _OLD else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _OldModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        from identify_core.deprecation import deprecated

        what = deprecated("identify_core.run", since="0.1", removal="0.2", instead="identify_core itself")
        warnings.warn(what, stacklevel=2)
        name = module.__name__

        def look_up(wanted: str) -> object:
            door = importlib.import_module("identify_core")
            if wanted in door.__all__ or wanted in _RENAMED:
                return getattr(door, _RENAMED.get(wanted, wanted))
            raise AttributeError(f"module {name!r} has no attribute {wanted!r}")

        module.__dict__["__getattr__"] = look_up


def install_old_names() -> None:
    """Let old paths be imported, whatever a left-over folder of that name holds."""
    if not any(isinstance(each, _OldNames) for each in sys.meta_path):
        sys.meta_path.insert(0, _OldNames())
