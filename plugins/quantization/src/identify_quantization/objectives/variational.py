"""The objectives with Gaussian latents: β-VAE, β-TCVAE, FactorVAE and DIP-VAE.

Every penalty is in nats an image and divided by D, the numbers of an image, because the cross-entropy is a mean over
these: the losses are the negative evidence lower bound over D, so that β is on the usual scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from identify_core import (
    Adam,
    Batch,
    Call,
    Context,
    Group,
    Loss,
    OptionsError,
    Replicates,
    Samples,
    Turn,
    gaussian_divergence,
)
from identify_quantization.networks.autoencoder import Autoencoder
from identify_quantization.networks.latents import Code, Gaussian
from identify_quantization.objectives.autoencoders import Kept
from identify_quantization.objectives.losses import cross_entropy, decode, encode
from identify_quantization.objectives.training import (
    decayed_and_rest,
    kept_latents,
    latent_of,
    normal,
    train_turns,
    uniform,
)
from identify_quantization.options.objectives import (
    BetaTcvaeOptions,
    BetaVaeOptions,
    DipVaeOptions,
    FactorVaeOptions,
)

_Options = BetaVaeOptions | BetaTcvaeOptions | FactorVaeOptions | DipVaeOptions
Terms = dict[str, torch.Tensor]
Penalty = Callable[[Call, Code, torch.Tensor], tuple[torch.Tensor, Terms]]
"""`penalty(call, code, warmth) -> (nats an image, its terms)`; warmth goes from 0 to 1 while the weight is annealed."""

_LOG_2_PI = math.log(2 * math.pi)
_DISCRIMINATOR_BETAS = (0.5, 0.9)  # Kim & Mnih, ICML 2018, appendix A


def train_beta_vae(options: BetaVaeOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Cross-entropy + β KL(q(z|x) | N(0, 1)) / D (Higgins et al., ICLR 2017).

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """

    def penalty(call: Call, code: Code, warmth: torch.Tensor) -> tuple[torch.Tensor, Terms]:
        kl = divergence(code)
        return options.beta * warmth * kl, {"divergence": kl}

    yield from _train("beta-vae", options, penalty, replicates, samples, context)


