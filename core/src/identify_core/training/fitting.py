"""`fit`: train all replicates together, each stopping by itself; and the loss that most objectives share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch

from identify_core.contexts.context import Context
from identify_core.data.mapped import MappedColumn
from identify_core.errors import OptionsError
from identify_core.replicates import Batch, Call, Loss, Replicates, pure
from identify_core.training.batches import Batches, Order
from identify_core.training.draws import Draw, Draws, step_of
from identify_core.training.optimisers import Optimiser
from identify_core.training.plan import Metric, Plan
from identify_core.training.schedules import Schedule
from identify_core.training.snapshots import Snapshot, Snapshots
from identify_core.training.standing import FitResult
from identify_core.training.trainer import Trainer
from identify_core.training.turns import Group, Turn, frozen_names


def fit(
    replicates: Replicates,
    turns: Loss | Turn | Sequence[Turn],
    columns: Mapping[str, torch.Tensor | MappedColumn],
    *,
    optimiser: Optimiser | None = None,
    steps: int,
    context: Context,
    batch_size: int | None = None,
    order: Order = "sequential",
    drop_last: bool = False,
    schedule: Schedule | None = None,
    own: Mapping[str, torch.Tensor] | None = None,
    noise: Mapping[str, Draw] | None = None,
    frozen: str | Sequence[str] = (),
    metric: Metric | None = None,
    metric_every: int = 100,
    watch: str | None = None,
    stop_below: float | None = None,
    patience: int | None = None,
    keep_best: bool = False,
    snapshot: Snapshot | None = None,
    snapshot_at: Sequence[int] = (),
    log_every: int = 1,
    name: str = "train",
) -> FitResult:
    """Train replicates in place by gradient steps.

    A replicate whose loss, gradient or next parameters are not finite is `diverged`: it stays, buffers included, at its
    last finite numbers while the others go on, and the run says so. Stopped replicates do not change by a bit. The
    history gets `loss` (before the update), `gradient-norm` (before clipping), `parameter-norm` (after the update), the
    loss's further numbers and what `metric` gives, with NaN for replicates that have stopped; under another `name` than
    `train` these names begin with it, and those of a turn with the turn's. Checkpoints hold everything, so that a
    resumed run gives the same bits.

    Args:
        replicates: what is trained, on the device; their mode (train or eval) is taken as it is.
        turns: `loss(call, batch) -> scalar`, or `(scalar, dict of scalars)`, of one replicate; or turns, each with a
            loss and groups of parameters that it moves, taken in their order in every step in which they are due. The
            batch holds the columns and `step`, a scalar that counts from 0. A loss that is marked
            `identify_core.pure` is recorded and replayed, which halves the time of small networks.
        columns: name to tensor (n, ...) or `MappedColumn`. Batches of what is not on the device of the replicates are
            gathered where it is, one step ahead.
        optimiser: of a single loss: `Sgd`, `Adam` or `Adamax`; turns have theirs in their groups.
        steps: how many at most.
        context: of the run.
        batch_size: rows a step; None for all.
        order: `sequential` keeps the order of the rows in every epoch; `shuffled` draws one order an epoch for all
            replicates; `shuffled-each` draws one for each from its own stream.
        drop_last: leave out a last batch that is short; it is kept otherwise.
        schedule: of a single loss: of the learning rate over `steps`; constant without one.
        own: further columns, name to tensor (R, n, ...), of which each replicate sees its own part.
        noise: further columns that are drawn at every step, name to `draw(generator, rows) -> tensor`: each replicate's
            from the seed, its number, the name and the step alone. A loss that takes its random numbers from here runs
            under vmap and resumes to the same bits; each turn draws its own.
        frozen: patterns of the names of parameters that are meant to stay as they are; others that no turn moves are
            named in a warning.
        metric: `metric(replicates, step)`, called in evaluation mode: a tensor (R,), or several by name; by default,
            where something needs one, the mean of the first turn's loss over all rows.
        metric_every: steps between two metrics.
        watch: which of several metrics the following settings, and schedules of the shape `plateau`, go by.
        stop_below: a replicate whose metric falls below it has converged and stops.
        patience: a replicate stops after so many metrics in a row that were not an improvement.
        keep_best: give each replicate in the end the numbers of its lowest metric.
        snapshot: `snapshot(replicates, step) -> Latents`, called in evaluation mode after the steps `snapshot_at`; the
            result has them as `snapshots`, named `<latents>-step-<step>`, to be yielded with the others.
        snapshot_at: 0 is before the first step.
        log_every: steps between two entries of the history.
        name: told apart where an objective trains several times.

    Raises:
        OptionsError: settings that cannot be.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    own, noise = own or {}, noise or {}
    _check_columns(columns, own, noise, replicates.count)
    named = _named_turns(turns, optimiser, schedule)
    draws = Draws(noise, context.streams, name=name, device=replicates.device, dtype=replicates.dtype)
    plan = Plan(
        turns=named,
        frozen=frozen_names(frozen, replicates.parameter_names),
        steps=steps,
        metric=metric,
        metric_every=metric_every,
        watch=watch,
        stop_below=stop_below,
        patience=patience,
        keep_best=keep_best,
        log_every=log_every,
        name=name,
    )
    snapshots = Snapshots(snapshot, snapshot_at, steps=steps, context=context, name=name)
    with Batches(
        columns,
        batch_size,
        order,
        drop_last=drop_last,
        streams=context.streams,
        name=name,
        own=own,
        device=replicates.device,
        dtype=replicates.dtype,
    ) as batches:
        if metric is None and plan.watches:
            first = next(iter(named.values()))
            plan = attrs.evolve(plan, metric=_mean_loss(first.loss, batches, draws, batch_size))
        return Trainer(plan, replicates, batches, draws, snapshots, context).run()


