"""Run the benchmarks next to their baselines and print the ratios: `python -m benchmarks [PATTERN]`."""

from __future__ import annotations

import argparse
import fnmatch
import gc
import importlib
import json
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from benchmarks.case import Case

FOLDER = Path(__file__).parent
NOT_BENCHMARKS = {"__init__", "__main__", "case"}
LONG = 120.0  # CPU seconds of one row after which nothing is repeated
MARGIN = 1.2  # a promise with less to spare is marked
HEADER = (
    "| work | ours | plain baseline | baseline | ratio: median (spread) | promised | GPU | |\n"
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | --- |"
)


def modules() -> list[str]:
    """The names of the modules of benchmarks, each of which begins with its plugin's, or with `core`."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_BENCHMARKS)


def matching(pattern: str) -> list[str]:
    """The modules that a pattern, `module` or `module:case`, can find cases in."""
    return [name for name in modules() if fnmatch.fnmatch(name, pattern.partition(":")[0])]


def cpu_seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """The CPU seconds of one call here and in processes that it waits for, and the result.

    Other work on the machine hardly changes them.
    """
    start = _spent()
    result = work()
    return _spent() - start, result


def _spent() -> float:
    waited_for = os.times()
    return time.process_time() + waited_for.children_user + waited_for.children_system


def device_seconds(case: Case) -> float | None:
    """The median wall seconds of the work on the GPU; None for a case that has no such column."""
    if case.on_device is None:
        return None
    device = torch.device("cuda")
    case.on_device(device)
    times = []
    for _ in range(case.repeats):
        torch.cuda.synchronize()
        start = time.perf_counter()
        case.on_device(device)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(case: Case, *, gpu: bool = False) -> dict[str, Any]:
    """Time one case, ours and the baseline in turn; their results must agree before anything is reported."""
    case.ours()  # warm up: imports, allocator, first-call compilation
    gc.collect()
    ours, theirs = [], []
    begun = time.process_time()
    while len(ours) < case.repeats and (not ours or time.process_time() - begun < LONG):
        mine, our_result = cpu_seconds(case.ours)
        plain, their_result = cpu_seconds(case.baseline)
        if not ours:
            case.agree(our_result, their_result)
        ours.append(mine)
        theirs.append(plain / case.baseline_fraction)
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    notes = [case.note] if case.note else []
    if case.baseline_fraction != 1:
        notes.insert(0, f"baseline timed on {case.baseline_fraction:.3g} of the work")
    return {
        "name": case.name,
        "ours_s": statistics.median(ours),
        "baseline": case.baseline_name,
        "baseline_s": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "expected": case.expected,
        "gpu_s": device_seconds(case) if gpu else None,
        "note": "; ".join(notes),
    }


def judge(row: dict[str, Any]) -> str:
    """What a promise is worth: `missed`, `little margin` (less than a fifth), or nothing to say."""
    if row["expected"] is None or row["ratio"] >= MARGIN * row["expected"]:
        return ""
    return "missed" if row["ratio"] < row["expected"] else "little margin"


def line(row: dict[str, Any]) -> str:
    """A row of the table in Markdown."""
    spread = f"{min(row['ratios']):.3g} to {max(row['ratios']):.3g}" if len(row["ratios"]) > 1 else "one run"
    verdict = f"**{judge(row)}**" if judge(row) else ""
    promised = "" if row["expected"] is None else f"≥ {row['expected']:.3g}×"
    gpu = "" if row["gpu_s"] is None else f"{row['gpu_s']:.3g} s"
    return (
        f"| {row['name']} | {row['ours_s']:.3g} s | {row['baseline']} | {row['baseline_s']:.3g} s "
        f"| {row['ratio']:.3g}× ({spread}) | {promised} | {gpu} | {'; '.join(filter(None, [verdict, row['note']]))} |"
    )


def chosen(pattern: str) -> Iterator[tuple[str, Case]]:
    """The cases that match, each with its module."""
    for name in matching(pattern):
        for case in importlib.import_module(f"benchmarks.{name}").cases():
            if ":" not in pattern or fnmatch.fnmatch(f"{name}:{case.name}", pattern):
                yield name, case


def machine() -> str:
    """Where the figures come from."""
    count = torch.get_num_threads()
    parts = (
        f"{platform.system()} {platform.machine()}",
        f"Python {platform.python_version()}",
        f"torch {torch.__version__}",
        f"{count} thread{'s' if count > 1 else ''}",
        torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU",
    )
    return ", ".join(parts)


def update(page: Path, tables: dict[str, list[str]]) -> None:
    """Replace the tables of a page that stand between `% table: MODULE` and `% end`."""
    text = page.read_text(encoding="utf-8")
    for name, lines in tables.items():
        body = "\n".join([f"% table: {name}", "", f"{machine()}.", "", HEADER, *lines, "", "% end"])
        text, count = re.subn(rf"% table: {name}\n.*?% end", lambda _, body=body: body, text, flags=re.DOTALL)
        if not count:
            print(f"{page} has no place for {name}: write '% table: {name}' and '% end' there", file=sys.stderr)
    page.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table in Markdown; 1 where a promise is missed, 2 where nothing matches or there is no GPU."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("pattern", nargs="?", default="*", help="MODULE or MODULE:CASE, such as 'genni*' or '*:*CKA*'")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--update", type=Path, metavar="PAGE", help="put the tables into this page")
    parser.add_argument("--gpu", action="store_true", help="fill the column of the GPU, in wall seconds")
    given = parser.parse_args(arguments)
    if given.gpu and not torch.cuda.is_available():
        print("--gpu: torch sees no GPU here", file=sys.stderr)
        return 2
    rows: list[dict[str, Any]] = []
    tables: dict[str, list[str]] = {}
    for name, case in chosen(given.pattern):
        if not rows:
            print(f"{machine()}\nCPU seconds of the process, ours and the baseline in turn.\n\n{HEADER}")
        row = measure(case, gpu=given.gpu)
        rows.append(row)
        tables.setdefault(name, []).append(line(row))
        print(line(row), flush=True)
    if not rows:
        print(f"no benchmark matches {given.pattern!r}; the modules are {', '.join(modules())}", file=sys.stderr)
        return 2
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    if given.update:
        update(given.update, tables)
    missed = [row["name"] for row in rows if judge(row) == "missed"]
    if missed:
        print(f"\nbelow what is promised: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
