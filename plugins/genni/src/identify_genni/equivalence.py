"""The objective `equivalence`: networks trained to one target function, so that each is an element of its class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from identify_core import (
    Batch,
    Call,
    Context,
    Finding,
    FitResult,
    Latents,
    Optimiser,
    OptionsError,
    Replicates,
    Samples,
    Shape,
    fit,
    optimiser,
    polish,
    squared_error,
)
from identify_genni.hidden import as_rows, hidden_representations
from identify_genni.options.equivalence import EquivalenceOptions
from identify_genni.outcome import Attempt, Split, outcome_finding
from identify_genni.polishing.levenberg_marquardt import levenberg_marquardt
from identify_genni.targets import as_global_seed

_ROWS_AT_ONCE = 512
_ROWS_OF_POLISHING = 4096


def train(
    options: EquivalenceOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Train the replicates to the target, then keep their hidden activations, their outputs and the outcome.

    J(θ) = E_x |f(x; θ) − f*(x)|², where f* is the column `y`. Each replicate trains, is polished and starts again by
    itself, so that its result does not depend on the others (but for `enough`).

    Raises:
        OptionsError: the target is constant, or the options do not fit the dataset.
    """
    if replicates is None:
        raise OptionsError("the objective trains networks, but this run has no model", hint="add a [model] table")
    splits = splits_of(options, samples, context)
    if options.initialisation == "after-data":
        draw_after_data(replicates, samples, context)
    attempt = _attempt(options, replicates, splits, context, 1)
    _restart(options, replicates, splits, attempt, context)
    replicates.eval()
    yield outcome_finding(
        replicates,
        splits,
        attempt,
        tolerance=options.tolerance,
        measured_on=options.measured_on,
        constant_below=options.constant_below,
    )
    yield from latents_of(options, replicates, samples, context)


def splits_of(options: EquivalenceOptions, samples: Samples, context: Context) -> dict[str, Split]:
    """The dataset's splits on the run's device, each with its Var(f*).

    Raises:
        OptionsError: there are no training or no held-out samples, or the target is constant on them.
    """
    for name in ("train", "test"):
        if not len(samples.splits.get(name, ())):
            raise OptionsError(
                f"the dataset has no samples in the split {name!r}; its splits: {', '.join(sorted(samples.splits))}",
                hint="choose a dataset with training and held-out samples",
            )
    splits = {}
    for name in ("train", "test", "ood"):
        if name in samples.splits:
            part = samples.split(name).to(context.device, context.dtype)
            targets = part.tensor("y")
            targets = targets.unsqueeze(-1) if targets.dim() == 1 else targets
            splits[name] = Split.of(part.tensor("x"), targets.to(context.dtype), options.reduction)
    for name in ("train", "test"):
        energy = float(splits[name].targets.double().square().mean())
        if splits[name].variance <= 1e-12 * energy or energy == 0:
            raise OptionsError(
                f"the target is constant on the split {name!r}, so that J/Var(f*) means nothing and every constant "
                "network is equivalent to it",
                hint="choose another teacher_seed, another target or other inputs",
            )
    return splits


def draw_after_data(replicates: Replicates, samples: Samples, context: Context) -> None:
    """Draw all candidates one after the other, from where the study's recipe left its generator.

    Source: genni 1.0.3, training.py: the data are drawn, then `get_nets` builds the candidates.
    """
    seed = samples.facts.get("model-seed")
    if not isinstance(seed, int):
        raise OptionsError(
            'initialisation = "after-data" goes on from the generator of the dataset teacher-2020, which this run does '
            "not have",
            hint='choose dataset teacher-2020, or initialisation = "streams"',
        )
    shape, count = samples.shape, len(samples.splits["train"])
    with as_global_seed(seed):
        context.build_model(shape, replicate=None, stream=None)  # the teacher
        torch.randn(count, *shape.inputs)
        for replicate in range(replicates.count):
            replicates.replace(replicate, context.build_model(shape, replicate=None, stream=None))


def _restart(
    options: EquivalenceOptions,
    replicates: Replicates,
    splits: dict[str, Split],
    attempt: Attempt,
    context: Context,
) -> None:
    """Give those that have not converged further attempts; the weights of the best attempt end up in `replicates`."""
    for number in range(2, options.restarts + 2):
        converged = attempt.converged(options.tolerance)
        if converged.all() or (options.enough is not None and int(converged.sum()) >= options.enough):
            return
        rows = (~converged).nonzero().flatten().tolist()
        again = replicates.select(rows)
        for position, row in enumerate(rows):
            module = context.build_model(_shape(splits), replicate=row, stream=f"model-attempt-{number}")
            again.replace(position, module)
        other = _attempt(options, again, splits, context, number)
        for position, row in enumerate(rows):
            attempt.tried[row] += 1
            if other.better(position, attempt, row):
                replicates.replace(row, again.module(position))
                attempt.take(row, other, position)


