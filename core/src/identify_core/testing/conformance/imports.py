"""Checks of a plugin's module: it loads, and at the cost of a light module, seen from a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from identify_core.errors import PluginError
from identify_core.testing.conformance.bench import Bench
from identify_core.testing.conformance.record import NotApplicable

# A module that shows up in every verb must not cost what these cost; see the start-up budgets of the command line.
HEAVY = (
    *("torch", "numpy", "zarr", "scipy", "scipy.stats", "sklearn", "pandas", "transformers", "matplotlib"),
    *(
        "matplotlib.pyplot",
        "plotly",
        "jax",
        "tensorflow",
        "safetensors",
        "datasets",
        "huggingface_hub",
        "umap",
        "numba",
    ),
)

_SCRIPT = Path(__file__).with_name("imports_process.py")
_REPEATS = 3
_SECONDS = 120


def loads(bench: Bench) -> Iterator[str]:
    """The core takes the plugin as it is: it imports, its hooks give records, and no name is used twice."""
    owners = [each for each in bench.registry.plugins if each.name == bench.plugin]
    if not owners:
        names = ", ".join(each.name for each in bench.registry.plugins) or "none"
        yield (
            f"there is no plugin {bench.plugin!r} among the installed ones ({names}): install its distribution, and "
            f'name it in its pyproject.toml: [project.entry-points.identify] {bench.plugin} = "package.plugin"'
        )
    for each in owners:
        if each.status != "available":
            yield f"the plugin is {each.status}: {each.reason}; mend that first, nothing else can be checked"


def imports_nothing_heavy(bench: Bench) -> Iterator[str]:
    """No heavy module comes with the plugin's."""
    for name, place in _report(bench)["heavy"].items():
        yield (
            f"importing the plugin's module imports {name}, in {place}: move what needs it behind a target, which is "
            "imported only when the component runs"
        )


def imports_in_time(bench: Bench) -> Iterator[str]:
    """The plugin's module costs no more CPU time than its budget, in the best of a few processes."""
    reports = [_report(bench)]
    if reports[0]["heavy"]:
        raise NotApplicable("it imports heavy modules; light-imports says which")
    budget = bench.settings.import_seconds
    while min(each["seconds"] for each in reports) > budget and len(reports) < _REPEATS:
        reports.append(_measure(bench))
    best = min(reports, key=lambda each: float(each["seconds"]))
    if best["seconds"] > budget:
        slowest = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in best["slowest"])
        yield (
            f"importing the plugin's module takes {best['seconds']:.2f} s of CPU time, more than {budget:g} s "
            f"({slowest}): do no work at import time, and import what is slow where it is used"
        )


def _report(bench: Bench) -> dict[str, Any]:
    if "import report" not in bench.shared:
        bench.shared["import report"] = _measure(bench)
    report: dict[str, Any] = bench.shared["import report"]
    return report


def _measure(bench: Bench) -> dict[str, Any]:
    status = bench.registry.plugin(bench.plugin)
    request = {"module": status.module, "file": status.file.path if status.file else None, "heavy": HEAVY}
    return run_process(_SCRIPT, request)


def run_process(script: Path, request: dict[str, Any], *, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a script of this package in a clean process that sees the same modules; it reads and writes JSON.

    Raises:
        PluginError: the process failed; what it said last is the reason.
    """
    done = subprocess.run(
        [sys.executable, "-P", str(script)],
        input=json.dumps(request),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise PluginError(f"in a clean process it fails: {last}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report
