"""The evaluator `reconstruction`: how well images are reconstructed, next to what the mean image gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from identify_core import Call, Context, Finding, LabelledArray, Subject, Table
from identify_quantization.evaluators.networks import (
    ROWS_AT_ONCE,
    call_of,
    spaced_images,
    split_images,
    spread,
    trained_networks,
)
from identify_quantization.networks.autoencoder import pixels
from identify_quantization.options.evaluators import ReconstructionOptions

LEAST_GAIN = 0.1
"""dB above the mean image from which on a network has learnt something."""


def evaluate(options: ReconstructionOptions, subject: Subject, context: Context) -> Finding:
    """Cross-entropy and PSNR of each replicate on one split, and some images of the first replicate.

    PSNR is −10 log10 of the mean squared error of an image, averaged over images, as in the study.

    Raises:
        OptionsError: the run's model is another, or has no such split.
    """
    run, replicates = trained_networks(subject.run, "reconstruction")
    column = split_images(run, options.split)
    found = replicates.encode(column, errors_of_rows, batch_size=ROWS_AT_ONCE, context=context).double().mean(dim=1)
    shown = spaced_images(column, options.shown, replicates.dtype)
    with torch.no_grad():
        predicted = torch.sigmoid(call_of(replicates, 0)(shown.to(replicates.device))).cpu()
    floor = _of_mean_image(column)
    held = "train" not in run.samples.splits or not _overlaps(run.samples.splits, options.split)
    psnr = {r: float(found[r, 1]) for r in range(replicates.count)}
    return Finding(
        summary=f"PSNR {spread(psnr)} dB on {len(column)} images; the mean image has {floor:.4g} dB",
        scalars={
            "psnr": float(found[:, 1].mean()),
            "cross-entropy": float(found[:, 0].mean()),
            "psnr-of-mean-image": floor,
        },
        tables={
            "replicates": Table(
                columns=("replicate", "cross-entropy", "psnr"),
                rows=[(r, float(found[r, 0]), float(found[r, 1])) for r in range(replicates.count)],
                caption=f"Reconstruction of the split {options.split}, means over images.",
                units={"cross-entropy": "nats a number", "psnr": "dB"},
            )
        },
        arrays={
            "true": _picture(shown, "images of the split"),
            "predicted": _picture(predicted, "their reconstruction by the first replicate"),
        },
        conventions={
            "psnr": "−10 log10 of an image's mean squared error, averaged over images",
            "rows": "held out from training" if held else "training has seen these images",
        },
        warnings=tuple(_unlearnt(psnr, floor)),
    )


def _unlearnt(psnr: dict[int, float], floor: float) -> Iterator[str]:
    """Say that latents are judged of which no image depends."""
    poor = [r for r, value in psnr.items() if not value > floor + LEAST_GAIN]
    if poor:
        yield (
            f"{len(poor)} of {len(psnr)} replicates reconstruct less than {LEAST_GAIN:g} dB better than the mean "
            "image: what is found of their latents does not come from training"
        )


def errors_of_rows(call: Call, x: torch.Tensor) -> torch.Tensor:
    """Cross-entropy and PSNR of each row, (b, 2)."""
    logits = call(x)
    target = pixels(x, logits.dtype).to(logits.dtype)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    squared = (torch.sigmoid(logits) - target).square().flatten(1).mean(dim=1)
    psnr = -10 * squared.clamp(min=torch.finfo(squared.dtype).tiny).log10()
    return torch.stack([entropy.flatten(1).mean(dim=1), psnr], dim=1)


def _of_mean_image(column: Any) -> float:
    """PSNR where every image is reconstructed by the mean of all."""
    x = spaced_images(column, 2000, torch.float64)
    squared = (x - x.mean(dim=0)).square().flatten(1).mean(dim=1)
    return float((-10 * squared.clamp(min=1e-300).log10()).mean())


def _overlaps(splits: Any, split: str) -> bool:
    return bool(set(splits["train"].tolist()) & set(splits[split].tolist()))


def _picture(images: torch.Tensor, summary: str) -> LabelledArray:
    return LabelledArray(
        values=images.float().numpy(), dimensions=("image", "channel", "down", "right"), summary=summary
    )