def _attempt(
    options: EquivalenceOptions, replicates: Replicates, splits: dict[str, Split], context: Context, number: int
) -> Attempt:
    """Gradient steps and polishing, in place, and what they reached."""
    train, deciding = splits["train"], splits[options.measured_on]
    initial = replicates.vectors()
    result = fit(
        replicates.train(),
        squared_error(),
        {"x": train.inputs, "y": train.targets},
        optimiser=_optimiser(options),
        steps=options.steps,
        context=context,
        batch_size=options.batch_size,
        order=options.order,
        metric=lambda trained, _step: deciding.relative(trained).to(trained.dtype),
        metric_every=options.measure_every,
        stop_below=options.stop_below,
        patience=options.patience,
        name="train" if number == 1 else f"attempt-{number}",
    )
    polished = _polish(options, replicates.eval(), train, result, context, number)
    return Attempt(
        relative=deciding.relative(replicates).cpu(),
        reasons=list(result.reasons),
        steps=result.steps,
        polishing=polished,
        tried=torch.full_like(result.steps, number),
        kept=torch.full_like(result.steps, number),
        initial=initial,
    )


def _polish(
    options: EquivalenceOptions,
    replicates: Replicates,
    train: Split,
    result: FitResult,
    context: Context,
    number: int,
) -> list[str]:
    """Carry all but the diverged down to the nearest minimum of J on all training inputs; how it ended, in words."""
    if options.polish == "none":
        return [""] * replicates.count
    before = replicates.vectors()
    columns = {"x": train.inputs, "y": train.targets}
    name = "polish" if number == 1 else f"attempt-{number}-polish"
    settings: dict[str, Any] = {
        "context": context,
        "iterations": options.polish_steps,
        "stop_below": options.polish_below * train.variance,
        "name": name,
    }
    if options.polish == "lbfgs":
        ended = polish(replicates, squared_error(), columns, batch_size=_ROWS_OF_POLISHING, **settings)
    else:
        ended = levenberg_marquardt(replicates, _residuals, columns, **settings)
    diverged = torch.tensor([reason == "diverged" for reason in result.reasons], device=before.device)
    replicates.set_vectors(torch.where(diverged[:, None], before, replicates.vectors()))
    return [
        "" if lost else f"{reason} after {int(count)}"
        for lost, reason, count in zip(diverged.tolist(), ended.reasons, ended.iterations, strict=True)
    ]


def _residuals(call: Call, batch: Batch) -> torch.Tensor:
    difference: torch.Tensor = call(batch["x"]) - batch["y"]
    return difference


def _optimiser(options: EquivalenceOptions) -> Optimiser:
    more = {"momentum": options.momentum} if options.optimiser == "momentum" else {}
    return optimiser(options.optimiser, learning_rate=options.learning_rate, **more)


def _shape(splits: dict[str, Split]) -> Shape:
    train = splits["train"]
    return Shape(inputs=tuple(train.inputs.shape[1:]), outputs=tuple(train.targets.shape[1:]))


def latents_of(
    options: EquivalenceOptions, replicates: Replicates, samples: Samples, context: Context
) -> Iterator[Latents]:
    """The hidden activations of every layer and the outputs, on the first rows of the split `test`."""
    rows = samples.splits["test"][: options.latent_samples]
    inputs = samples.rows(rows).to(context.device, context.dtype).tensor("x")
    hidden = hidden_representations(replicates.template)
    for number, layer in enumerate(hidden, start=1):
        blocks = [
            as_rows(replicates.activations(block, names=[layer.name])[layer.name], options.channels)
            for block in torch.split(inputs, _ROWS_AT_ONCE)
        ]
        yield Latents(
            name=f"hidden-{number}",
            values=torch.cat(blocks, dim=1),
            ids=samples.ids[rows],
            split="test",
            identified_up_to=layer.rung,
            summary=layer.summary,
        )
    with torch.no_grad():
        outputs = torch.cat([replicates(block).flatten(2) for block in torch.split(inputs, _ROWS_AT_ONCE)], dim=1)
    yield Latents(
        name="outputs",
        values=outputs,
        ids=samples.ids[rows],
        split="test",
        identified_up_to="identity",
        summary="the networks' outputs, which the objective determines",
    )
