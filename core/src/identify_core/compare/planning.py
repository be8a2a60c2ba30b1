"""What a comparison would cost, said before it starts: seconds from this machine's own speed, and peak memory."""

from __future__ import annotations

import time
from typing import Any

import attrs
import torch

from identify_core.compare.comparing import Request, applicable
from identify_core.components import Evaluator, load_target
from identify_core.device import resolve_device

_PROBE = 768  # side of the matrix products that measure the machine


@attrs.frozen(kw_only=True)
class Cost:
    """What an evaluator's `estimate` target says of its work.

    Args:
        operations: multiply-adds of matrix products and their like.
        bytes: peak memory beyond the inputs.
        reads: bytes read from the store.
        shared: multiply-adds of what its `prepare` target does; counted once for all evaluators that share it.
    """

    operations: float
    bytes: float
    reads: float = 0.0
    shared: float = 0.0


@attrs.frozen(kw_only=True)
class Estimate:
    """One evaluator's share."""

    evaluator: str
    seconds: float
    bytes: float


@attrs.frozen(kw_only=True)
class Plan:
    """What would be done."""

    representations: int
    pairs: int
    rows: int
    device: str
    estimates: tuple[Estimate, ...]
    skipped: dict[str, str]
    warning: str = ""

    @property
    def seconds(self) -> float:
        """All evaluators together."""
        return sum(each.seconds for each in self.estimates)

    @property
    def bytes(self) -> float:
        """The largest of them; they run one after the other."""
        return max((each.bytes for each in self.estimates), default=0.0)

    def as_dict(self) -> dict[str, Any]:
        """In plain types."""
        return {**attrs.asdict(self), "seconds": self.seconds, "bytes": self.bytes}


def plan(request: Request) -> Plan:
    """Estimate a comparison without making it; rows are lined up, but no latents are read.

    Raises:
        UsageError: the representations cannot be lined up.
    """
    lined = request.line_up()
    chosen, skipped = applicable(request.evaluators, lined)
    device = resolve_device(request.device)
    speed = operations_per_second(device)
    sizes = [each.shape for each in lined.representations]
    estimates = []
    prepared: set[str] = set()
    for each in chosen:
        component = each.registered.component
        assert isinstance(component, Evaluator)
        estimate = load_target(component.estimate) if component.estimate else lambda _, sizes: default_cost(sizes)
        cost = estimate(each.options, sizes)
        shared = 0.0 if component.prepare in prepared else cost.shared
        prepared.add(component.prepare)
        estimates.append(Estimate(evaluator=each.label, seconds=(cost.operations + shared) / speed, bytes=cost.bytes))
    count = len(sizes)
    return Plan(
        representations=count,
        pairs=count * (count - 1) // 2,
        rows=lined.rows,
        device=str(device),
        estimates=tuple(estimates),
        skipped=skipped,
        warning=lined.warning,
    )


def default_cost(sizes: list[tuple[int, int]]) -> Cost:
    """For evaluators that say nothing of their work: every pair reads both and multiplies them once, in float64."""
    operations = sum(float(n) * d * e for i, (n, d) in enumerate(sizes) for _, e in sizes[i:])
    largest = max(float(n) * d for n, d in sizes)
    return Cost(operations=operations, bytes=2 * 8 * largest)


def operations_per_second(device: torch.device) -> float:
    """Multiply-adds a second of a float32 matrix product on this device, measured in a few milliseconds."""
    matrix = torch.ones(_PROBE, _PROBE, device=device)
    matrix @ matrix
    _wait(device)
    start = time.perf_counter()
    repeats = 3
    for _ in range(repeats):
        matrix @ matrix
    _wait(device)
    return repeats * float(_PROBE) ** 3 / max(time.perf_counter() - start, 1e-6)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
