"""The course of a polishing: iterations with history, checkpoints and a reason to stop for each replicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs
import torch

from identify_core.errors import Interrupted, OptionsError
from identify_core.replicates import Batch, Replicates
from identify_core.run.context import Context

Reason = Literal["iterations", "converged", "stationary", "diverged"]
REASONS: tuple[Reason, ...] = ("iterations", "converged", "stationary", "diverged")
CONVERGED, STATIONARY, DIVERGED = 1, 2, 3


@attrs.frozen(kw_only=True, eq=False)
class PolishResult:
    """How the polishing of each replicate ended; all tensors are on the CPU.

    Args:
        iterations: how many each replicate made, (R,), int64.
        reasons: `converged` (its value fell below the bound), `stationary` (its gradient or its gain vanished),
            `iterations` (all of them were made), `diverged` (its value was not finite to begin with; it is as it was).
        values: the objective in float64 where the device has it, at the numbers that the replicates now hold, (R,).
        gradient_norms: the length of the objective's gradient where the method stopped, (R,).
    """

    iterations: torch.Tensor
    reasons: tuple[Reason, ...]
    values: torch.Tensor
    gradient_norms: torch.Tensor


@attrs.define(kw_only=True)
class Course:
    """What a method keeps for each replicate while it goes on.

    Args:
        vectors: the parameters, (R, P), in the type that the method computes in.
        values: the objective, (R,).
        slopes: the length of its gradient, (R,).
        reason: an index into `REASONS`, (R,), int64.
        active: who goes on, (R,), bool.
        taken: iterations made, (R,), int64.
        memory: what else the method remembers: name to tensor.
    """

    vectors: torch.Tensor
    values: torch.Tensor
    slopes: torch.Tensor
    reason: torch.Tensor
    active: torch.Tensor
    taken: torch.Tensor
    memory: dict[str, torch.Tensor]

    @classmethod
    def begin(cls, vectors: torch.Tensor, values: torch.Tensor, memory: dict[str, torch.Tensor]) -> Course:
        """Before the first iteration; a replicate whose value is not finite does not begin."""
        finite = values.isfinite()
        zeros = torch.zeros(len(vectors), dtype=torch.long, device=vectors.device)
        return cls(
            vectors=vectors,
            values=values,
            slopes=torch.full_like(values, torch.nan),
            reason=torch.where(finite, zeros, DIVERGED),
            active=finite,
            taken=zeros.clone(),
            memory=memory,
        )

    def stop(self, who: torch.Tensor, reason: int) -> None:
        """Stop some replicates, (R,), bool, if they are active."""
        self.reason = torch.where(who & self.active, reason, self.reason)
        self.active = self.active & ~who

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return attrs.asdict(self, recurse=False)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        device = self.vectors.device
        for name, value in state.items():
            if name == "memory":
                self.memory = {key: each.to(device) for key, each in value.items()}
            else:
                setattr(self, name, value.to(device))


def follow(
    course: Course,
    iterate: Callable[[Course], Mapping[str, torch.Tensor]],
    *,
    iterations: int,
    stop_below: float | None,
    context: Context,
    name: str,
) -> None:
    """Iterate until every replicate has stopped.

    Args:
        course: changed in place.
        iterate: one iteration of the active replicates; returns further values to log, (R,) each.
        iterations: how many at most.
        stop_below: a replicate whose value falls below it has converged.
        context: of the run.
        name: of the history's series, of the checkpoint and of the progress bar.

    Raises:
        OptionsError: `iterations` is negative.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    if iterations < 0:
        raise OptionsError(f"the polishing's iterations is {iterations!r}; it must be at least 0")
    section, done = f"polish/{name}", 0
    saved = context.restore(section=section)
    if saved is not None:
        done = saved["done"]
        course.load_state(saved["course"])
    with context.progress(name, iterations, "iterations") as bar:
        bar.advance(done)
        while done < iterations:
            if stop_below is not None:
                course.stop(course.values < stop_below, CONVERGED)
            if not bool(course.active.any()):
                break
            course.taken = course.taken + course.active
            further = iterate(course)
            done += 1
            values = {"loss": course.values, "gradient-norm": course.slopes, **further}
            context.log(done, **{f"{name}-{key}": value.clone() for key, value in values.items()})
            bar.advance(1)
            if context.should_stop():
                context.checkpoint({"done": done, "course": course.state()}, section=section)
                raise Interrupted(f"stopped at iteration {done} of '{name}'; a checkpoint was written")
            if context.checkpoint_due():
                context.checkpoint({"done": done, "course": course.state()}, section=section)
    if stop_below is not None:
        course.stop(course.values < stop_below, CONVERGED)
    context.checkpoint({"done": iterations, "course": course.state()}, section=section, write=False)


def working_copy(replicates: Replicates) -> Replicates:
    """A copy in evaluation mode and in float64; on the CPU where the device has no float64."""
    device = "cpu" if replicates.device.type == "mps" else None
    return replicates.to(device=device, dtype=torch.float64).eval()


def widened(columns: Batch, replicates: Replicates) -> dict[str, torch.Tensor]:
    """The columns on the device of `replicates`, floating-point ones in their type.

    Raises:
        OptionsError: the columns are empty or differ in length.
    """
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise OptionsError(f"polishing needs columns of one length, at least one row each, not {sorted(lengths)}")
    return {
        name: column.to(replicates.device, replicates.dtype if column.is_floating_point() else column.dtype)
        for name, column in columns.items()
    }


def finish(
    course: Course,
    replicates: Replicates,
    value_of: Callable[[torch.Tensor], torch.Tensor],
    context: Context,
    name: str,
) -> PolishResult:
    """Give the replicates what was found, and say how it went, at the numbers that they can hold."""
    moved = course.reason != DIVERGED
    kept = torch.where(moved[:, None].to(replicates.device), course.vectors.to(replicates.matrix), replicates.matrix)
    replicates.set_vectors(kept)
    for row in (~moved).nonzero().flatten().tolist():
        context.warn(f"replicate {replicates.numbers[row]} was not polished by '{name}': its loss is not finite")
    return PolishResult(
        iterations=course.taken.cpu(),
        reasons=tuple(REASONS[each] for each in course.reason.tolist()),
        values=value_of(kept.to(course.vectors)).cpu(),
        gradient_norms=course.slopes.cpu(),
    )
