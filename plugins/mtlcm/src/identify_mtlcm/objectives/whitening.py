"""The baselines `untrained` and `whitening`: a representation as it was drawn, and one with unit covariance."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import torch

from identify_core import Context, Finding, LabelledArray, Latents, OptionsError, Replicates, Samples
from identify_mtlcm.objectives.representations import Representation, represent_samples
from identify_mtlcm.objectives.rows import finite_inputs, represent_all, rows_named
from identify_mtlcm.options.baselines import UntrainedOptions, WhiteningOptions

_CONSTANT = 1e-12


def keep_untrained(
    options: UntrainedOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents]:
    """The representation `h` of the encoders as they were drawn: what chance and the architecture give.

    Raises:
        OptionsError: the run has no model, or the samples do not fit.
    """
    if replicates is None:
        raise OptionsError("there is no encoder to leave untrained: this run has no model", hint="add a [model] table")
    numbers = rows_named(samples, options.keep)
    yield Latents(
        name="h",
        values=represent_all(replicates.eval(), finite_inputs(samples.rows(numbers), context)),
        split=options.keep,
        ids=samples.ids[numbers],
        summary="the representation of the encoders as they were drawn",
    )


def whiten(
    options: WhiteningOptions, replicates: Replicates | None, samples: Samples, context: Context
) -> Iterator[Latents | Finding]:
    """Whiten each replicate's representation by the covariance of its training rows; keep `h` and `z`.

    Whitened representations that agree up to an invertible linear map agree up to a rotation.

    Raises:
        OptionsError: the representation does not fit, or has fewer directions than components are wanted.
    """
    representation = represent_samples(options, replicates, samples, context)
    maps = []
    for replicate in range(context.count):
        spread = Spread.of(representation, replicate)
        maps.append(spread.whitening(zca=options.kind == "zca", components=options.components))
    yield from representation.findings
    yield Finding(
        name="whitening",
        summary=f"{len(maps[0].matrix)} of {representation.width} directions at unit variance",
        scalars={"components": len(maps[0].matrix), "representation": representation.source},
        arrays=map_arrays(maps),
        conventions={"rows": "mean and covariance are those of the training rows"},
    )
    claim = "orthogonal" if representation.claim in ("linear", "affine") else ""
    yield from mapped_latents(maps, representation, samples, context, split=options.keep, claim=claim)


@attrs.frozen(kw_only=True, eq=False)
class LinearMap:
    """z = M (h − centre).

    Args:
        matrix: M, (k, d), float64.
        centre: (d,), float64.
    """

    matrix: torch.Tensor
    centre: torch.Tensor

    def __call__(self, h: torch.Tensor) -> torch.Tensor:
        """Rows (n, k) in float64 of rows h (n, d)."""
        return (h.double() - self.centre) @ self.matrix.T


@attrs.frozen(kw_only=True, eq=False)
class Spread:
    """Mean and covariance of a representation; float64.

    Args:
        mean: (d,).
        covariance: (d, d), over n.
        rows: n.
    """

    mean: torch.Tensor
    covariance: torch.Tensor
    rows: int

    @classmethod
    def of(cls, representation: Representation, replicate: int) -> Spread:
        """Of the rows that a second stage is fitted on, in two passes over blocks.

        Raises:
            OptionsError: the representation is not finite.
        """
        n = len(representation.fitted)
        blocks = representation.read(replicate, representation.fitted)
        mean = torch.stack([h.double().sum(0) for h in blocks]).sum(0) / n
        if not bool(mean.isfinite().all()):
            raise OptionsError(
                f"the representation of replicate {replicate} holds NaN or infinite values",
                hint="look at the training that made it",
            )
        covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=mean.device)
        for h in representation.read(replicate, representation.fitted):
            centred = h.double() - mean
            covariance += centred.T @ centred / n
        return cls(mean=mean, covariance=covariance, rows=n)

    def whitening(self, *, zca: bool, components: int | None) -> LinearMap:
        """The map to unit covariance: to principal components in descending order, or back to the coordinates (ZCA).

        Signs are such that the largest entry of each component is positive. Directions that do not vary are left out.

        Raises:
            OptionsError: fewer directions vary than components are wanted, or none.
        """
        values, vectors = torch.linalg.eigh(self.covariance)
        values, vectors = values.flip(0), vectors.flip(1)
        varying = int((values > _CONSTANT * values[0]).sum()) if float(values[0]) > 0 else 0
        wanted = varying if components is None else components
        if varying == 0 or wanted > varying:
            raise OptionsError(
                f"{varying} of {len(values)} directions of the representation vary, fewer than the "
                f"{max(wanted, 1)} that are wanted",
                hint="ask for fewer components, or take another representation",
            )
        directions = vectors[:, :wanted]
        largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
        components_matrix = (directions * largest.sign() / values[:wanted].sqrt()).T
        matrix = directions * largest.sign() @ components_matrix if zca else components_matrix
        return LinearMap(matrix=matrix, centre=self.mean)


def map_arrays(maps: list[LinearMap]) -> dict[str, LabelledArray]:
    """The maps of all replicates, for a finding."""
    matrices = np.stack([each.matrix.cpu().numpy() for each in maps])
    centres = np.stack([each.centre.cpu().numpy() for each in maps])
    return {
        "unmixing": LabelledArray(
            values=matrices, dimensions=("replicate", "latent", "observed"), summary="M: z = M (h − centre)"
        ),
        "centre": LabelledArray(values=centres, dimensions=("replicate", "observed"), summary="the mean of h"),
    }


def mapped_latents(
    maps: list[LinearMap],
    representation: Representation,
    samples: Samples,
    context: Context,
    *,
    split: str,
    claim: str,
) -> Iterator[Latents]:
    """`h`, unless it is the inputs, and `z`, its image under one map a replicate.

    Replicates may keep different numbers of directions; `z` then is a list of tensors.
    """
    ids = samples.ids[representation.kept]
    if representation.source != "inputs":
        rows = [representation.rows(replicate, representation.kept) for replicate in range(len(maps))]
        yield Latents(
            name="h",
            values=torch.stack(rows),
            split=split,
            ids=ids,
            identified_up_to=representation.claim,
            summary="the representation before the map",
        )
    images = [
        torch.cat([each(h).to(context.dtype) for h in representation.read(replicate, representation.kept)])
        for replicate, each in enumerate(maps)
    ]
    yield Latents(
        name="z", values=images, split=split, ids=ids, identified_up_to=claim, summary="the representation, mapped"
    )
