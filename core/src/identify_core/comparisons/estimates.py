"""What a comparison would cost, said before it starts: seconds from this machine's own speed, and peak memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import attrs
import torch

from identify_core.comparisons.comparison import Request, applicable
from identify_core.components import load_target
from identify_core.contexts.device import resolve_device
from identify_core.contexts.display import SilentDisplay
from identify_core.errors import PluginError
from identify_core.evaluation import targets
from identify_core.spec import Chosen

_PROBE = 768  # side of the matrix products that measure the machine
_ELEMENTS = 1_000_000


@attrs.frozen(kw_only=True)
class Work:
    """What is computed, counted.

    Args:
        operations: multiply-adds of matrix products and factorisations.
        elements: numbers that are made one by one: sums, roots, comparisons; of a sort, n log₂ n.
        calls: calls of tensor functions, each of which takes some microseconds however small its tensors are. Where
            representations are many and small they are nearly all of the time.
    """

    operations: float = 0.0
    elements: float = 0.0
    calls: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(
            operations=self.operations + other.operations,
            elements=self.elements + other.elements,
            calls=self.calls + other.calls,
        )

    def times(self, factor: float) -> Work:
        """So many times this work."""
        return Work(operations=factor * self.operations, elements=factor * self.elements, calls=factor * self.calls)


@attrs.frozen(kw_only=True)
class Cost:
    """What an evaluator's `estimate` target says of its work on all pairs i ≤ j, every jackknife block included.

    Args:
        work: of the pairs.
        bytes: peak memory beyond the inputs.
        reads: bytes read from the store.
        shared: what its `prepare` target does; counted once for all evaluators that share it.
    """

    work: Work
    bytes: float
    reads: float = 0.0
    shared: Work = attrs.field(factory=Work)


@attrs.frozen(kw_only=True)
class Estimate:
    """One evaluator's share; `reason` says why nothing can be said, and then the numbers are 0."""

    evaluator: str
    seconds: float = 0.0
    bytes: float = 0.0
    reason: str = ""


@attrs.frozen(kw_only=True)
class Speed:
    """What a device does in a second, measured in a few milliseconds.

    Args:
        operations: multiply-adds of a float32 matrix product.
        elements: float64 numbers that an elementwise function makes.
        calls: calls of a function on a tiny tensor.
    """

    operations: float
    elements: float
    calls: float

    def seconds(self, work: Work) -> float:
        """How long some work takes."""
        return work.operations / self.operations + work.elements / self.elements + work.calls / self.calls


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

    Every evaluator's functions are imported, so that one whose code is missing or broken is a row with its reason here
    as it would be in the comparison. What an evaluator makes of the values is not known before they are read.

    Raises:
        UsageError: the representations cannot be lined up.
    """
    lined = request.line_up()
    chosen, skipped = applicable(request.evaluators, lined)
    device = resolve_device(request.device)
    speed = measure_speed(device)
    sizes = [each.shape for each in lined.representations]
    estimates = []
    prepared: set[str] = set()
    for each in chosen:
        failed: dict[str, Exception] = {}
        with targets.apart(each.label, failed, SilentDisplay()):
            for target in (each.registered.component.target, each.registered.component.prepare):
                if target:
                    load_target(target)
            cost = cost_of(each, sizes)
            prepare = each.registered.component.prepare
            work = cost.work if prepare in prepared else cost.work + cost.shared
            prepared.add(prepare)
            estimates.append(Estimate(evaluator=each.label, seconds=speed.seconds(work), bytes=cost.bytes))
        estimates += [Estimate(evaluator=each.label, reason=targets.reason_of(error)) for error in failed.values()]
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


def cost_of(chosen: Chosen, sizes: list[tuple[int, int]]) -> Cost:
    """What one evaluator costs on all pairs; those of one that is not symmetric are taken in both orders.

    Args:
        chosen: a pair evaluator.
        sizes: (n, d) of every representation.

    Raises:
        PluginError: its `estimate` target gives something else than a Cost.
    """
    component = chosen.registered.component
    cost = targets.estimate(chosen, sizes) if component.estimate else default_cost(sizes)
    if not isinstance(cost, Cost):
        raise PluginError(f"the estimate of {chosen.registered.qualified_name} is {type(cost).__name__}, not a Cost")
    count = len(sizes)
    return cost if component.symmetric else attrs.evolve(cost, work=cost.work.times(2 * count / (count + 1)))


def default_cost(sizes: list[tuple[int, int]]) -> Cost:
    """For evaluators that say nothing of their work: every pair reads both and multiplies them once, in float64."""
    pairs = [(n, d, e) for i, (n, d) in enumerate(sizes) for _, e in sizes[i:]]
    largest = max(float(n) * d for n, d in sizes)
    work = Work(operations=sum(float(n) * d * e for n, d, e in pairs), calls=20.0 * len(pairs))
    return Cost(work=work, bytes=2 * 8 * largest)


def measure_speed(device: torch.device) -> Speed:
    """The speed of this device, for work in float64 where it has it."""
    matrix = torch.ones(_PROBE, _PROBE, device=device)
    column = torch.ones(_ELEMENTS, device=device, dtype=torch.float32 if device.type == "mps" else torch.float64)
    tiny = column[:4]
    return Speed(
        operations=float(_PROBE) ** 3 / _seconds(lambda: matrix @ matrix, 3, device),
        elements=_ELEMENTS / _seconds(lambda: column.sqrt(), 3, device),
        calls=1 / _seconds(lambda: tiny + tiny, 1000, device),
    )


def _seconds(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    """How long one call takes."""
    call()
    _wait(device)
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    _wait(device)
    return max(time.perf_counter() - start, 1e-6) / repeats


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
