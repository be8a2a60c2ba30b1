"""The objective `mtrn`: a multi-task regression whose representation is identified up to a linear map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from identify_core import Context, Finding, LabelledArray, Latents, Replicates, Samples, Table
from identify_mtlcm.objectives.refitting import Heads
from identify_mtlcm.objectives.regression import Regression, train_regression
from identify_mtlcm.objectives.rows import finite_inputs, represent, represent_all, rows_named
from identify_mtlcm.objectives.spectrum import HeadSpectrum, spectral_rank, target_spectrum
from identify_mtlcm.options.regression import Keep, MtrnOptions, RegressionOptions


def train(
    options: MtrnOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Train encoder and heads; keep the heads and the representation `h`.

    Where the heads of all tasks have rank d, two optima with equal predictions have representations that differ by an
    invertible linear map (affine with head biases).

    Raises:
        OptionsError: the run has no model, or the options or the data do not fit.
    """
    if replicates is not None:
        rows_named(samples, options.keep)  # before hours of training, not after them
    regression = train_regression(options, replicates, samples, context)
    assert replicates is not None
    yield heads_finding(options, replicates, regression)
    yield representation_latents(options, replicates, samples, context, keep=options.keep)


def representation_latents(
    options: RegressionOptions, replicates: Replicates, samples: Samples, context: Context, *, keep: Keep
) -> Latents:
    """The encoders' outputs on the rows that are kept, with the claim that theory makes for them."""
    numbers = rows_named(samples, keep)
    inputs = finite_inputs(samples.rows(numbers), context)
    return Latents(
        name="h",
        values=represent_all(replicates, inputs),
        split=keep,
        ids=samples.ids[numbers],
        identified_up_to="affine" if options.head_biases else "linear",
        summary="the representation of the multi-task regression",
    )


def heads_finding(options: RegressionOptions, replicates: Replicates, regression: Regression) -> Finding:
    """The heads, how well they predict, and how many directions of the representation they can see."""
    tasks = regression.train.tasks
    width = regression.heads[0].weights.shape[1]
    spectra = [
        HeadSpectrum.of(
            heads,
            regression.target_spread,
            _covariance(replicates, replicate, regression.train.inputs),
            tolerance=options.rank_tolerance,
        )
        for replicate, heads in enumerate(regression.heads)
    ]
    eigenvalues = target_spectrum(tasks)
    task_rank = None if eigenvalues is None else spectral_rank(eigenvalues, options.rank_tolerance)
    ranks = [each.rank for each in spectra]
    scalars: dict[str, Any] = {
        "train-loss": float(regression.train_losses.median()),
        "head-rank": min(ranks),
        "effective-rank": float(np.median([each.effective for each in spectra])),
        "tasks": tasks.count,
        "latents": width,
    }
    if regression.test_losses is not None:
        scalars["test-loss"] = float(regression.test_losses.median())
    arrays = _arrays(regression.heads, spectra)
    if eigenvalues is not None and task_rank is not None:
        scalars["task-rank"] = task_rank
        arrays["target-eigenvalues"] = LabelledArray(
            values=eigenvalues.cpu().numpy(),
            dimensions=("task",),
            summary="eigenvalues of the correlations of the targets, descending",
        )
    return Finding(
        name="heads",
        summary=_summary(regression, ranks, width, task_rank),
        scalars=scalars,
        tables={"replicates": _table(regression, spectra)},
        arrays=arrays,
        conventions=_conventions(options, regression),
        warnings=_warnings(ranks, width, tasks.count, task_rank),
    )


