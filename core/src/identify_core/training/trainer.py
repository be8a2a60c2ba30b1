"""Trainer: the loop behind `fit`, from one step of all active replicates to checkpoints and resume."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import attrs
import torch

from identify_core.contexts.context import Context
from identify_core.contexts.display import Progress
from identify_core.errors import Interrupted, OptionsError
from identify_core.replicates import Replicates
from identify_core.training.batches import Batches
from identify_core.training.draws import Draws, shared_columns, step_of
from identify_core.training.moves import LossScale, Moves
from identify_core.training.plan import Plan
from identify_core.training.snapshots import Snapshots
from identify_core.training.standing import FitResult, FitStanding
from identify_core.training.step_records import Entry, StepRecord

# How often the loop looks whether anybody still trains. A look waits for the device, so it is not taken at every step;
# it is taken at fixed steps, so that a resumed run drops stopped replicates from the batch at the same moments.
_STEPS_BETWEEN_LOOKS = 32
_SECONDS_BETWEEN_REPORTS = 0.1


class Trainer:
    """One training of some replicates.

    Those that have stopped are dropped from the computation once they are half of it: `live` holds the others, and
    `rows` says which of all replicates they are.
    """

    def __init__(
        self,
        plan: Plan,
        replicates: Replicates,
        batches: Batches,
        draws: Draws,
        snapshots: Snapshots,
        context: Context,
    ) -> None:
        self.plan = plan
        self.context = context
        self.batches = batches
        self.draws = draws
        self.snapshots = snapshots
        self.replicates = self.live = replicates
        self.rows = torch.arange(replicates.count, device=replicates.device)
        self.standing = self.at_work = FitStanding.begin(replicates.count, replicates.device, replicates.dtype)
        self.buffer_names = tuple(name for name, _ in replicates.template.named_buffers())
        self.moves = [
            Moves(turn, name, replicates, frozen=plan.frozen, steps=plan.steps, scale=self._loss_scale())
            for name, turn in plan.turns.items()
        ]
        self.records = {name: StepRecord(plan, replicates.count, turn=name) for name in plan.turns}
        self.shared = shared_columns(batches, draws)
        self.best: dict[str, torch.Tensor] = replicates.state() if plan.keep_best else {}
        self.step = 0
        self.measured = -1
        self._warn_of_unmoved()
        replicates.seed_noise([context.streams.derive(f"{plan.name}/noise", each) for each in replicates.numbers])

    def run(self) -> FitResult:
        """Train to the end, from the last checkpoint where there is one."""
        saved = self.context.restore(section=self._section)
        if saved is not None and saved["result"] is not None:
            self.replicates.load_state(saved["replicates"])
            return attrs.evolve(FitResult.from_state(saved["result"]), snapshots=self.snapshots.all())
        if saved is not None:
            self._load_state(saved)
        else:
            self.snapshots.take(self.replicates, 0)
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
        return attrs.evolve(result, snapshots=self.snapshots.all())

    def _loop(self, bar: Progress) -> None:
        reported, last_report = self.step, time.monotonic()
        while self.step < self.plan.steps:
            self._advance()
            self.step += 1
            if self.step in self.snapshots.at:
                self._gather()
                self.snapshots.take(self.replicates, self.step)
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
        positions = None if live is self.replicates else self.rows
        batch = {**self.batches.at(self.step, live.numbers, positions), "step": step_of(self.step, live)}
        for moves in self.moves:
            if moves.turn.due(self.step):
                drawn = self.draws.at(self.step, moves.name, live.numbers, self.batches.rows_at(self.step))
                self._take(moves, {**batch, **drawn})
        at_work.taken = at_work.taken + at_work.active

    def _take(self, moves: Moves, batch: dict[str, torch.Tensor]) -> None:
        """One turn: its loss and its update."""
        live, at_work = self.live, self.at_work
        held = self._buffers_before()
        factors = None if moves.scale is None else moves.scale.factors
        with self.context.autocast():
            losses, gradients, extras = live.loss_vectors(
                moves.turn.loss, batch, shared=self.shared, scale=factors, trained=moves.trained
            )
        if factors is not None:
            gradients = gradients / factors[:, None]
        slope = torch.linalg.vector_norm(gradients, dim=1)
        parameters, memory = moves.propose(live.matrix, gradients, self.step)
        norm = torch.linalg.vector_norm(parameters, dim=1)
        moved = (losses + slope + norm).abs().lt(torch.inf).logical_and_(at_work.active)
        stays = moved
        if moves.scale is not None:
            overflowed = at_work.active & losses.isfinite() & ~moved
            stays = moved | (overflowed & moves.scale.follow(overflowed))
        torch.where(moved[:, None], parameters, live.matrix, out=live.matrix)
        moves.take(memory, moved)
        buffers = live.buffers
        for name, before in held.items():
            after = buffers[name]
            torch.where(moved.view(-1, *[1] * (after.ndim - 1)), after, before, out=after)
        self.records[moves.name].add(
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
        if moves is self.moves[0]:
            at_work.losses = torch.where(moved, losses.to(at_work.losses.dtype), at_work.losses)

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
        named = self._named(self.plan.metric(self.replicates.eval(), self.step))
        self.replicates.train(training)
        self.measured = self.step
        active = self.standing.active
        watched = self.plan.watched(named)
        if watched is not None:
            self._judge(named[watched])
        if self.at_work is not self.standing:
            self.at_work = self.standing.select(self.rows)
        self._flush()
        shown = {name: torch.where(active, values, torch.nan) for name, values in named.items()}
        self.context.log(self.step, **{self.plan.history_name(name): values for name, values in shown.items()})

    def _judge(self, metrics: torch.Tensor) -> None:
        """Stop those whose watched metric is done, keep the best, and let rates fall that wait for a plateau."""
        improved = self.standing.judge(metrics, stop_below=self.plan.stop_below, patience=self.plan.patience)
        if self.plan.keep_best:
            for name, value in self.replicates.state().items():
                who = improved.view(-1, *[1] * (value.ndim - 1))
                self.best[name] = torch.where(who, value, self.best[name])
        for moves in self.moves:
            moves.follow(metrics, self.rows)

    def _named(self, measured: torch.Tensor | Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What a metric gave, by name, in the type of the standing.

        Raises:
            OptionsError: it is not one number a replicate.
        """
        named: dict[str, Any] = dict(measured) if isinstance(measured, Mapping) else {"metric": measured}
        for name, values in named.items():
            if not isinstance(values, torch.Tensor) or values.shape != (self.replicates.count,):
                found = tuple(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
                raise OptionsError(
                    f"the metric {name!r} is {found}; a metric is a tensor with one number a replicate, "
                    f"({self.replicates.count},)"
                )
        return {name: values.detach().to(self.standing.metrics) for name, values in named.items()}

    def _look(self) -> bool:
        """Whether anybody still trains, which waits for the device; drops the stopped once they are half."""
        self._say_what_happened()
        going_on = int(self.at_work.active.sum())
        # One replicate alone would have its matrix products summed in another order: a stopped one keeps it company.
        kept = self.at_work.active.int().argsort(descending=True, stable=True)[: max(going_on, 2)].sort().values
        if going_on and 2 * len(kept) <= self.live.count:
            self._gather()
            self._flush()
            for moves in self.moves:
                moves.select(kept)
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
        for record in self.records.values():
            record.flush(self.context, self.rows)

    def _say_what_happened(self) -> None:
        if self.live.refusal:
            self.context.warn(f"the replicates run one after the other: {self.live.refusal}")
        if self.live.estimate:
            self.context.warn(self.live.estimate)
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
            "turns": [moves.state() for moves in self.moves],
            "noise": self.replicates.noise.state(),
            "standing": self.standing.state(),
            "best": self.best,
        }

    def _load_state(self, saved: Mapping[str, Any]) -> None:
        device = self.replicates.device
        self.replicates.load_state(saved["replicates"])
        self.replicates.noise.load_state(saved["noise"])
        self.standing.load_state(saved["standing"])
        self.step, self.measured = saved["step"], saved["measured"]
        self.best = {name: value.to(device) for name, value in saved["best"].items()}
        for moves, kept in zip(self.moves, saved["turns"], strict=True):
            moves.load_state(kept, device)
        if len(saved["rows"]) < self.replicates.count:
            self._go_on_with(saved["rows"].to(device))

    @property
    def _section(self) -> str:
        return f"fit/{self.plan.name}"

    def _warn_of_unmoved(self) -> None:
        known = {name for moves in self.moves for name in moves.moved} | set(self.plan.frozen)
        unmoved = [name for name in self.replicates.parameter_names if name not in known]
        if unmoved:
            self.context.warn(
                f"no turn of '{self.plan.name}' moves {', '.join(unmoved)}: "
                "they stay as they are; name them under frozen= if that is meant"
            )

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
