"""Training several autoencoders of the study together, next to one after the other; the numbers are the same."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from benchmarks.case import Case

from identify_core import Replicates, Samples, Shape
from identify_core.testing.contexts import make_context
from identify_metric.datasets.digits import make_digits
from identify_metric.networks.convolutional import build_conv
from identify_metric.networks.dense import build_dense
from identify_metric.networks.vae import EnsembleVae
from identify_metric.objectives.elbo import train
from identify_metric.options.data import DigitsOptions
from identify_metric.options.models import ConvOptions, DenseOptions
from identify_metric.options.objectives import ElboOptions

DENSE, CONV = 10, 3


@functools.cache
def digits() -> Samples:
    """scikit-learn's."""
    with tempfile.TemporaryDirectory() as folder:
        return make_digits(DigitsOptions(), make_context(Path(folder)))


@functools.cache
def pictures() -> Samples:
    """256 random images of 28 × 28."""
    x = torch.rand(256, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    rows = torch.arange(256).numpy()
    return Samples(columns={"x": x}, ids=rows, splits={"train": rows, "test": rows[:16]})


def dense(shape: Shape) -> EnsembleVae:
    """Two latents, two decoders."""
    return build_dense(DenseOptions(latent_dim=2, decoders=2, hidden=(32,)), shape, None)  # type: ignore[arg-type]


def conv(shape: Shape) -> EnsembleVae:
    """The study's, with two decoders."""
    options = ConvOptions(architecture="fashion-mnist", latent_dim=16, decoders=2)
    return build_conv(options, shape, None)  # type: ignore[arg-type]


def trained(
    build: Callable[[Shape], EnsembleVae], samples: Samples, count: int, settings: ElboOptions, *, together: bool
) -> torch.Tensor:
    """Latents of all replicates, (R, n, d)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        everyone = Replicates.from_modules([build(samples.shape) for _ in range(count)])
    groups = [everyone] if together else [everyone.select([number]) for number in range(count)]
    found = []
    for replicates in groups:
        with tempfile.TemporaryDirectory() as folder:
            context = make_context(Path(folder), count=replicates.count)
            *_, latents = train(settings, replicates, samples, context)
            found.append(torch.as_tensor(latents.values))
    return torch.cat(found)


def same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """A replicate is trained among others as it is alone."""
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def cases() -> Iterable[Case]:
    """Dense ones gain from being together; convolutional ones lose nothing."""
    short = ElboOptions(epochs=10, warm_up=0, patience=None, log_every=100)
    yield Case(
        name=f"training {DENSE} dense autoencoders together, 110 steps",
        baseline_name="one after the other",
        ours=lambda: trained(dense, digits(), DENSE, short, together=True),
        baseline=lambda: trained(dense, digits(), DENSE, short, together=False),
        expected=3.0,
        agree=same,
    )
    few = ElboOptions(epochs=2, batch_size=64, warm_up=0, patience=None, log_every=100)
    yield Case(
        name=f"training {CONV} convolutional autoencoders together, 8 steps",
        baseline_name="one after the other",
        ours=lambda: trained(conv, pictures(), CONV, few, together=True),
        baseline=lambda: trained(conv, pictures(), CONV, few, together=False),
        expected=0.9,
        agree=same,
        note="promised: not slower, up to a tenth",
    )
