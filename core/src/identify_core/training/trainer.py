"""Trainer: the loop behind `fit`, from one step of all active replicates to checkpoints and resume."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import attrs
import torch

from identify_core.errors import Interrupted, OptionsError
from identify_core.optimisers.updates import initial_state, update_of
from identify_core.replicates import Replicates
from identify_core.run.context import Context
from identify_core.run.display import Progress
from identify_core.training.batches import Batches
from identify_core.training.plan import Plan
from identify_core.training.record import Entry, StepRecord
from identify_core.training.standing import FitResult, FitStanding

# How often the loop looks whether anybody still trains. A look waits for the device, so it is not taken at every step;
# it is taken at fixed steps, so that a resumed run drops stopped replicates from the batch at the same moments.
_STEPS_BETWEEN_LOOKS = 32
_SECONDS_BETWEEN_REPORTS = 0.1
_GROWTH_INTERVAL = 2000  # updates without an overflow before the loss scale is doubled
_SMALLEST = 2.0**-14


class Trainer:
    """One training of some replicates.

    Those that have stopped are dropped from the computation once they are half of it: `live` holds the others, and
    `rows` says which of all replicates they are.
    """

    def __init__(self, plan: Plan, replicates: Replicates, batches: Batches, context: Context) -> None:
        self.plan = plan
        self.context = context
        self.batches = batches
        self.replicates = self.live = replicates
        self.rows = torch.arange(replicates.count, device=replicates.device)
        self.standing = self.at_work = FitStanding.begin(replicates.count, replicates.device, replicates.dtype)
        self.buffer_names = tuple(name for name, _ in replicates.template.named_buffers())
        self.update = update_of(plan.optimiser)
        self.memory = initial_state(plan.optimiser, replicates.matrix)
        self.scale = self._loss_scale()
        self.record = StepRecord(plan, replicates.count)
        self.best: dict[str, torch.Tensor] = replicates.state() if plan.keep_best else {}
        self.step = 0
        self.measured = -1
        replicates.seed_noise([context.streams.derive(f"{plan.name}/noise", each) for each in replicates.numbers])

    def run(self) -> FitResult:
        """Train to the end, from the last checkpoint where there is one."""
        saved = self.context.restore(section=self._section)
        if saved is not None and saved["result"] is not None:
            self.replicates.load_state(saved["replicates"])
            return FitResult.from_state(saved["result"])
        if saved is not None:
            self._load_state(saved)
        with self.context.progress(self.plan.name, self.plan.steps) as bar:
            bar.advance(self.step)
            self._loop(bar)
        self._gather()
        if self.plan.metric is not None and self.measured != self.step and bool(self.standing.active.any()):
            self._measure()
        if self.plan.keep_best:
            self.replicates.load_state(self.best)
        self._say_what_happened()
        result = self._result()
        self.context.checkpoint(self._state(result), section=self._section, write=False)
        return result

    def _loop(self, bar: Progress) -> None:
        reported, last_report = self.step, time.monotonic()
        while self.step < self.plan.steps:
            self._advance()
            self.step += 1
            if self.plan.measured_after(self.step):
                self._gather()
                self._measure()
                going_on = self._look()
            else:
                going_on = self.step % _STEPS_BETWEEN_LOOKS != 0 or self._look()
            now = time.monotonic()
            if now - last_report >= _SECONDS_BETWEEN_REPORTS or not going_on or self.step == self.plan.steps:
                self._flush()
                bar.advance(self.step - reported)
                reported, last_report = self.step, now
            if not going_on:
                return
            if self.context.should_stop():
                self._save()
                raise Interrupted(f"stopped at step {self.step} of {self.plan.steps}; a checkpoint was written")
            if self.context.checkpoint_due():
                self._save()

    def _advance(self) -> None:
        """One step of the replicates at work, without waiting for the device."""
        live, at_work = self.live, self.at_work
        batch = self.batches.at(self.step, live.numbers)
        held = self._buffers_before()
        factors = None if self.scale is None else self.scale.factors
        with self.context.autocast():
            losses, gradients, extras = live.loss_vectors(
                self.plan.loss, batch, shared=self.batches.shared, scale=factors
            )
        if factors is not None:
            gradients = gradients / factors[:, None]
        slope = torch.linalg.vector_norm(gradients, dim=1)
        factor = self.plan.schedule.factor(self.step, self.plan.steps)
        parameters, memory = self.update(live.matrix, gradients, self.memory, factor)
        norm = torch.linalg.vector_norm(parameters, dim=1)
        moved = (losses + slope + norm).abs().lt(torch.inf).logical_and_(at_work.active)
        stays = moved
        if self.scale is not None:
            overflowed = at_work.active & losses.isfinite() & ~moved
            stays = moved | (overflowed & self.scale.follow(overflowed))
        column = moved[:, None]
        torch.where(column, parameters, live.matrix, out=live.matrix)
        self.memory = tuple(torch.where(column, new, old) for new, old in zip(memory, self.memory, strict=True))
        buffers = live.buffers
        for name, before in held.items():
            after = buffers[name]
            torch.where(moved.view(-1, *[1] * (after.ndim - 1)), after, before, out=after)
        self.record.add(
            Entry(
                step=self.step + 1,
                active=at_work.active,
                moved=moved,
                losses=losses,
                slopes=slope,
                norms=norm,
                extras=extras,
            )
        )
        at_work.stop(~stays, "diverged")
        at_work.losses = torch.where(moved, losses.to(at_work.losses.dtype), at_work.losses)
        at_work.taken = at_work.taken + stays

    def _buffers_before(self) -> dict[str, torch.Tensor]:
        """Copies of the buffers that a forward pass may change, to be put back for replicates that do not move."""
        if not self.live.training:
            return {}
        buffers = self.live.buffers
        return {name: buffers[name].clone() for name in self.buffer_names}

    def _measure(self) -> None:
        """Take the metric of all replicates; `live` has been gathered into them."""
        assert self.plan.metric is not None
        training = self.replicates.training
        metrics = self.plan.metric(self.replicates.eval()).detach()
        self.replicates.train(training)
        self.measured = self.step
        active = self.standing.active
        improved = self.standing.judge(metrics, stop_below=self.plan.stop_below, patience=self.plan.patience)
        if self.plan.keep_best:
            for name, value in self.replicates.state().items():
                who = improved.view(-1, *[1] * (value.ndim - 1))
                self.best[name] = torch.where(who, value, self.best[name])
        if self.at_work is not self.standing:
            self.at_work = self.standing.select(self.rows)
        self._flush()
        shown = torch.where(active, metrics.to(self.standing.metrics), torch.nan)
        self.context.log(self.step, **{self.plan.history_name("metric"): shown})

    def _look(self) -> bool:
        """Whether anybody still trains, which waits for the device; drops the stopped once they are half."""
        self._say_what_happened()
        going_on = int(self.at_work.active.sum())
        # One replicate alone would have its matrix products summed in another order: a stopped one keeps it company.
        kept = self.at_work.active.int().argsort(descending=True, stable=True)[: max(going_on, 2)].sort().values
        if going_on and 2 * len(kept) <= self.live.count:
            self._gather()
            self._flush()
            self.memory = tuple(each[kept] for each in self.memory)
            self.scale = None if self.scale is None else self.scale.select(kept)
            self._go_on_with(self.rows[kept])
        return going_on > 0

    def _go_on_with(self, rows: torch.Tensor) -> None:
        self.live = self.replicates.select(rows.tolist())
        self.at_work = self.standing.select(rows)
        self.rows = rows

    def _gather(self) -> None:
        """Write what `live` has become into all replicates."""
        if self.live is self.replicates:
            return
        self.replicates.matrix[self.rows] = self.live.matrix
        for name, buffer in self.live.buffers.items():
            self.replicates.buffers[name][self.rows] = buffer
        for row, state in zip(self.rows.tolist(), self.live.noise.states, strict=True):
            self.replicates.noise.states[row] = state
        self.standing.write(self.rows, self.at_work)

    def _flush(self) -> None:
        """Hand the steps since the last time to the history."""
        self.record.flush(self.context, self.rows)

    def _say_what_happened(self) -> None:
        if self.live.refusal:
            self.context.warn(f"the replicates run one after the other: {self.live.refusal}")
        at_work = self.at_work
        for row in at_work.stopped_as("diverged").nonzero().flatten().tolist():
            number, step = self.live.numbers[row], int(at_work.taken[row]) + 1
            self.context.warn(
                f"replicate {number} diverged at step {step} of '{self.plan.name}': a value was not finite; "
                "it stays at its last finite weights and the others go on"
            )

    def _result(self) -> FitResult:
        standing = self.standing
        return FitResult(
            steps=standing.taken.cpu(),
            reasons=standing.why(),
            losses=standing.losses.cpu(),
            metrics=None if self.plan.metric is None else standing.metrics.cpu(),
        )

    def _save(self) -> None:
        self._gather()
        self._flush()
        self.context.checkpoint(self._state(None), section=self._section)

    def _state(self, result: FitResult | None) -> dict[str, Any]:
        """Everything that the rest of the training depends on; `live` has been gathered."""
        state: dict[str, Any] = {"replicates": self.replicates.state(), "result": result and result.state()}
        if result is not None:
            return state
        return state | {
            "step": self.step,
            "measured": self.measured,
            "rows": self.rows,
            "memory": list(self.memory),
            "noise": self.replicates.noise.state(),
            "standing": self.standing.state(),
            "scale": None if self.scale is None else self.scale.state(),
            "best": self.best,
        }

    def _load_state(self, saved: Mapping[str, Any]) -> None:
        device = self.replicates.device
        self.replicates.load_state(saved["replicates"])
        self.replicates.noise.load_state(saved["noise"])
        self.standing.load_state(saved["standing"])
        self.step, self.measured = saved["step"], saved["measured"]
        self.best = {name: value.to(device) for name, value in saved["best"].items()}
        self.memory = tuple(each.to(device) for each in saved["memory"])
        if self.scale is not None:
            self.scale = LossScale(**{name: value.to(device) for name, value in saved["scale"].items()})
        if len(saved["rows"]) < self.replicates.count:
            self._go_on_with(saved["rows"].to(device))

    @property
    def _section(self) -> str:
        return f"fit/{self.plan.name}"

    def _loss_scale(self) -> LossScale | None:
        """Factors for float16, None for every other type.

        Raises:
            OptionsError: autocast is asked for and would do nothing.
        """
        dtype = self.context.autocast_dtype
        if dtype is not None and self.replicates.dtype != torch.float32:
            kind = str(self.replicates.dtype).removeprefix("torch.")
            raise OptionsError(
                f"autocast computes float32 networks in fewer digits, but these are {kind}",
                hint="choose dtype = 'float32', or no autocast",
            )
        if dtype != torch.float16:
            return None
        return LossScale.begin(self.replicates.count, self.replicates.device)


@attrs.define(kw_only=True)
class LossScale:
    """The factor of each replicate's loss for float16, which keeps small gradients from vanishing.

    It is grown while all goes well and halved after an overflow, as `torch.amp.GradScaler` does.

    Args:
        factors: (R,), float32.
        good_steps: updates since the last change, (R,), int64.
    """

    factors: torch.Tensor
    good_steps: torch.Tensor

    @classmethod
    def begin(cls, count: int, device: torch.device) -> LossScale:
        """The factors of R replicates before the first step."""
        factors = torch.full((count,), 2.0**16, device=device)
        return cls(factors=factors, good_steps=torch.zeros(count, dtype=torch.long, device=device))

    def follow(self, overflowed: torch.Tensor) -> torch.Tensor:
        """Change the factors after a step, and say who may still go on, (R,).

        Args:
            overflowed: whose gradient was not finite although its loss was, (R,).
        """
        self.good_steps = torch.where(overflowed, 0, self.good_steps + 1)
        grown = self.good_steps >= _GROWTH_INTERVAL
        self.good_steps = torch.where(grown, 0, self.good_steps)
        factors = torch.where(overflowed, self.factors / 2, self.factors)
        self.factors = torch.where(grown, factors * 2, factors)
        return self.factors >= _SMALLEST

    def select(self, rows: torch.Tensor) -> LossScale:
        """The factors of some replicates."""
        return LossScale(factors=self.factors[rows], good_steps=self.good_steps[rows])

    def state(self) -> dict[str, torch.Tensor]:
        """For a checkpoint."""
        return attrs.asdict(self, recurse=False)
