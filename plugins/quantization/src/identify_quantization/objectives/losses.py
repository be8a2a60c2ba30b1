"""What the losses are made of: each a mean over the batch, as in the study (section 5 of its code's losses)."""

from __future__ import annotations

import torch

from identify_core import Batch, Call
from identify_quantization.networks.autoencoder import pixels
from identify_quantization.networks.latents import Code


def cross_entropy(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Sigmoid cross-entropy with targets from 0 to 1, in nats, a mean over pixels and rows.

    Where targets lie between 0 and 1 it does not reach 0: what is left is the entropy of the pixels.

    Args:
        logits: (b, C, H, W).
        x: images of the same shape, uint8 or from 0 to 1.
    """
    return torch.nn.functional.binary_cross_entropy_with_logits(logits, pixels(x, logits.dtype).to(logits.dtype))


def quantise_loss(code: Code) -> torch.Tensor:
    """mean (x − q)² that moves the books q alone."""
    return (code.before.detach() - code.value).square().mean()


def commit_loss(code: Code) -> torch.Tensor:
    """mean (x − q)² that moves the encoder's latents x alone."""
    return (code.before - code.value.detach()).square().mean()


def encode(call: Call, batch: Batch) -> Code:
    """The code of a batch; with the noise of the step, where there is any."""
    code: Code = call.part("latent")(call.part("encoder")(batch["x"]), batch.get("noise"))
    return code


def decode(call: Call, z: torch.Tensor) -> torch.Tensor:
    """Logits of images, (b, C, H, W)."""
    logits: torch.Tensor = call.part("decoder")(z)
    return logits