def train_beta_tcvae(options: BetaTcvaeOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """The divergence in its three parts, each with its factor (Chen et al., NeurIPS 2018, equation 4).

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    images, stratified = len(samples.splits["train"]), options.estimator == "stratified"

    def penalty(call: Call, code: Code, warmth: torch.Tensor) -> tuple[torch.Tensor, Terms]:
        information, correlation, dimensions = divergence_parts(code, images=images, stratified=stratified)
        total = (
            options.information * information
            + options.total_correlation * warmth * correlation
            + options.dimensions * dimensions
        )
        return total, {"information": information, "total-correlation": correlation, "dimensions": dimensions}

    yield from _train("beta-tcvae", options, penalty, replicates, samples, context)


def train_dip_vae(options: DipVaeOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """The divergence, and the covariance of the latents held at the identity (Kumar et al., ICLR 2018).

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """

    def penalty(call: Call, code: Code, warmth: torch.Tensor) -> tuple[torch.Tensor, Terms]:
        kl = divergence(code)
        off_diagonal, diagonal = covariance_distances(code, posterior=options.form == "posterior")
        held = options.off_diagonal * off_diagonal + options.diagonal * diagonal
        return kl + warmth * held, {"divergence": kl, "off-diagonal": off_diagonal, "diagonal": diagonal}

    yield from _train("dip-vae", options, penalty, replicates, samples, context)


def train_factor_vae(options: FactorVaeOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """The divergence, and the total correlation that a discriminator tells (Kim & Mnih, ICML 2018, algorithm 2).

    Raises:
        OptionsError: the model is none that it can train, or has no discriminator.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    latent = latent_of(replicates, "factor-vae", {Gaussian: "gaussian"})
    module = replicates.template
    if isinstance(module, Autoencoder) and module.discriminator is None:
        raise OptionsError("factor-vae needs a discriminator of latents", hint="set model.discriminator = true")

    def penalty(call: Call, code: Code, warmth: torch.Tensor) -> tuple[torch.Tensor, Terms]:
        kl = divergence(code)
        drawn, shuffled = call.part("discriminator")(code.through).unbind(dim=1)
        correlation = (drawn - shuffled).mean()
        return kl + options.gamma * warmth * correlation, {"divergence": kl, "total-correlation": correlation}

    discriminator = Group(
        r"discriminator\..*", Adam(learning_rate=options.discriminator_rate, betas=_DISCRIMINATOR_BETAS)
    )
    turns = [
        Turn(_variational_loss(options, penalty), decayed_and_rest(options, part="encoder|decoder"), name="model"),
        Turn(discriminate, [discriminator], name="discriminator"),
    ]
    noise = {"noise": normal(latent.count), "shuffle": uniform(latent.count)}
    result = train_turns(options, turns, replicates, samples, context, noise=noise)
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def discriminate(call: Call, batch: Batch) -> tuple[torch.Tensor, Terms]:
    """The cross-entropy of telling draws from draws that are shuffled latent by latent.

    Both are taken from one batch, where the paper has two; the ranks of `shuffle` (b, n_z) are the permutations.
    """
    drawn = encode(call, batch).through.detach()
    shuffled = drawn.gather(0, batch["shuffle"].argsort(dim=0))
    answers = call.part("discriminator")(torch.cat([drawn, shuffled]))
    truth = torch.arange(2, device=drawn.device).repeat_interleave(len(drawn))
    loss = torch.nn.functional.cross_entropy(answers, truth)
    return loss, {"right": (answers.argmax(dim=1) == truth).to(loss.dtype).mean()}


def divergence(code: Code) -> torch.Tensor:
    """KL(N(μ, σ²) | N(0, 1)) in nats, a mean over rows."""
    assert code.deviation is not None  # the latents are Gaussian
    return gaussian_divergence(code.value, 2 * code.deviation.log()).sum(dim=1).mean()


def divergence_parts(code: Code, *, images: int, stratified: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Index-code information, total correlation and divergence of single latents, in nats, means over rows.

    log q(z_i) = logsumexp_j (ln w_ij + Σ_k l_ijk) and log Π_k q(z_ik) = Σ_k logsumexp_j (ln w_ij + l_ijk), with l_ijk
    the log density of draw i's latent k under posterior j. Weighted: w = 1/(B N). Stratified (unbiased for a draw whose
    own image is in the batch): 1/N for the own posterior, (N − M)/(N M) for one other, 1/M for the rest, M = B − 1.

    Args:
        code: of a batch of B images, with draws.
        images: of the training set, N.
        stratified: whether the weights are stratified.
    """
    assert code.deviation is not None  # the latents are Gaussian
    z, mean, deviation = code.through, code.value, code.deviation
    distance = (z[:, None] - mean) / deviation
    each = -0.5 * (distance.square() + _LOG_2_PI) - deviation.log()
    weights = _log_weights(len(z), images, stratified=stratified, like=z)
    aggregate = torch.logsumexp(weights + each.sum(dim=2), dim=1)
    product = torch.logsumexp(weights[..., None] + each, dim=1).sum(dim=1)
    own = (-0.5 * (((z - mean) / deviation).square() + _LOG_2_PI) - deviation.log()).sum(dim=1)
    prior = (-0.5 * (z.square() + _LOG_2_PI)).sum(dim=1)
    return (own - aggregate).mean(), (aggregate - product).mean(), (product - prior).mean()


def _log_weights(batch: int, images: int, *, stratified: bool, like: torch.Tensor) -> torch.Tensor:
    """ln w_ij, (B, B)."""
    if not stratified or batch < 2:
        return torch.full((batch, batch), -math.log(batch) - math.log(images), dtype=like.dtype, device=like.device)
    others = batch - 1
    weights = torch.full((batch, batch), 1 / others, dtype=like.dtype, device=like.device)
    row = torch.arange(batch, device=like.device)
    weights[row, row] = 1 / images
    weights[row, (row + 1) % batch] = max(images - others, 0) / (images * others)
    return weights.log()


def covariance_distances(code: Code, *, posterior: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Σ_{i≠j} C_ij² and Σ_i (C_ii − 1)² of the covariance C (1/B) of means, or of the whole posterior."""
    assert code.deviation is not None  # the latents are Gaussian
    centred = code.value - code.value.mean(dim=0)
    covariance = centred.mT @ centred / len(centred)
    variances = covariance.diagonal()
    off_diagonal = covariance.square().sum() - variances.square().sum()
    if posterior:
        variances = variances + code.deviation.square().mean(dim=0)
    return off_diagonal, (variances - 1).square().sum()


def _train(
    name: str, options: _Options, penalty: Penalty, replicates: Replicates, samples: Samples, context: Context
) -> Kept:
    latent = latent_of(replicates, name, {Gaussian: "gaussian"})
    turns = [Turn(_variational_loss(options, penalty), decayed_and_rest(options))]
    result = train_turns(options, turns, replicates, samples, context, noise={"noise": normal(latent.count)})
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def _variational_loss(options: _Options, penalty: Penalty) -> Loss:
    """Cross-entropy of draws, and a penalty over D; its weight rises from 0 in the first `annealing` steps."""
    annealing = options.annealing

    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, Terms]:
        code = encode(call, batch)
        logits = decode(call, code.through)
        warmth = (batch["step"] / annealing).clamp(max=1) if annealing else torch.ones_like(batch["step"])
        reconstruction = cross_entropy(logits, batch["x"])
        added, terms = penalty(call, code, warmth)
        total = reconstruction + added / logits[0].numel()
        return total, {"reconstruction": reconstruction.detach(), **{k: v.detach() for k, v in terms.items()}}

    return loss
