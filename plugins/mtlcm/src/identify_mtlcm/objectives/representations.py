"""Representations that a second stage builds on: the inputs, a regression's, or those of a stored run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import attrs
import numpy as np
import torch

from identify_core import Context, Finding, OptionsError, Replicates, Samples, join_latents, row_blocks
from identify_mtlcm.causal.statistics import Block
from identify_mtlcm.objectives.mtrn import heads_finding
from identify_mtlcm.objectives.regression import train_regression
from identify_mtlcm.objectives.rows import ROWS_AT_ONCE, finite_inputs, represent, rows_named, width_of
from identify_mtlcm.options.objectives import RepresentationOptions
from identify_mtlcm.tasks import TaskRows

Numbers = np.ndarray[Any, Any]
Source = Literal["inputs", "regression", "stored"]


@attrs.frozen(kw_only=True, eq=False)
class Representation:
    """One representation a replicate, read in blocks.

    Args:
        source: where it comes from.
        width: d.
        fitted: numbers of the rows that a second stage is fitted on.
        kept: numbers of the rows whose latents are stored.
        read: `read(replicate, numbers)` gives blocks (m, d) of these rows, in their order.
        claim: the rung that theory claims for it; empty for none.
        findings: what training it left.
    """

    source: Source
    width: int
    fitted: Numbers
    kept: Numbers
    read: Callable[[int, Numbers], Iterator[torch.Tensor]]
    claim: str
    findings: tuple[Finding, ...] = ()

    def rows(self, replicate: int, numbers: Numbers) -> torch.Tensor:
        """The rows of one replicate at once, (n, d)."""
        return torch.cat(list(self.read(replicate, numbers)))

    def blocks(self, replicate: int, tasks: TaskRows) -> Iterator[Block]:
        """The rows that a second stage is fitted on, with their targets, block by block.

        Args:
            replicate: whose.
            tasks: of these rows, in the order of `fitted`.
        """
        start = 0
        for h in self.read(replicate, self.fitted):
            part = tasks.rows(slice(start, start + len(h)))
            start += len(h)
            yield h, part.targets, part.task


def represent_samples(
    options: RepresentationOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Representation:
    """The representation that the options name, trained first where it is a regression's.

    Raises:
        OptionsError: it does not fit the run: no model, no such latents, another dimension, rows that do not join.
    """
    source = options.representation
    if source == "auto":
        source = "inputs" if replicates is None else "regression"
    if source == "stored":
        found = _stored(options, samples, context)
    elif source == "inputs":
        found = _inputs(options, samples, context)
    else:
        found = _regression(options, replicates, samples, context)
    _check_width(options, found.width, source)
    return found


def represent_by_encoders(
    options: RepresentationOptions, replicates: Replicates, samples: Samples, context: Context
) -> Representation:
    """The representation of encoders as they are, trained or not; nothing is trained and nothing claimed."""
    inputs = finite_inputs(samples, context)
    return Representation(
        source="regression",
        width=width_of(replicates, inputs),
        fitted=rows_named(samples, "train"),
        kept=rows_named(samples, options.keep),
        read=_reader(replicates, inputs),
        claim="",
    )


def _regression(
    options: RepresentationOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Representation:
    kept = rows_named(samples, options.keep)  # before hours of training, not after them
    if replicates is not None:
        inputs = finite_inputs(samples, context)
        _check_width(options, width_of(replicates, inputs), "regression")
    regression = train_regression(options.regression, replicates, samples, context)
    assert replicates is not None
    return Representation(
        source="regression",
        width=regression.heads[0].weights.shape[1],
        fitted=regression.train.numbers,
        kept=kept,
        read=_reader(replicates, inputs),
        claim="affine" if options.regression.head_biases else "linear",
        findings=(heads_finding(options.regression, replicates, regression),),
    )


def _inputs(options: RepresentationOptions, samples: Samples, context: Context) -> Representation:
    inputs = finite_inputs(samples, context)
    if inputs.ndim != 2:
        raise OptionsError(
            f"one input has the shape {tuple(inputs.shape[1:])}; taken as a representation it must be a vector",
            hint="train an encoder: add a [model] table",
        )

    def read(_: int, numbers: Numbers) -> Iterator[torch.Tensor]:
        for part in _parts(numbers):
            yield inputs[part]

    return Representation(
        source="inputs",
        width=inputs.shape[1],
        fitted=rows_named(samples, "train"),
        kept=rows_named(samples, options.keep),
        read=read,
        claim="",
    )


def _stored(options: RepresentationOptions, samples: Samples, context: Context) -> Representation:
    joined = join_latents(options.run, options.latents, samples, context, replicate=options.replicate)
    train = np.isin(joined.numbers, samples.splits.get("train", np.arange(0)))
    if not train.any():
        context.warn(
            f"none of the {len(joined.numbers):,} stored rows is in the split 'train': the second stage is fitted on "
            "all of them"
        )
    kept = rows_named(samples, options.keep)
    there = joined.numbers[np.isin(joined.numbers, kept)]
    if not len(there):
        raise OptionsError(
            f"none of the {len(joined.numbers):,} stored rows is in the split {options.keep!r}, so that nothing could "
            "be kept",
            hint='choose keep = "all"',
        )
    return Representation(
        source="stored",
        width=joined.width,
        fitted=joined.numbers[train] if train.any() else joined.numbers,
        kept=there,
        read=lambda replicate, numbers: joined.read(replicate, numbers, context),
        claim=joined.claim,
    )


def _reader(replicates: Replicates, inputs: torch.Tensor) -> Callable[[int, Numbers], Iterator[torch.Tensor]]:
    def read(replicate: int, numbers: Numbers) -> Iterator[torch.Tensor]:
        for part in _parts(numbers):
            yield from represent(replicates, replicate, inputs[part])

    return read


def _parts(numbers: Numbers) -> Iterator[torch.Tensor]:
    for rows in row_blocks(len(numbers), ROWS_AT_ONCE):
        yield torch.as_tensor(numbers[rows])


def _check_width(options: RepresentationOptions, width: int, source: Source) -> None:
    if options.latent_dim is None or options.latent_dim == width:
        return
    what = {
        "inputs": "the inputs have",
        "regression": "the encoder gives",
        "stored": f"the stored latents {options.latents!r} have",
    }[source]
    raise OptionsError(
        f"latent_dim is {options.latent_dim}, but {what} {width} dimensions",
        hint="leave latent_dim out, or set the model's own latent_dim to the same number",
    )
