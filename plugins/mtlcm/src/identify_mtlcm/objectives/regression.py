"""Multi-task regression: an encoder with one linear head a task, trained by squared error (MTRN)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import torch
from torch import nn

from identify_core import (
    Context,
    FitResult,
    OptionsError,
    Replicates,
    Samples,
    Schedule,
    dense_network,
    fit,
    optimiser,
    polish,
)
from identify_mtlcm.causal.statistics import Block
from identify_mtlcm.networks.heads import MultiTaskNetwork, TaskHeads
from identify_mtlcm.objectives.loss import half_squared_error, regression_loss
from identify_mtlcm.objectives.refitting import Heads
from identify_mtlcm.objectives.rows import Rows, represent, rows_of_split, width_of
from identify_mtlcm.objectives.scaling import InputMap, TargetScale, input_map
from identify_mtlcm.objectives.sparsity import HeadPenalty, Ridge
from identify_mtlcm.options.regression import RegressionOptions
from identify_mtlcm.tasks import TaskRows

_ROWS_OF_POLISHING = 16384


@attrs.frozen(kw_only=True, eq=False)
class Regression:
    """What a multi-task regression left next to the trained encoders.

    Args:
        heads: of every replicate, for targets in their own units.
        scale: of the targets while training; losses are in these units.
        target_spread: the standard deviation of each task's targets, (T,), float64.
        train: the training rows.
        fit: how the gradient steps ended.
        polished: how the polishing of each replicate ended; empty where there was none.
        train_losses: half the mean squared error over the training targets, (R,), float64.
        test_losses: the same of the split `test`; None where there is none.
        inputs_mapped: whether training saw mapped inputs.
    """

    heads: tuple[Heads, ...]
    scale: TargetScale
    target_spread: torch.Tensor
    train: Rows
    fit: FitResult
    polished: tuple[str, ...]
    train_losses: torch.Tensor
    test_losses: torch.Tensor | None
    inputs_mapped: bool


def train_regression(
    options: RegressionOptions,
    replicates: Replicates | None,
    samples: Samples,
    context: Context,
    *,
    penalty: HeadPenalty | None = None,
) -> Regression:
    """Train the encoders in place, all replicates together, each with heads of its own.

    Minimises half the mean squared error over the observed targets, plus the penalties of the options. Where training
    saw mapped inputs, the map is folded into the encoders in the end; where it saw scaled targets, the heads are scaled
    back. An interrupted run goes on with the same bits.

    Args:
        options: of the training.
        replicates: the encoders.
        samples: of the run.
        context: of the run.
        penalty: on the heads; the ridge of the options without one.

    Raises:
        OptionsError: the run has no model, or the options or the data do not fit.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    if replicates is None:
        raise OptionsError("the regression trains an encoder, but this run has no model", hint="add a [model] table")
    penalty = penalty or Ridge(strength=options.head_penalty)
    rows = rows_of_split(samples, "train", context)
    scale = _scale_of(options, rows.tasks)
    mapping = input_map(rows.inputs, replicates.template, options.inputs)
    joint = _joined(options, replicates, rows, penalty, context)
    result, polished = _train(options, joint, _columns(rows, scale, mapping), context)
    heads = []
    for replicate in range(replicates.count):
        network = joint.module(replicate)
        assert isinstance(network, MultiTaskNetwork)
        replicates.replace(replicate, network.encoder if mapping is None else mapping.fold(network.encoder))
        heads.append(_heads_of(network.heads))
    if options.refit_heads:
        heads = [
            penalty.refit(
                scaled_blocks(replicates, replicate, rows, scale), rows.tasks.count, biases=options.head_biases
            )
            for replicate in range(replicates.count)
        ]
    replicates.eval()
    has_test = len(samples.splits.get("test", ())) > 0
    test = rows_of_split(samples, "test", context, learnable=False) if has_test else None
    return Regression(
        heads=tuple(scale.undo(each) for each in heads),
        scale=scale,
        target_spread=TargetScale.of(rows.tasks).scale,
        train=rows,
        fit=result,
        polished=polished,
        train_losses=_losses(replicates, heads, rows, scale),
        test_losses=None if test is None else _losses(replicates, heads, test, scale),
        inputs_mapped=mapping is not None,
    )


