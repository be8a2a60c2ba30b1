"""The objectives that reconstruct and nothing random: AE, and QLAE with its books."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from identify_core import Batch, Call, Context, Finding, Latents, Loss, Replicates, Samples
from identify_quantization.networks.latents import Continuous, Finite, ScalarBooks
from identify_quantization.objectives.losses import commit_loss, cross_entropy, decode, encode, quantise_loss
from identify_quantization.objectives.training import kept_latents, latent_of, train_one_loss
from identify_quantization.options.objectives import AutoencoderOptions, QuantisedOptions

Kept = Iterator[Latents | Finding]


def train_ae(options: AutoencoderOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Reconstruction alone.

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    latent_of(replicates, "ae", {Continuous: "continuous", Finite: "finite"})
    result = train_one_loss(options, reconstruct, replicates, samples, context)
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def train_qlae(options: QuantisedOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Reconstruction with books: of each latent its own, or one for all.

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    latent_of(replicates, "qlae", {ScalarBooks: "scalar-books"})
    result = train_one_loss(options, quantised_loss(options), replicates, samples, context)
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def reconstruct(call: Call, batch: Batch) -> torch.Tensor:
    """The cross-entropy of the reconstruction."""
    return cross_entropy(decode(call, encode(call, batch).through), batch["x"])


def quantised_loss(options: QuantisedOptions) -> Loss:
    """Cross-entropy, and what draws books and latents together, each with its factor."""

    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        code = encode(call, batch)
        reconstruction = cross_entropy(decode(call, code.through), batch["x"])
        quantise, commit = quantise_loss(code), commit_loss(code)
        total = options.reconstruction * reconstruction + options.quantise * quantise + options.commit * commit
        return total, {"reconstruction": reconstruction.detach(), "distance": commit.detach()}

    return loss
