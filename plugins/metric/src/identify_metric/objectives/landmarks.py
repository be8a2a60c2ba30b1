"""The objective `landmark-distances`: geodesic distances to landmarks as latents that the theory identifies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from identify_core import (
    Context,
    Finding,
    Latents,
    OptionsError,
    Replicates,
    Samples,
    StoredRun,
    Table,
    join_latents,
)
from identify_metric.evaluators.decoders import decoder_maps
from identify_metric.geometry.geodesics import geodesics
from identify_metric.objectives.elbo import template_of
from identify_metric.options.objectives import LandmarkOptions


def measure(
    options: LandmarkOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Finding | Latents]:
    """Distances of the samples of a stored run to a few of them, in the decoders of that run.

    Coordinates of a latent space are arbitrary; distances to the same samples are not. What this keeps needs no
    transformation between replicates, so that its claim is `identity`.

    Raises:
        OptionsError: the run's model is not that of the stored run, or there are not enough samples.
        StoreError: there is no such run.
        Interrupted: the user stopped the run; replicates that are done are kept.
    """
    template_of(replicates)
    assert replicates is not None
    joined = join_latents(options.run, options.latents, samples, context)
    stored = context.open_run(options.run)
    take_weights(replicates, stored)
    ids = samples.ids[joined.numbers]
    count = len(ids)
    if options.landmarks > count:
        raise OptionsError(f"{options.landmarks} landmarks are wanted, and the stored run has {count} samples")
    random = np.random.RandomState(options.landmark_seed)
    marks = random.choice(count, options.landmarks, replace=False)
    maps = decoder_maps(options, replicates, options.ensemble)
    restored = context.restore(section="landmarks") or {}
    lengths = restored.get("lengths", torch.full((len(maps), count, options.landmarks), torch.nan, dtype=torch.float64))
    errors = restored.get("errors", torch.full((len(maps),), torch.nan, dtype=torch.float64))
    unsure = restored.get("unsure", torch.zeros(len(maps), dtype=torch.long))
    with context.progress("distances to landmarks", len(maps), "replicates") as bar:
        for number, F in enumerate(maps):
            if errors[number].isnan():
                z = torch.cat(list(joined.read(number, joined.numbers, context))).double()
                found = geodesics(
                    F,
                    z.repeat_interleave(len(marks), 0),
                    z[torch.from_numpy(marks)].repeat(count, 1),
                    settings=options.settings(),
                    generator=context.stream("bumps"),
                    context=context,
                )
                lengths[number] = found.length.reshape(count, -1).cpu()
                errors[number] = float(found.error.nan_to_num(0).max())
                unsure[number] = int((~found.converged & found.length.isfinite()).sum())
                context.checkpoint({"lengths": lengths, "errors": errors, "unsure": unsure}, section="landmarks")
            bar.advance(1)
    yield Finding(
        name="landmarks",
        summary=f"geodesic distances of {count} samples to {options.landmarks} landmarks in {len(maps)} replicates of "
        f"{stored.id}; numerical error at most {float(errors.max()):.1e}",
        scalars={"error": float(errors.max()), "landmarks": options.landmarks},
        tables={
            "landmarks": Table(
                columns=("landmark", "sample"),
                rows=[(number, str(ids[mark])) for number, mark in enumerate(marks)],
                caption="The samples that are landmarks.",
            )
        },
        conventions={"length": "in the units of the decoded space", "metric": options.ensemble},
        warnings=_doubts(lengths, int(unsure.sum())),
    )
    yield Latents(
        name="distances",
        values=lengths.to(context.dtype),
        split=joined.latents.split,
        ids=ids,
        summary=f"geodesic distances to {options.landmarks} samples",
    )


def _doubts(lengths: torch.Tensor, unsure: int) -> tuple[str, ...]:
    said = []
    if missing := int(lengths.isnan().sum()):
        said.append(f"{missing} of {lengths.numel()} distances are of latents that are not finite, and are NaN")
    if unsure:
        said.append(f"{unsure} of {lengths.numel()} geodesics did not converge; raise `iterations` or `doublings`")
    return tuple(said)


def take_weights(replicates: Replicates, stored: StoredRun) -> None:
    """Give replicates the trained numbers of a stored run.

    Raises:
        OptionsError: it has other networks, or another number of them.
    """
    state = {name: torch.from_numpy(np.asarray(values)) for name, values in stored.weights().items()}
    mine = replicates.state()
    hint = "take the [model] table and the replicates of that run: `identify init` writes its spec"
    if set(state) != set(mine):
        raise OptionsError(f"the networks of {stored.id} are not those of this run's model", hint=hint)
    for name, values in mine.items():
        if tuple(values.shape) != tuple(state[name].shape):
            raise OptionsError(
                f"{name} of {stored.id} has the shape {tuple(state[name].shape)}, in this run {tuple(values.shape)}",
                hint=hint,
            )
    replicates.load_state(state)
    replicates.eval()