def _joined(
    options: RegressionOptions, replicates: Replicates, rows: Rows, penalty: HeadPenalty, context: Context
) -> Replicates:
    """Encoders and heads as one module a replicate; each replicate's heads are drawn from its own stream."""
    width, networks = width_of(replicates, rows.inputs), []
    for replicate in range(replicates.count):
        with context.streams.as_global("heads", replicates.numbers[replicate]):
            heads = TaskHeads(rows.tasks.count, width, biases=options.head_biases)
            decoder = _decoder(options, width, rows.inputs) if options.reconstruction else None
        networks.append(MultiTaskNetwork(replicates.module(replicate), heads, penalty.value, decoder))
    return Replicates.from_modules(networks, device=context.device, dtype=context.dtype)


def _decoder(options: RegressionOptions, width: int, inputs: torch.Tensor) -> nn.Module:
    if inputs.ndim != 2:
        raise OptionsError(
            f"reconstruction is {options.reconstruction:g}, but one input has the shape {tuple(inputs.shape[1:])}: a "
            "decoder gives back vectors",
            hint="set reconstruction = 0",
        )
    return dense_network([width, options.decoder_hidden, inputs.shape[1]])


def _columns(rows: Rows, scale: TargetScale, mapping: InputMap | None) -> dict[str, torch.Tensor]:
    inputs = rows.inputs if mapping is None else mapping.apply(rows.inputs)
    columns = {"x": inputs, "y": scale.apply(rows.tasks)}
    return columns if rows.tasks.task is None else columns | {"task": rows.tasks.task}


def _train(
    options: RegressionOptions, joint: Replicates, columns: dict[str, torch.Tensor], context: Context
) -> tuple[FitResult, tuple[str, ...]]:
    loss = regression_loss(
        covariance=options.covariance_penalty,
        encoder=options.weight_decay,
        biases=options.head_biases,
        reconstruction=options.reconstruction,
    )
    size = min(options.batch_size or len(columns["x"]), len(columns["x"]))
    result = fit(
        joint.train(),
        loss,
        columns,
        optimiser=optimiser(options.optimiser, learning_rate=options.learning_rate),
        schedule=Schedule(shape=options.schedule, warm_up=options.warm_up),
        steps=options.epochs * math.ceil(len(columns["x"]) / size),
        batch_size=size,
        order="shuffled",
        context=context,
        log_every=options.log_every,
    )
    joint.eval()
    if not options.polish:
        return result, ()
    polished = polish(
        joint,
        loss,
        columns,
        context=context,
        iterations=options.polish,
        batch_size=_ROWS_OF_POLISHING,
        name="polish",
    )
    ended = zip(polished.reasons, polished.iterations.tolist(), strict=True)
    return result, tuple(f"{reason} after {count}" for reason, count in ended)


def scaled_blocks(replicates: Replicates, replicate: int, rows: Rows, scale: TargetScale) -> Iterator[Block]:
    """Blocks of one replicate's representation with the scaled targets of the same rows."""
    targets, start = scale.apply(rows.tasks), 0
    for h in represent(replicates, replicate, rows.inputs):
        part = slice(start, start + len(h))
        start += len(h)
        yield h, targets[part], None if rows.tasks.task is None else rows.tasks.task[part]


def predict(h: torch.Tensor, heads: Heads, task: torch.Tensor | None) -> torch.Tensor:
    """Predictions in float64: (m,) of each row's own task, or (m, T)."""
    wide = h.double()
    if task is None:
        return wide @ heads.weights.T + heads.biases
    return (wide * heads.weights[task]).sum(-1) + heads.biases[task]


def _losses(replicates: Replicates, heads: list[Heads], rows: Rows, scale: TargetScale) -> torch.Tensor:
    """Half the mean squared error of every replicate, (R,), in the units of the scaled targets."""
    seen = rows.tasks.observed_count()
    losses = []
    for replicate, each in enumerate(heads):
        total = torch.zeros((), dtype=torch.float64, device=rows.inputs.device)
        for h, targets, task in scaled_blocks(replicates, replicate, rows, scale):
            count = (~targets.isnan()).sum()
            total += half_squared_error(predict(h, each, task), targets.double()) * count
        losses.append(total / seen)
    return torch.stack(losses).cpu()


def _scale_of(options: RegressionOptions, tasks: TaskRows) -> TargetScale:
    if options.targets == "as-given":
        return TargetScale.none(tasks.count, tasks.targets.device)
    # Heads without biases cannot put a mean back.
    scale = TargetScale.of(tasks)
    return scale if options.head_biases else attrs.evolve(scale, mean=torch.zeros_like(scale.mean))


def _heads_of(heads: TaskHeads) -> Heads:
    weights = heads.weight.detach().double()
    biases = torch.zeros_like(weights[:, 0]) if heads.bias is None else heads.bias.detach().double()
    return Heads(weights=weights, biases=biases)
