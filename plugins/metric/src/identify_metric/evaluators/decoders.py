"""The decoders of a run as stacked maps, one a replicate, and the latents that they are measured at."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import torch

from identify_core import OptionsError, Replicates, RunSubject, Samples
from identify_metric.geometry.maps import Ensemble, Map, embed, stack
from identify_metric.networks.vae import EnsembleVae, split_sigma
from identify_metric.objectives.elbo import template_of
from identify_metric.options.evaluators import GeometryOptions


@attrs.frozen(kw_only=True, eq=False)
class Points:
    """Samples in the latent space of every replicate.

    Args:
        z: (R, n, d), float64.
        ids: of the samples, (n,).
        samples: those of the run, of which these are some.
    """

    z: torch.Tensor
    ids: np.ndarray
    samples: Samples

    def inputs(self, rows: np.ndarray) -> torch.Tensor | None:
        """The inputs of rows (m,), flat, (m, D); None where the run's samples lack one of them."""
        order = {sample: row for row, sample in enumerate(self.samples.ids.tolist())}
        found = [order.get(sample) for sample in self.ids[rows].tolist()]
        if None in found:
            return None
        return self.samples.rows(np.array(found)).tensor("x").double().flatten(1)


def points_of(options: GeometryOptions, run: RunSubject, device: torch.device) -> Points:
    """The latents that the options name.

    Raises:
        OptionsError: the run kept no such latents.
    """
    if options.latents not in run.latents:
        raise OptionsError(
            f"the run has no latents {options.latents!r}; it has {', '.join(sorted(run.latents)) or 'none'}"
        )
    representations = run.latents[options.latents]
    z = torch.stack([torch.from_numpy(np.asarray(each.values(), dtype=np.float64)) for each in representations])
    ids = representations[0].ids
    return Points(z=z.to(device), ids=ids, samples=run.samples)


def decoder_maps(options: GeometryOptions, replicates: Replicates, ensemble: Ensemble) -> list[Map]:
    """One stacked map a replicate, of frozen decoders in the type that the options say.

    Raises:
        OptionsError: the model has no decoders.
    """
    template_of(replicates)
    return [module_map(options, replicates.module(row), ensemble) for row in range(replicates.count)]


def module_map(options: GeometryOptions, module: torch.nn.Module, ensemble: Ensemble) -> Map:
    """The stacked map of one autoencoder."""
    assert isinstance(module, EnsembleVae)
    dtype = torch.float64 if options.precision == "float64" else torch.float32
    module = module.eval().requires_grad_(False).to(dtype)
    stacked = stack([_embedded(options, module, decoder) for decoder in module.decoders], ensemble)
    return lambda z: stacked(z.to(dtype)).to(z.dtype)


def _embedded(options: GeometryOptions, module: EnsembleVae, decoder: Callable[[torch.Tensor], torch.Tensor]) -> Map:
    """What is measured of one decoder."""
    law = module.law
    if law == "gaussian-network":
        if options.ambient == "mean":
            return lambda z: split_sigma(decoder(z))[0]

        def both(z: torch.Tensor) -> torch.Tensor:
            mean, log_sigma = split_sigma(decoder(z))
            return embed(mean, "gaussian", log_sigma.exp())

        return both
    if law == "bernoulli":
        if options.ambient == "mean":
            return lambda z: torch.sigmoid(decoder(z))
        return lambda z: embed(decoder(z), "bernoulli")
    if options.ambient == "mean":
        return lambda z: decoder(z)
    sigma = module.log_sigma.exp()
    return lambda z: embed(decoder(z), "precision", sigma)
