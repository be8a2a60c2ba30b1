"""`fit`: train all replicates together, each stopping by itself; and the loss that most objectives share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from identify_core.optimisers import Optimiser, Schedule
from identify_core.replicates import Batch, Call, Loss, Replicates, pure
from identify_core.run.context import Context
from identify_core.training.batches import Batches, Order
from identify_core.training.plan import Metric, Plan
from identify_core.training.standing import FitResult
from identify_core.training.trainer import Trainer


def fit(
    replicates: Replicates,
    loss: Loss,
    columns: Mapping[str, torch.Tensor],
    *,
    optimiser: Optimiser,
    steps: int,
    context: Context,
    batch_size: int | None = None,
    order: Order = "sequential",
    drop_last: bool = False,
    schedule: Schedule | None = None,
    metric: Metric | None = None,
    metric_every: int = 100,
    stop_below: float | None = None,
    patience: int | None = None,
    keep_best: bool = False,
    log_every: int = 1,
    name: str = "train",
) -> FitResult:
    """Train replicates in place by gradient steps.

    A replicate whose loss, gradient or next parameters are not finite is `diverged`: it stays, buffers included, at its
    last finite numbers while the others go on, and the run says so. Stopped replicates do not change by a bit. The
    history gets `loss` (before the update), `gradient-norm`, `parameter-norm` (after the update), the loss's further
    numbers and `metric`, with NaN for replicates that have stopped; under another `name` than `train` these names begin
    with it. Checkpoints hold everything, so that a resumed run gives the same bits.

    Args:
        replicates: what is trained, on the device; their mode (train or eval) is taken as it is.
        loss: `loss(call, batch) -> scalar`, or `(scalar, dict of scalars)`, of one replicate; one that is marked
            `identify_core.pure` is recorded and replayed, which halves the time of small networks.
        columns: name to tensor (n, ...) on the device of the replicates.
        optimiser: a record: `Sgd` or `Adam`.
        steps: how many updates at most.
        context: of the run.
        batch_size: rows a step; None for all.
        order: `sequential` keeps the order of the rows in every epoch; `shuffled` draws one order an epoch for all
            replicates; `shuffled-each` draws one for each from its own stream.
        drop_last: leave out a last batch that is short; it is kept otherwise.
        schedule: of the learning rate over `steps`; constant without one.
        metric: of all replicates, (R,), computed in evaluation mode; by default, where something needs one, the mean
            loss over all rows.
        metric_every: steps between two metrics.
        stop_below: a replicate whose metric falls below it has converged and stops.
        patience: a replicate stops after so many metrics in a row that were no improvement.
        keep_best: give each replicate in the end the numbers of its lowest metric.
        log_every: steps between two entries of the history.
        name: told apart where an objective trains several times.

    Raises:
        OptionsError: settings that cannot be.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    batches = Batches(columns, batch_size, order, drop_last=drop_last, streams=context.streams, name=name)
    if metric is None and (stop_below is not None or patience is not None or keep_best):
        metric = _mean_loss(loss, batches, batch_size)
    plan = Plan(
        loss=loss,
        optimiser=optimiser,
        schedule=schedule or Schedule(),
        steps=steps,
        metric=metric,
        metric_every=metric_every,
        stop_below=stop_below,
        patience=patience,
        keep_best=keep_best,
        log_every=log_every,
        name=name,
    )
    return Trainer(plan, replicates, batches, context).run()


def _mean_loss(loss: Loss, batches: Batches, batch_size: int | None) -> Metric:
    """The loss over all rows, a batch at a time, each weighted with its rows."""

    def body(call: Call, batch: Any) -> torch.Tensor:
        result = loss(call, batch)
        return result[0] if isinstance(result, tuple) else result

    def metric(replicates: Replicates) -> torch.Tensor:
        size = batch_size or batches.rows
        total = torch.zeros(replicates.count, dtype=replicates.dtype, device=replicates.device)
        for start in range(0, batches.rows, size):
            batch = {name: column[start : start + size] for name, column in batches.columns.items()}
            rows = min(size, batches.rows - start)
            total += replicates.map(body, batch).to(total.dtype) * rows
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
