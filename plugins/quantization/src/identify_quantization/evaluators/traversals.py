"""The evaluator `traversals`: what each latent does to an image, over the sorted entries of its book."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from identify_core import Context, Finding, OptionsError, Subject
from identify_quantization.evaluators.networks import (
    ROWS_AT_ONCE,
    call_of,
    images_at,
    spaced_images,
    split_images,
    trained_networks,
)
from identify_quantization.networks.latents import Finite, Gaussian, ScalarBooks, VectorBooks
from identify_quantization.options.evaluators import TraversalsOptions


def evaluate(options: TraversalsOptions, subject: Subject, context: Context) -> Finding:
    """Images decoded while one latent moves and the others stay.

    The decoder of books is asked at entries alone: between them are codes that it never saw.

    Raises:
        OptionsError: the run's model is another, or has no such replicate or image.
    """
    run, replicates = trained_networks(subject.run, "traversals")
    column = split_images(run, "test")
    for name, value, limit in (
        ("replicate", options.replicate, replicates.count),
        ("image", options.image, len(column)),
    ):
        if value >= limit:
            raise OptionsError(f"{name} is {value}; the run has {name}s 0 to {limit - 1}")
    module = call_of(replicates, options.replicate)
    latent = module.latent
    if isinstance(latent, VectorBooks):
        raise OptionsError(
            "the rows of a table of vectors have no order to go through", hint="traversals is for scalar latents"
        )
    with torch.no_grad():
        codes = _codes(module, spaced_images(column, ROWS_AT_ONCE, replicates.dtype), replicates.device)
        start = _codes(module, images_at(column, torch.tensor([options.image]), replicates.dtype), replicates.device)[0]
        grid = _grid(latent, codes, options.values)
        moved = start.repeat(*grid.shape, 1)  # latent, value, latents
        for j in range(len(grid)):
            moved[j, :, j] = grid[j]
        images = torch.sigmoid(module.decoder(moved.flatten(0, 1))).cpu()
        effect = images.reshape(*grid.shape, *images.shape[1:])
        drawn = torch.sigmoid(module.decoder(_drawn(latent, options.drawn, context).to(codes))).cpu()
    change = (effect - effect.mean(dim=1, keepdim=True)).square().flatten(1).mean(dim=1).sqrt()
    strongest = int(change.argmax())
    return Finding(
        summary=f"latent {strongest} moves the image most, {float(change[strongest]):.3g} a pixel (root mean square); "
        f"{int((change < 0.01 * change.max()).sum())} of {len(grid)} move it by less than a hundredth of that",
        scalars={"strongest": strongest, "idle": int((change < 0.01 * change.max()).sum())},
        arrays={
            "images": (
                ("latent", "value", "channel", "down", "right"),
                effect.float().numpy(),
                "decoded while one latent takes each value",
            ),
            "drawn": (("image", "channel", "down", "right"), drawn.float().numpy(), "decoded from drawn latents"),
            "values": (("latent", "value"), grid.cpu().numpy(), "the values, in their order"),
            "change": (("latent",), change.numpy(), "root mean square of the pixels' deviations"),
        },
        conventions={
            "values": "book entries, sorted"
            if latent.quantised
            else "evenly over the range on the split, from at most 256 images"
        },
    )


def _codes(module: Any, images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The values of the latents of images, (n, n_z)."""
    values: torch.Tensor = module.latent(module.encoder(images.to(device))).value
    return values


def _drawn(latent: Any, count: int, context: Context) -> torch.Tensor:
    """Latents as a generator of images is given them: even over entries or from 0 to 1, normal of a Gaussian."""
    generator = context.streams.torch("drawn", 0)
    if isinstance(latent, Gaussian):
        return torch.randn(count, latent.count, generator=generator)
    uniform = torch.rand(count, latent.count, generator=generator)
    values: torch.Tensor = latent(uniform.to(next(iter(latent.parameters()), uniform)), draw=True)
    return values


def _grid(latent: Any, codes: torch.Tensor, count: int) -> torch.Tensor:
    """The values that each latent takes, ascending, (n_z, values); a short book repeats its greatest."""
    if isinstance(latent, Finite):
        return torch.linspace(-1, 1, latent.levels, dtype=codes.dtype, device=codes.device).repeat(latent.count, 1)
    if isinstance(latent, ScalarBooks):
        values = latent.values.expand(latent.count, -1).clone()
        values[latent.missing.expand_as(values)] = -torch.inf
        greatest = values.max(dim=1, keepdim=True).values
        filled: torch.Tensor = torch.where(values == -torch.inf, greatest, values).sort(dim=1).values
        return filled
    low, high = codes.min(dim=0).values, codes.max(dim=0).values
    steps = torch.from_numpy(np.linspace(0, 1, count)).to(codes)
    return low[:, None] + (high - low)[:, None] * steps
