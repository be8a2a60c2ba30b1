"""The decoders of a run as stacked maps, one a replicate, and the latents that they are measured at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import numpy as np
import torch

from identify_core import OptionsError, Replicates, Representation, RunSubject
from identify_metric.geometry.maps import Map, embed, stack
from identify_metric.geometry.metric import LogVolume
from identify_metric.geometry.precision import fit_precision
from identify_metric.networks.vae import EnsembleVae, split_sigma
from identify_metric.objectives.elbo import template_of
from identify_metric.options.evaluators import Ensemble, GeometryOptions

_CENTRES = 32


@attrs.frozen(kw_only=True, eq=False)
class Points:
    """Samples in the latent space of several models.

    Args:
        z: one a model, (n, d) each, float64; widths may differ. A sample that is not finite is NaN throughout.
        ids: of the samples, (n,).
        representations: of the models, one each.
    """

    z: list[torch.Tensor]
    ids: np.ndarray
    representations: Sequence[Representation]

    def sample_rows(self, rows: np.ndarray, model: int = 0) -> list[int | None]:
        """For each of rows (m,) the row of the same sample in a model's run; None where the run lacks it."""
        order = {sample: row for row, sample in enumerate(self.representations[model].run.samples.ids.tolist())}
        return [order.get(sample) for sample in self.ids[rows].tolist()]

    def inputs(self, rows: np.ndarray, model: int = 0) -> torch.Tensor | None:
        """The inputs of rows (m,) as a model saw them, flat, (m, D); None where its run lacks one of them."""
        samples = self.representations[model].run.samples
        found = self.sample_rows(rows, model)
        if None in found:
            return None
        once, place = np.unique(np.array(found), return_inverse=True)  # a sample may be in several pairs
        return samples.rows(once).tensor("x").double().flatten(1)[torch.from_numpy(place)]


def chosen_latents(name: str, run: RunSubject) -> tuple[Representation, ...]:
    """The replicates of the latents of a name.

    Raises:
        OptionsError: the run kept no such latents.
    """
    if name not in run.latents:
        raise OptionsError(f"the run has no latents {name!r}; it has {', '.join(sorted(run.latents)) or 'none'}")
    return run.latents[name]


def points_of(representations: Sequence[Representation], device: torch.device) -> Points:
    """The same samples in every model.

    Raises:
        OptionsError: samples of one id have other inputs in some of the runs.
    """
    first = representations[0]
    for each in representations[1:]:
        if not np.array_equal(each.ids, first.ids):
            raise OptionsError(f"{each.label} and {first.label} hold other samples", hint="compare runs of one dataset")
        if first.fingerprints is not None and each.fingerprints is not None:
            other = int((each.fingerprints != first.fingerprints).sum())
            if other:
                raise OptionsError(
                    f"{other} of {len(first.ids)} samples of {each.label} have other inputs than in {first.label}",
                    hint="distances are compared of the same data: take runs with the same dataset and options",
                )
    found = [torch.from_numpy(np.asarray(each.values(), dtype=np.float64)).to(device) for each in representations]
    z = [torch.where(each.isfinite().all(1, keepdim=True), each, torch.nan) for each in found]
    return Points(z=z, ids=first.ids, representations=representations)


def surface_doubts(found: Sequence[LogVolume]) -> tuple[str, ...]:
    """What could mislead in volumes and angles at samples of several models, in sentences."""
    missing = int(sum(int(each.value.isnan().sum()) for each in found))
    lost = int(sum(int(((each.rank < each.latents) & ~each.value.isnan()).sum()) for each in found))
    total = sum(len(each.value) for each in found)
    said = []
    if missing:
        said.append(f"{missing} of {total} latents are not finite, or what they decode to is not; they are left out")
    if lost:
        said.append(
            f"the Jacobian lacks full rank at {lost / (total - missing):.1%} of the samples: there the theory does not "
            "hold"
        )
    return tuple(said)


def maps_of(options: GeometryOptions, points: Points, ensemble: Ensemble) -> list[Map]:
    """One stacked map a model, of frozen decoders in the type that the options say.

    Raises:
        OptionsError: a model has no decoders.
    """
    found = []
    for number, each in enumerate(points.representations):
        network = each.network
        template_of(network)
        module = network.module(0)
        found.append(
            uncertain_map(options, module, points, number)
            if ensemble == "rbf"
            else module_map(options, module, ensemble)
        )
    return found


def uncertain_map(options: GeometryOptions, module: torch.nn.Module, points: Points, model: int) -> Map:
    """The first decoder's mean next to the σ of a precision network that is fitted to its residuals.

    Raises:
        OptionsError: the run's samples lack the inputs.
    """
    mean = module_map(attrs.evolve(options, ambient="mean"), module, "single")
    z = points.z[model]
    usable = z.isfinite().all(1)
    x = points.inputs(np.arange(len(z)), model)
    if x is None:
        raise OptionsError("a precision network is fitted to inputs, and the run lacks some of them")
    with torch.no_grad():
        residuals = (x.to(z) - mean(z))[usable]
    sigma = fit_precision(z[usable], residuals, centres=min(_CENTRES, int(usable.sum())))
    return lambda z: embed(mean(z), "gaussian", sigma(z))


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
    if ensemble == "rbf":
        raise OptionsError("the ensemble 'rbf' is measured at samples alone", hint="distances and stability have it")
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
