"""The clean process in which a plugin's module is imported: which heavy modules come with it, and what it costs.

It reads {"module", "file", "heavy"} from its standard input and writes {"heavy", "seconds", "slowest"} to its output.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import sys
import time
from importlib.machinery import ModuleSpec
from types import FrameType
from typing import Any


class Watch:
    """A finder that finds nothing, and notes who first asks for a heavy module.

    Args:
        heavy: the names to look out for.
    """

    def __init__(self, heavy: list[str]) -> None:
        self.heavy = set(heavy)
        self.found: dict[str, str] = {}
        self.starts: dict[str, float] = {}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Note the module and leave the finding to others."""
        self.starts.setdefault(name, time.process_time())
        if name in self.heavy and name not in self.found and not _is_heavy(_asking(sys._getframe(1)), self.heavy):
            frame = _asking(sys._getframe(1))
            self.found[name] = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "an import"
        return None


def main() -> None:
    """Import, watch and report."""
    request = json.loads(sys.stdin.read())
    # What every verb of the core has imported before any plugin is: it is not the plugin's cost.
    importlib.import_module("identify_core.options")
    importlib.import_module("identify_core.plugins")
    watch = Watch(request["heavy"])
    sys.meta_path.insert(0, watch)
    before = time.process_time()
    with contextlib.redirect_stdout(sys.stderr):
        _import(request)
    seconds = time.process_time() - before
    loaded = {name: place for name, place in watch.found.items() if name in sys.modules}
    print(json.dumps({"heavy": loaded, "seconds": seconds, "slowest": _slowest(watch.starts, before + seconds)}))  # noqa: T201


def _import(request: dict[str, Any]) -> None:
    """Import the plugin and call its hooks, which may import too."""
    from identify_core.plugins.loading import COLLECTING_HOOKS

    if request["file"] is not None:
        spec = importlib.util.spec_from_file_location(request["module"], request["file"])
        assert spec is not None
        assert spec.loader is not None
        plugin: Any = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = plugin
        spec.loader.exec_module(plugin)
    else:
        module, _, path = request["module"].partition(":")
        plugin = importlib.import_module(module)
        for part in path.split(".") if path else ():
            plugin = getattr(plugin, part)
    for hook in COLLECTING_HOOKS:
        tuple(getattr(plugin, hook, tuple)())


def _asking(frame: FrameType | None) -> FrameType | None:
    """The frame whose import statement it is: the first one outside the import system."""
    while frame is not None and "importlib" in frame.f_code.co_filename:
        frame = frame.f_back
    return frame


def _is_heavy(frame: FrameType | None, heavy: set[str]) -> bool:
    """Whether a heavy module imports another: the first of them is what the author can do something about."""
    return frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] in heavy


def _slowest(starts: dict[str, float], end: float) -> list[tuple[str, float]]:
    """The three modules after whose import began the most time passed before the next one's."""
    names = list(starts)
    following = [*(starts[name] for name in names[1:]), end][: len(names)]  # none where nothing new is imported
    passed = [(name, after - starts[name]) for name, after in zip(names, following, strict=True)]
    return sorted(passed, key=lambda each: -each[1])[:3]


if __name__ == "__main__":
    main()
