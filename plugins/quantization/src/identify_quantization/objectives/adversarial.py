"""The objective `info-wgan-gp`: images are generated from drawn latents, which an encoder finds again.

With books the drawn latents are their entries, and the books learn through the generated images as well: the study's
QLInfoWGAN-GP. Source: Hsu et al., NeurIPS 2023, section 3.3; Gulrajani et al., NeurIPS 2017.
"""

from __future__ import annotations

from typing import Any

import torch

from identify_core import Batch, Call, Context, Loss, OptionsError, Replicates, Samples, Turn
from identify_quantization.networks.autoencoder import Autoencoder, pixels
from identify_quantization.networks.latents import Code, Continuous, ScalarBooks, VectorBooks
from identify_quantization.objectives.autoencoders import Kept
from identify_quantization.objectives.losses import commit_loss, decode, quantise_loss
from identify_quantization.objectives.training import decayed_and_rest, kept_latents, latent_of, train_turns, uniform
from identify_quantization.options.objectives import InfoWganOptions

Terms = dict[str, torch.Tensor]


def train_info_wgan_gp(options: InfoWganOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Critic and encoder in every step, generator and books in every fifth; the codes of real images are kept.

    Raises:
        OptionsError: the model is none that it can train, or has no critic.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    allowed: Any = {Continuous: "continuous", ScalarBooks: "scalar-books", VectorBooks: "vector-books"}
    latent = latent_of(replicates, "info-wgan-gp", allowed)
    module = replicates.template
    if isinstance(module, Autoencoder) and module.encoder.value is None:
        raise OptionsError("info-wgan-gp needs a critic next to the encoder's latents", hint="set model.critic = true")
    quantised = latent.quantised
    turns = [
        Turn(
            critic_loss(options, quantised=quantised),
            decayed_and_rest(options, part="encoder", betas=options.betas),
            name="critic",
        ),
        Turn(
            generator_loss(options, quantised=quantised),
            decayed_and_rest(options, part="decoder|latent", betas=options.betas),
            every=options.generator_every,
            name="generator",
        ),
    ]
    noise = {"drawn": uniform(latent.count), "mix": uniform(1, 1, 1)}
    result = train_turns(options, turns, replicates, samples, context, noise=noise)
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def critic_loss(options: InfoWganOptions, *, quantised: bool) -> Loss:
    """Of critic and encoder: C(fake) − C(real), gradient penalty, distance of found and drawn latents.

    The batch holds `drawn` (b, n_z) and `mix` (b, 1, 1, 1), numbers between 0 and 1.
    """

    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, Terms]:
        z = call.part("latent")(batch["drawn"], draw=True).detach()
        fake = decode(call, z).sigmoid().detach()
        real = pixels(batch["x"], fake.dtype)
        judged, code = judge(call, fake)
        mixed = batch["mix"] * real + (1 - batch["mix"]) * fake
        slope = torch.func.grad(lambda x: _value(call, x).sum())(mixed)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        value = judged.mean() - _value(call, real).mean()
        found, terms = found_loss(options, code, z, quantised=quantised)
        total = options.value * value + options.gradient * penalty + found
        return total, {"value": value.detach(), "penalty": penalty.detach(), **terms}

    return loss


def generator_loss(options: InfoWganOptions, *, quantised: bool) -> Loss:
    """Of generator and books: −C(fake), distance of found and drawn latents, on fresh latents."""

    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, Terms]:
        z = call.part("latent")(batch["drawn"], draw=True)
        judged, code = judge(call, decode(call, z).sigmoid())
        found, terms = found_loss(options, code, z, quantised=quantised)
        value = judged.mean()
        return found - options.value * value, {"value": value.detach(), **terms}

    return loss


def judge(call: Call, images: torch.Tensor) -> tuple[torch.Tensor, Code]:
    """The critic's values (b,) and the codes of images from 0 to 1."""
    features = call.part("encoder.trunk")(images)
    code: Code = call.part("latent")(call.part("encoder.head")(features))
    return call.part("encoder.value")(features)[:, 0], code


def found_loss(options: InfoWganOptions, code: Code, z: torch.Tensor, *, quantised: bool) -> tuple[torch.Tensor, Terms]:
    """The weighted squared distance of found and drawn latents, and with books quantise and commit."""
    distance = (code.through - z).square().mean()
    total = options.latent * distance
    if quantised:
        total = total + options.quantise * quantise_loss(code) + options.commit * commit_loss(code)
    return total, {"distance": distance.detach()}


def _value(call: Call, images: torch.Tensor) -> torch.Tensor:
    value: torch.Tensor = call.part("encoder.value")(call.part("encoder.trunk")(images))
    return value[:, 0]
