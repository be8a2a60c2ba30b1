"""Time every benchmark next to its baseline and print the ratios: `python -m benchmarks [PATTERN] [--json FILE]`."""

from __future__ import annotations

import argparse
import fnmatch
import gc
import importlib
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from benchmarks.case import Case

FOLDER = Path(__file__).parent
NOT_BENCHMARKS = {"__main__", "case"}


def seconds(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The median wall time of `repeats` calls after the first result is at hand, and a result."""
    times = []
    result = None
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        result = work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def measure(case: Case) -> dict[str, Any]:
    """Time one case; the two results must agree before anything is reported."""
    case.ours()  # warm up: imports, allocator, first-call compilation
    ours, our_result = seconds(case.ours, case.repeats)
    baseline, their_result = seconds(case.baseline, case.baseline_repeats)
    case.agree(our_result, their_result)
    baseline /= case.baseline_fraction
    return {
        "name": case.name,
        "ours_s": ours,
        "baseline": case.baseline_name,
        "baseline_s": baseline,
        "ratio": baseline / ours,
        "expected": case.expected,
        "note": case.note
        if case.baseline_fraction == 1
        else f"baseline timed on {case.baseline_fraction:.3g} of the work; {case.note}".rstrip("; "),
    }


def main() -> int:
    """Run what matches and print a table in Markdown; 1 where a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pattern", nargs="?", default="*", help="module:name pattern, such as 'genni*' or '*grid*'")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    arguments = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, torch {torch.__version__}, ", end="")
    print(torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads")
    print("\n| work | ours | plain baseline | baseline | ratio | promised | |")
    print("| --- | ---: | --- | ---: | ---: | ---: | --- |")
    rows = []
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem in NOT_BENCHMARKS:
            continue
        for case in importlib.import_module(f"benchmarks.{path.stem}").cases():
            if not fnmatch.fnmatch(f"{path.stem}:{case.name}", arguments.pattern):
                continue
            row = measure(case)
            rows.append(row)
            print(
                f"| {row['name']} | {row['ours_s']:.4g} s | {row['baseline']} | {row['baseline_s']:.4g} s "
                f"| {row['ratio']:.1f}× | ≥ {row['expected']:g}× | {row['note']} |",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    missed = [row["name"] for row in rows if row["ratio"] < row["expected"]]
    if missed:
        print(f"\nbelow what is promised: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
