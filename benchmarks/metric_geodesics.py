"""Geodesics in decoders of the study's sizes, next to the study's own procedure in PyTorch, and to stochman.

The procedure decodes 256 points of every curve with all eight decoders, keeps the first, and makes 4,096 steps of Adam
at 0.01 in a raw null-space basis. It is timed on a few steps and scaled; ours runs to a certified error.

stochman 0.3.0 is compared where it is installed, at two accuracies that both reach, with one decoder for both.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
import torch
from benchmarks.case import Case
from torch import nn

from identify_core import Shape
from identify_metric.geometry import Geodesics, GeodesicSettings, OriginalSettings, geodesics, original_geodesics
from identify_metric.networks.convolutional import PLANS, build_conv
from identify_metric.networks.dense import build_dense
from identify_metric.options.models import ConvOptions, DenseOptions

LATENTS, DECODERS, STEPS, FEW = 16, 8, 4096, 4
ERROR = 1e-4


@functools.cache
def dense_decoders() -> Sequence[nn.Module]:
    """16-64-128-256-512-784 with ELU, eight times."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        options = DenseOptions(latent_dim=LATENTS, decoders=DECODERS, hidden=(512, 256, 128, 64))
        vae = build_dense(options, Shape(inputs=(784,), outputs=()), None)  # type: ignore[arg-type]
        for each in vae.modules():
            if isinstance(each, nn.Linear):
                nn.init.xavier_normal_(
                    each.weight, gain=1.6
                )  # bent as trained decoders are; torch's own is nearly flat
        return [each.requires_grad_(False) for each in vae.decoders]


@functools.cache
def conv_decoders() -> Sequence[nn.Module]:
    """The study's decoders of Fashion-MNIST, eight of them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        options = ConvOptions(architecture="fashion-mnist", latent_dim=LATENTS, decoders=DECODERS)
        vae = build_conv(options, Shape(inputs=PLANS["fashion-mnist"].inputs, outputs=()), None)  # type: ignore[arg-type]
        return [each.requires_grad_(False) for each in vae.decoders]


def ends(pairs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two draws from the prior, (P, d) each."""
    generator = torch.Generator().manual_seed(1)
    first, second = torch.randn(2, pairs, LATENTS, generator=generator)
    return first, second


def ours(
    decoders: Sequence[nn.Module], pairs: int, settings: GeodesicSettings, device: str | torch.device = "cpu"
) -> Geodesics:
    """The first decoder's geodesics."""
    first, second = (each.double().to(device) for each in ends(pairs))
    F = decoders[0].to(device)
    return geodesics(lambda z: F(z.float()).double(), first, second, settings=settings)


def original(decoders: Sequence[nn.Module], pairs: int, steps: int) -> torch.Tensor:
    """Lengths after some steps of the procedure, all decoders at every point."""
    how = OriginalSettings(steps=steps, patience=STEPS)
    found = original_geodesics(lambda z: torch.stack([decode(z) for decode in decoders])[0], *ends(pairs), how)
    return found.length


def shorter(found: Geodesics, after_a_few_steps: torch.Tensor) -> None:
    """Certified, and nowhere longer than what the procedure has after a few steps."""
    assert float(found.error.max()) <= 2 * ERROR, found.error
    assert bool((found.length.cpu() <= after_a_few_steps.double() * (1 + 2 * ERROR)).all())


DENSE = GeodesicSettings(segments=5, nodes=5, starts=1, gradient_tolerance=2e-3, tolerance=ERROR, doublings=2)
CONV = GeodesicSettings(
    segments=5, nodes=5, starts=1, gradient_tolerance=5e-3, tolerance=ERROR, doublings=2, iterations=40
)


def case(
    name: str, decoders: Callable[[], Sequence[nn.Module]], pairs: int, settings: GeodesicSettings, **more: Any
) -> Case:
    """Geodesics of some pairs in some decoders, next to the procedure."""
    return Case(
        name=f"{name}, relative error 1e-4",
        baseline_name=f"the study's procedure, {STEPS:,} steps, 8 decoders",
        ours=lambda: ours(decoders(), pairs, settings),
        baseline=lambda: original(decoders(), pairs, FEW),
        baseline_fraction=FEW / STEPS,
        agree=shorter,
        on_device=lambda device: ours(decoders(), pairs, settings, device),
        note=f"the procedure is timed on {FEW} steps and scaled",
        **more,
    )


@functools.cache
def certified() -> torch.Tensor:
    """The lengths of the 20 dense pairs, to about 1e-6."""
    tight = attrs.evolve(DENSE, gradient_tolerance=1e-3, tolerance=1e-6, doublings=3)
    return ours(dense_decoders(), 20, tight).length


def by_stochman(iterations: int) -> torch.Tensor:
    """Lengths of its curves of ten cubic pieces, Adam at 0.1 on a grid of 20 points, measured in 1,024 chords."""
    from stochman.curves import CubicSpline
    from stochman.geodesic import geodesic_minimizing_energy
    from stochman.manifold import EmbeddedManifold

    F = dense_decoders()[0]

    class Decoded(EmbeddedManifold):  # type: ignore[misc]
        def embed(self, points: torch.Tensor, jacobian: bool = False) -> torch.Tensor:
            return F(points.reshape(-1, LATENTS)).reshape(*points.shape[:-1], -1)

    curves = CubicSpline(*ends(20), num_nodes=10, requires_grad=True)
    geodesic_minimizing_energy(curves, Decoded(), max_iter=iterations)
    with torch.no_grad():
        x = Decoded().embed(curves(torch.linspace(0, 1, 1025))).double()
    return (x[:, 1:] - x[:, :-1]).norm(dim=2).sum(1)


def near(error: float) -> Callable[[Geodesics, torch.Tensor], None]:
    """Both within an error of the certified lengths."""

    def agree(found: Geodesics, theirs: torch.Tensor) -> None:
        for length in (found.length, theirs):
            assert float((length / certified() - 1).abs().max()) <= error

    return agree


LOOSE = GeodesicSettings(segments=5, nodes=4, starts=1, gradient_tolerance=1e-2, tolerance=1, doublings=0)


def stochman_cases() -> Iterable[Case]:
    """At an error that stochman's own settings reach, and at one that takes it 1,000 steps."""
    for error, settings, iterations in ((1e-3, LOOSE, 150), (2e-4, DENSE, 1000)):
        yield Case(
            name=f"20 geodesics in one MLP decoder 16-64-128-256-512-784, within {error:g}",
            baseline_name=f"stochman 0.3.0, ten pieces, {iterations:,} steps",
            ours=functools.partial(ours, dense_decoders(), 20, settings),
            baseline=functools.partial(by_stochman, iterations),
            expected=2.0,
            agree=near(error),
            repeats=2,
            note="both within that of lengths to 1e-6; stochman gives no error of its own",
        )


def cases() -> Iterable[Case]:
    """Dense and convolutional, and next to stochman where it is installed."""
    if importlib.util.find_spec("stochman"):
        yield from stochman_cases()
    dense = "20 geodesics in an MLP decoder 16-64-128-256-512-784"
    yield case(dense, dense_decoders, 20, DENSE, expected=200.0, repeats=2)
    conv = "2 geodesics in the study's Fashion-MNIST decoder"
    yield case(conv, conv_decoders, 2, CONV, expected=50.0, repeats=1)