def _arrays(heads: tuple[Heads, ...], spectra: list[HeadSpectrum]) -> dict[str, LabelledArray]:
    return {
        "weights": LabelledArray(
            values=torch.stack([each.weights for each in heads]).cpu().numpy(),
            dimensions=("replicate", "task", "latent"),
            summary="the weights of each task's head on the representation, in the targets' units",
        ),
        "biases": LabelledArray(
            values=torch.stack([each.biases for each in heads]).cpu().numpy(),
            dimensions=("replicate", "task"),
            summary="the biases of the heads, in the targets' units; zero where they have none",
        ),
        "singular-values": LabelledArray(
            values=torch.stack([each.values for each in spectra]).cpu().numpy(),
            dimensions=("replicate", "direction"),
            summary="of the predictions of all tasks, each in units of its targets' spread, descending, over √T",
        ),
    }


def _table(regression: Regression, spectra: list[HeadSpectrum]) -> Table:
    test = regression.test_losses
    return Table(
        columns=("replicate", "steps", "ended", "polish", "loss", "held-out loss", "head rank", "effective rank"),
        rows=[
            (
                number,
                int(regression.fit.steps[number]),
                regression.fit.reasons[number],
                regression.polished[number] if regression.polished else "",
                float(regression.train_losses[number]),
                None if test is None else float(test[number]),
                each.rank,
                each.effective,
            )
            for number, each in enumerate(spectra)
        ],
        caption="How the training of each replicate ended, and how many directions of h its heads can see.",
    )


def _summary(regression: Regression, ranks: list[int], width: int, task_rank: int | None) -> str:
    fewest, most = min(ranks), max(ranks)
    of_heads = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    test = regression.test_losses
    held_out = "" if test is None else f", {float(test.median()):.3g} held out"
    of_targets = "" if task_rank is None else f"; the {regression.train.tasks.count} targets have rank {task_rank}"
    return (
        f"half the mean squared error is {float(regression.train_losses.median()):.3g}{held_out}; the heads see "
        f"{of_heads} of {width} directions{of_targets}"
    )


def _conventions(options: RegressionOptions, regression: Regression) -> dict[str, str]:
    scaled = "targets standardised task by task" if options.targets == "standardise" else "targets as they are"
    conventions = {
        "losses": f"half the mean squared error over observed targets, missing ones not counted, with {scaled}",
        "rank": f"a direction counts where its singular value is above {options.rank_tolerance:g} of the largest",
    }
    if regression.inputs_mapped:
        conventions["inputs"] = "the encoder was trained on mapped inputs, the map folded into its first layer"
    if options.reconstruction:
        conventions["decoder"] = (
            f"the encoder was trained to give the inputs back too, with weight {options.reconstruction:g}, which is no "
            "part of the study"
        )
    if options.refit_heads:
        conventions["heads"] = "the exact minimum of the loss over the heads on the final representation"
    return conventions


def _warnings(ranks: list[int], width: int, tasks: int, task_rank: int | None) -> tuple[str, ...]:
    warnings = []
    if width > tasks:
        warnings.append(
            f"there are more latents ({width}) than tasks ({tasks}): heads of {tasks} tasks determine at most {tasks} "
            f"directions of h up to a linear map, the other {width - tasks} are arbitrary"
        )
    elif task_rank is not None and task_rank < width:
        warnings.append(
            f"the targets of the {tasks} tasks have rank {task_rank}, below the {width} latents: about {task_rank} "
            "directions of h can be identified"
        )
    short = [number for number, rank in enumerate(ranks) if rank < min(width, tasks)]
    if short:
        warnings.append(
            f"the heads of {len(short)} of {len(ranks)} replicates see fewer than {min(width, tasks)} directions of h "
            f"({', '.join(str(ranks[each]) for each in short)}): what they do not see is not identified"
        )
    return tuple(warnings)


def _covariance(replicates: Replicates, replicate: int, inputs: torch.Tensor) -> torch.Tensor:
    """Of the representation of one replicate, (d, d), in two passes over blocks."""
    mean = torch.stack([h.double().sum(0) for h in represent(replicates, replicate, inputs)]).sum(0) / len(inputs)
    parts = [(h.double() - mean).T @ (h.double() - mean) for h in represent(replicates, replicate, inputs)]
    return torch.stack(parts).sum(0) / len(inputs)
