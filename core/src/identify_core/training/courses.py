"""The course of a polishing: iterations with history, checkpoints and a reason to stop for each replicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, ClassVar, Literal

import attrs
import torch

from identify_core.contexts.context import Context
from identify_core.errors import Interrupted, OptionsError
from identify_core.replicates import Batch, Replicates
from identify_core.training.standing import Standing

Reason = Literal["iterations", "converged", "stationary", "diverged"]


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
class Course(Standing):
    """What a second-order method keeps for each replicate while it goes on.

    Args:
        vectors: the parameters, (R, P), in the type that the method computes in.
        values: the objective, (R,).
        slopes: the length of its gradient, (R,).
        memory: what else the method remembers: name to tensor.
    """

    reasons: ClassVar[tuple[str, ...]] = ("iterations", "converged", "stationary", "diverged")

    vectors: torch.Tensor
    values: torch.Tensor
    slopes: torch.Tensor
    memory: dict[str, torch.Tensor]

    @classmethod
    def begin(cls, vectors: torch.Tensor, values: torch.Tensor, memory: dict[str, torch.Tensor]) -> Course:
        """Before the first iteration; a replicate whose value is not finite does not begin."""
        everyone = torch.ones(len(vectors), dtype=torch.bool, device=vectors.device)
        zeros = torch.zeros(len(vectors), dtype=torch.long, device=vectors.device)
        course = cls(
            vectors=vectors,
            values=values,
            slopes=torch.full_like(values, torch.nan),
            reason=zeros,
            active=everyone,
            taken=zeros.clone(),
            memory=memory,
        )
        course.stop(~values.isfinite(), "diverged")
        return course

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        plain = dict(state)
        self.memory = {name: each.to(self.vectors.device) for name, each in plain.pop("memory").items()}
        super().load_state(plain)

    def follow(
        self,
        iterate: Callable[[Course], Mapping[str, torch.Tensor]],
        *,
        iterations: int,
        stop_below: float | None,
        context: Context | None,
        name: str,
        log: Callable[[Course, Mapping[str, torch.Tensor]], Mapping[str, torch.Tensor]] | None = None,
    ) -> None:
        """Iterate until every replicate has stopped.

        Args:
            iterate: one iteration of the active replicates; returns further values to log, (R,) each.
            iterations: how many at most.
            stop_below: a replicate whose value falls below it has converged.
            context: of the run; None for no history, no checkpoints and no progress bar.
            name: of the history's series, of the checkpoint and of the progress bar.
            log: what goes into the history after an iteration instead of values, slopes and what it returned.

        Raises:
            OptionsError: `iterations` is negative.
            Interrupted: the user stopped the run; a checkpoint was written.
        """
        if iterations < 0:
            raise OptionsError(f"the polishing's iterations is {iterations!r}; it must be at least 0")
        section, done = f"polish/{name}", 0
        saved = None if context is None else context.restore(section=section)
        if saved is not None:
            done = saved["done"]
            self.load_state(saved["course"])
        with nullcontext() if context is None else context.progress(name, iterations, "iterations") as bar:
            if bar is not None:
                bar.advance(done)
            while done < iterations:
                if stop_below is not None:
                    self.stop(self.values < stop_below, "converged")
                if not bool(self.active.any()):
                    break
                self.taken = self.taken + self.active
                further = iterate(self)
                done += 1
                if context is None or bar is None:
                    continue
                values = log(self, further) if log else {"loss": self.values, "gradient-norm": self.slopes, **further}
                context.log(done, **{f"{name}-{key}": value.clone() for key, value in values.items()})
                bar.advance(1)
                if context.should_stop():
                    context.checkpoint({"done": done, "course": self.state()}, section=section)
                    raise Interrupted(f"stopped at iteration {done} of '{name}'; a checkpoint was written")
                if context.checkpoint_due():
                    context.checkpoint({"done": done, "course": self.state()}, section=section)
        if stop_below is not None:
            self.stop(self.values < stop_below, "converged")
        if context is not None:
            context.checkpoint({"done": iterations, "course": self.state()}, section=section, write=False)

    def select(self, rows: torch.Tensor) -> Course:
        """A copy of some rows."""
        state = self.state()
        memory = {name: each[rows] for name, each in state.pop("memory").items()}
        return Course(**{name: each[rows] for name, each in state.items()}, memory=memory)

    def write(self, rows: torch.Tensor, part: Course) -> None:
        """Take over what has become of some rows."""
        ours, theirs = self.state(), part.state()
        for mine, new in ((ours.pop("memory"), theirs.pop("memory")), (ours, theirs)):
            for name, value in new.items():
                mine[name][rows] = value

    def finish(
        self,
        replicates: Replicates,
        value_of: Callable[[torch.Tensor], torch.Tensor],
        context: Context,
        name: str,
    ) -> PolishResult:
        """Give the replicates what was found, and say how it went, at the numbers that they can hold."""
        moved = ~self.stopped_as("diverged")
        kept = torch.where(moved[:, None].to(replicates.device), self.vectors.to(replicates.matrix), replicates.matrix)
        replicates.set_vectors(kept)
        for row in (~moved).nonzero().flatten().tolist():
            context.warn(f"replicate {replicates.numbers[row]} was not polished by '{name}': its loss is not finite")
        return PolishResult(
            iterations=self.taken.cpu(),
            reasons=self.why(),
            values=value_of(kept.to(self.vectors)).cpu(),
            gradient_norms=self.slopes.cpu(),
        )


def widen(replicates: Replicates, columns: Batch) -> tuple[Replicates, dict[str, torch.Tensor]]:
    """What second-order methods compute with: the replicates and the columns in float64.

    Args:
        replicates: R copies.
        columns: name to tensor (n, ...).

    Returns:
        A copy of the replicates in evaluation mode and in float64, on the CPU where the device has no float64; and the
        columns on its device, floating-point ones in float64.

    Raises:
        OptionsError: the columns are empty or differ in length, or a parameter lies on a manifold.
    """
    if replicates.manifolds:
        raise OptionsError(
            f"the parameter {next(iter(replicates.manifolds))!r} lies on a manifold, which polishing would leave",
            hint="fit it longer, or keep it out of the replicates that are polished",
        )
    device = "cpu" if replicates.device.type == "mps" else None
    wide = replicates.to(device=device, dtype=torch.float64).eval()
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise OptionsError(f"polishing needs columns of one length, at least one row each, not {sorted(lengths)}")
    return wide, {
        name: column.to(wide.device, wide.dtype if column.is_floating_point() else column.dtype)
        for name, column in columns.items()
    }
