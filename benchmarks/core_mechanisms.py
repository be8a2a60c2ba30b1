"""What the core's mechanisms gain: replicates of a VAE under vmap next to a loop, many small minima next to scipy's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.case import Case
from scipy.optimize import minimize

from identify_core import Adam, Batch, Call, Replicates, fit, minimise, pure
from identify_core.testing.contexts import make_context

REPLICATES, STEPS, ROWS, BATCH = 10, 300, 1500, 128
PIXELS, WIDTH, LATENTS = 64, 64, 4
MINIMA, SIZE = 400, 24
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Vae(torch.nn.Module):
    """An encoder and a decoder of one hidden layer, and the decoder's spread."""

    def __init__(self) -> None:
        super().__init__()
        layers = torch.nn
        self.encoder = layers.Sequential(layers.Linear(PIXELS, WIDTH), layers.ELU(), layers.Linear(WIDTH, 2 * LATENTS))
        self.decoder = layers.Sequential(layers.Linear(LATENTS, WIDTH), layers.ELU(), layers.Linear(WIDTH, PIXELS))
        self.log_spread = layers.Parameter(torch.full((PIXELS,), -1.0))


def elbo(encoder: Any, decoder: Any, log_spread: torch.Tensor, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor:
    """The negative evidence lower bound of a Gaussian decoder."""
    mean, log_variance = encoder(x).chunk(2, 1)
    decoded = decoder(mean + torch.exp(log_variance / 2) * eps)
    surprise = (0.5 * ((x - decoded) * torch.exp(-log_spread)).square() + log_spread).sum(1)
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
    return (surprise + divergence).mean()


@pure
def loss(call: Call, batch: Batch) -> torch.Tensor:
    """Of one replicate, its noise from the batch."""
    return elbo(call.part("encoder"), call.part("decoder"), call.tensors["log_spread"], batch["x"], batch["eps"])


def draw(generator: torch.Generator, rows: int) -> torch.Tensor:
    """What the latents are perturbed with."""
    return torch.randn(rows, LATENTS, generator=generator)


def data() -> torch.Tensor:
    """Rows of pixels."""
    return torch.rand(ROWS, PIXELS, generator=torch.Generator().manual_seed(0)).to(DEVICE)


def vaes() -> list[Vae]:
    """The same networks for all sides."""
    torch.manual_seed(0)
    return [Vae().to(DEVICE) for _ in range(REPLICATES)]


def trained(strategy: Any) -> torch.Tensor:
    """All replicates in one `fit`."""
    replicates = Replicates.from_modules(vaes(), strategy=strategy)
    with tempfile.TemporaryDirectory() as folder:
        fit(
            replicates,
            loss,
            {"x": data()},
            optimiser=Adam(),
            steps=STEPS,
            batch_size=BATCH,
            noise={"eps": draw},
            log_every=10,
            context=make_context(Path(folder), count=REPLICATES, device=DEVICE),
        )
    return replicates.vectors().cpu()


def by_hand() -> torch.Tensor:
    """Each network with torch.optim; as many draws of noise, from one generator."""
    x, generator = data(), torch.Generator().manual_seed(1)
    ended = []
    for net in vaes():
        optimiser = torch.optim.Adam(net.parameters())
        for step in range(STEPS):
            start = step * BATCH % (ROWS - ROWS % BATCH)
            rows = x[start : start + BATCH]
            optimiser.zero_grad()
            eps = draw(generator, len(rows)).to(DEVICE)
            elbo(net.encoder, net.decoder, net.log_spread, rows, eps).backward()
            optimiser.step()
        ended.append(torch.nn.utils.parameters_to_vector(net.parameters()).detach().cpu())
    return torch.stack(ended)


def same_weights(ours: Any, theirs: Any) -> None:
    """Both strategies train the same networks, to float32 accuracy after some hundred steps of Adam."""
    torch.testing.assert_close(ours, theirs, rtol=5e-2, atol=5e-3)


def trained_as_well(ours: Any, theirs: Any) -> None:
    """Other noise, so the same loss and not the same weights: the mean over replicates to two per cent."""

    def value(vectors: torch.Tensor) -> float:
        x, generator = data().cpu(), torch.Generator().manual_seed(2)
        values = []
        for vector in vectors:
            net = Vae()
            torch.nn.utils.vector_to_parameters(vector, net.parameters())
            with torch.no_grad():
                values.append(elbo(net.encoder, net.decoder, net.log_spread, x, draw(generator, ROWS)).item())
        return float(np.mean(values))

    assert abs(value(ours) - value(theirs)) < 0.02 * abs(value(theirs)) + 0.2


def valleys(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rosenbrock's valleys, each of a steepness of its own."""
    steep = 1 + rows.to(points.dtype) / 4
    return (steep[:, None] * (points[:, 1:] - points[:, :-1] ** 2) ** 2 + (1 - points[:, :-1]) ** 2).sum(1)


def starts() -> torch.Tensor:
    """Near enough to the one minimum, at ones."""
    return 1 + 0.3 * torch.randn(MINIMA, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def rowwise() -> torch.Tensor:
    """All rows at once."""
    return minimise(valleys, starts().to(DEVICE), iterations=2000, gradient_tolerance=1e-8).points.cpu()


def scipy_loop() -> torch.Tensor:
    """One call of scipy's L-BFGS-B a row, the same function and autograd."""
    ended = []
    for row, start in enumerate(starts()):
        which = torch.tensor([row])

        def value(point: Any, which: torch.Tensor = which) -> tuple[float, Any]:
            leaf = torch.from_numpy(point)[None].requires_grad_()
            found = valleys(leaf, which).sum()
            (slope,) = torch.autograd.grad(found, leaf)
            return found.item(), slope[0].numpy()

        options = {"maxiter": 2000, "gtol": 1e-8, "ftol": 0.0}
        ended.append(torch.from_numpy(minimize(value, start.numpy(), jac=True, method="L-BFGS-B", options=options).x))
    return torch.stack(ended)


def same_minima(ours: Any, theirs: Any) -> None:
    """Both at ones."""
    torch.testing.assert_close(ours, torch.ones_like(ours), rtol=0, atol=1e-5)
    torch.testing.assert_close(theirs, torch.ones_like(theirs), rtol=0, atol=1e-5)


def cases() -> Iterable[Case]:
    """A VAE, and the minimiser."""
    name = (
        f"{STEPS} steps of {REPLICATES} VAEs of {PIXELS} pixels, batch {BATCH}, noise drawn by (seed, replicate, step)"
    )
    yield Case(
        name=name,
        baseline_name="the same `fit` with the strategy `loop`",
        ours=lambda: trained("vmap"),
        baseline=lambda: trained("loop"),
        expected=2,
        agree=same_weights,
    )
    yield Case(
        name=f"{name}, next to plain torch",
        baseline_name="a loop over networks with torch.optim.Adam",
        ours=lambda: trained("vmap"),
        baseline=by_hand,
        expected=2,
        agree=trained_as_well,
    )
    yield Case(
        name=f"{MINIMA} minima of {SIZE} numbers, row by row",
        baseline_name="a loop of scipy's L-BFGS-B with autograd",
        ours=rowwise,
        baseline=scipy_loop,
        expected=10,
        agree=same_minima,
    )
