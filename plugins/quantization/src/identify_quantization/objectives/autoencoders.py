"""The objectives without noise: AE, BioAE, and with books QLAE and VQ-VAE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from identify_core import (
    Batch,
    Call,
    Context,
    Finding,
    Group,
    Latents,
    Loss,
    OptionsError,
    Replicates,
    Samples,
    Sgd,
    Turn,
)
from identify_quantization.networks.latents import Continuous, Finite, NoisyClamp, ScalarBooks, VectorBooks
from identify_quantization.objectives.losses import commit_loss, cross_entropy, decode, encode, quantise_loss
from identify_quantization.objectives.training import (
    decayed_and_rest,
    kept_latents,
    latent_of,
    normal,
    train_one_loss,
    train_turns,
)
from identify_quantization.options.objectives import AutoencoderOptions, BioAeOptions, QlaeOptions, VqVaeOptions

Kept = Iterator[Latents | Finding]


def train_ae(options: AutoencoderOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Reconstruction alone.

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    latent = latent_of(replicates, "ae", {Continuous: "continuous", Finite: "finite", NoisyClamp: "noisy-clamp"})
    noise = {"noise": normal(latent.count)} if isinstance(latent, NoisyClamp) else {}
    result = train_one_loss(options, reconstruct, replicates, samples, context, noise=noise)
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def train_bio_ae(options: BioAeOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Reconstruction with latents that are seldom negative and rarely active (Whittington et al., ICLR 2023).

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    latent_of(replicates, "bio-ae", {Continuous: "continuous"})
    result = train_one_loss(options, biological_loss(options), replicates, samples, context)
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def train_qlae(options: QlaeOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Reconstruction with books of scalars: of each latent its own, or one for all.

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    latent_of(replicates, "qlae", {ScalarBooks: "scalar-books"})
    yield from _train_with_books(options, replicates, samples, context)


def train_vq_vae(options: VqVaeOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Reconstruction with one table of vectors (van den Oord et al., NeurIPS 2017).

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    latent_of(replicates, "vq-vae", {VectorBooks: "vector-books"})
    yield from _train_with_books(options, replicates, samples, context)


def _train_with_books(
    options: QlaeOptions | VqVaeOptions, replicates: Replicates, samples: Samples, context: Context
) -> Kept:
    latent: Any = replicates.template.latent
    turns = [Turn(quantised_loss(options), decayed_and_rest(options), name="model")]
    noise = {}
    if options.restart_every is not None:
        if not isinstance(latent.values, torch.nn.Parameter):
            raise OptionsError(
                "restart_every is set, and the books of the model are frozen", hint="set model.latent.learnable = true"
            )
        group = Group(r"latent\.values", Sgd(learning_rate=1.0))
        turns.append(Turn(restart_loss, [group], every=options.restart_every, name="restart"))
        entries = latent.values.shape if isinstance(latent, ScalarBooks) else latent.values.shape[:1]
        noise["entries"] = lambda generator, rows: torch.rand(entries, generator=generator)
    result = train_turns(options, turns, replicates, samples, context, noise=noise)
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def reconstruct(call: Call, batch: Batch) -> torch.Tensor:
    """The cross-entropy of the reconstruction."""
    return cross_entropy(decode(call, encode(call, batch).through), batch["x"])


def biological_loss(options: BioAeOptions) -> Loss:
    """Cross-entropy, mean max(−z, 0) and mean z², each with its factor."""

    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        code = encode(call, batch)
        reconstruction = cross_entropy(decode(call, code.through), batch["x"])
        negative, activity = torch.relu(-code.value).mean(), code.value.square().mean()
        total = options.reconstruction * reconstruction + options.negative * negative + options.activity * activity
        return total, {
            "reconstruction": reconstruction.detach(),
            "negative": negative.detach(),
            "activity": activity.detach(),
        }

    return loss


def quantised_loss(options: QlaeOptions | VqVaeOptions) -> Loss:
    """Cross-entropy, and what draws books and latents together, each with its factor."""

    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        code = encode(call, batch)
        reconstruction = cross_entropy(decode(call, code.through), batch["x"])
        quantise, commit = quantise_loss(code), commit_loss(code)
        total = options.reconstruction * reconstruction + options.quantise * quantise + options.commit * commit
        return total, {"reconstruction": reconstruction.detach(), "distance": commit.detach()}

    return loss


def restart_loss(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """½ (v − x)² over the entries v that a batch does not use, x a latent drawn from it.

    One step of plain gradient descent at the rate 1 sets v to x, and nothing else moves.
    The batch holds `entries`, a number between 0 and 1 for each entry, which chooses the row that x comes from.
    """
    code = encode(call, batch)
    values = call.part("latent").tensors["values"]
    assert code.indices is not None  # the latents have books
    rows, latents = code.indices.shape
    row = (batch["entries"] * rows).long().clamp(max=rows - 1)
    if values.shape != row.shape:  # one table of vectors
        unused = (code.indices.reshape(-1, 1) != torch.arange(len(values), device=values.device)).all(dim=0)
        drawn = code.before.reshape(rows, latents, -1)[row, torch.arange(len(values), device=row.device) % latents]
        distance = (values - drawn.detach()).square().sum(-1)
    else:
        taken = code.indices[..., None] == torch.arange(values.shape[1], device=values.device)
        missing = call.part("latent").tensors["missing"]
        if len(values) == 1:
            unused = ~taken.flatten(0, 1).any(dim=0)[None] & ~missing
            drawn = code.before[row, torch.arange(values.shape[1], device=row.device) % latents]
        else:
            unused = ~taken.any(dim=0) & ~missing
            drawn = code.before[row, torch.arange(latents, device=row.device)[:, None]]
        distance = (values - drawn.detach()).square()
    loss = 0.5 * torch.where(unused, distance, 0).sum()
    return loss, {"entries": unused.sum().to(loss.dtype)}