def _check_columns(columns: Mapping[str, Any], own: Mapping[str, Any], noise: Mapping[str, Any], count: int) -> None:
    """Every name of a batch stands for one thing, and columns of one's own have a part for every replicate."""
    given = [*columns, *own, *noise, "step"]
    for name in given:
        if given.count(name) > 1:
            meaning = "the step itself" if name == "step" else "one of columns, own and noise"
            raise OptionsError(f"the batch's {name!r} is given twice", hint=f"it is {meaning}; choose another name")
    for name, column in own.items():
        if column.ndim < 2 or len(column) != count:
            raise OptionsError(
                f"the column {name!r} of one's own is {tuple(column.shape)}; it needs a part for each of {count} "
                "replicates, (R, n, ...)"
            )


def _named_turns(
    turns: Loss | Turn | Sequence[Turn], optimiser: Optimiser | None, schedule: Schedule | None
) -> dict[str, Turn]:
    """Turns by the name that their series have: empty for an only turn that has none."""
    if not isinstance(turns, (Turn, Sequence)):
        if optimiser is None:
            raise OptionsError("a training of one loss needs an optimiser", hint="optimiser=Adam(), for instance")
        turns = Turn(turns, (Group(".*", optimiser, schedule=schedule or Schedule()),))
    elif optimiser is not None or schedule is not None:
        raise OptionsError("turns have their optimisers and schedules in their groups; give none next to them")
    several = [turns] if isinstance(turns, Turn) else list(turns)
    if not several:
        raise OptionsError("a training needs a loss, or at least one turn")
    named = {
        turn.name or ("" if len(several) == 1 else f"turn-{number}"): turn for number, turn in enumerate(several, 1)
    }
    if len(named) < len(several):
        raise OptionsError(
            f"the turns are called {', '.join(turn.name for turn in several)}; each needs a name of its own"
        )
    return named


def _mean_loss(loss: Loss, batches: Batches, draws: Draws, batch_size: int | None) -> Metric:
    """The loss over all rows, a batch at a time, each weighted with its rows."""

    def body(call: Call, batch: Any) -> torch.Tensor:
        result = loss(call, batch)
        return result[0] if isinstance(result, tuple) else result

    def metric(replicates: Replicates, step: int) -> torch.Tensor:
        size = batch_size or batches.rows
        shared = frozenset({"step", *batches.names})
        total = torch.zeros(replicates.count, dtype=replicates.dtype, device=replicates.device)
        for start in range(0, batches.rows, size):
            rows = min(size, batches.rows - start)
            batch = {**batches.cut(start, start + rows), "step": step_of(step, replicates)}
            batch |= draws.at(step, f"metric-{start}", replicates.numbers, rows)
            total += replicates.map(body, batch, shared=shared).to(total.dtype) * rows
        return total / batches.rows

    return metric


def squared_error(inputs: str = "x", targets: str = "y") -> Loss:
    """The mean over batch and output dimensions of (call(inputs) - targets)².

    Args:
        inputs: the column of inputs.
        targets: the column of targets.
    """

    @pure
    def loss(call: Call, batch: Batch) -> torch.Tensor:
        return torch.nn.functional.mse_loss(call(batch[inputs]), batch[targets])

    return loss
