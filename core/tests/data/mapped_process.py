"""A process of its own that fingerprints, splits, trains on and encodes images, and prints its peak in JSON.

Its arguments are a folder, how many images, and `mapped` for all of them in a file or `resident` for one batch in
memory, with which the same training runs.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch

from identify_core import Adam, Call, MappedColumn, Replicates, Samples, fit
from identify_core.testing.contexts import make_context

PIXELS = 64 * 64 * 3
BATCH = 64


def anonymous() -> int:
    """Memory that no file stands behind, in KiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon:"))


def watch(most: list[int], stop: threading.Event) -> None:
    while not stop.is_set():
        most[0] = max(most[0], anonymous())
        time.sleep(0.002)


def loss(call: Call, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return call(batch["x"].float().flatten(1) / 255).square().mean()


def body(call: Call, rows: torch.Tensor) -> torch.Tensor:
    return call(rows.float().flatten(1) / 255)


def column(folder: Path, count: int, kind: str) -> torch.Tensor | MappedColumn:
    if kind == "resident":
        return torch.zeros(BATCH, 64, 64, 3, dtype=torch.uint8)
    file = folder / "images"
    with file.open("wb") as written:
        written.truncate(count * PIXELS)  # sparse: it takes no room on the disk
    return MappedColumn(path=file, rows_shape=(count, 64, 64, 3), stored=torch.uint8)


def main(folder: Path, count: int, kind: str) -> None:
    x = column(folder, count, kind)
    samples = Samples(columns={"x": x}, ids=np.arange(len(x)), splits={"train": np.arange(len(x))[::-1]})
    replicates = Replicates.from_modules([torch.nn.Linear(PIXELS, 8) for _ in range(2)])
    context = make_context(folder, count=2)
    times = {}
    for name, work in {
        "fingerprints": lambda: (samples.fingerprint, samples.row_fingerprints),
        "training": lambda: fit(
            replicates,
            loss,
            {"x": samples.split("train").numbers("x")},
            optimiser=Adam(),
            steps=50,
            batch_size=BATCH,
            order="shuffled",
            context=context,
        ),
        "encoding": lambda: replicates.encode(x, body, batch_size=256, into=folder / "h.npy"),
    }.items():
        began = time.monotonic()
        work()
        times[name] = time.monotonic() - began
    sys.stdout.write(json.dumps({"seconds": times, "fingerprint": samples.fingerprint}) + "\n")


if __name__ == "__main__":
    most, stop = [0], threading.Event()
    watching = threading.Thread(target=watch, args=(most, stop))
    watching.start()
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    stop.set()
    watching.join()
    sys.stdout.write(json.dumps({"kilobytes": most[0]}) + "\n")
