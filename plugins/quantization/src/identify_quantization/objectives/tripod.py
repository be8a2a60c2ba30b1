"""The objective `tripod`: latents on a fixed grid, independent, each with its own effect on the image.

After Hsu, Hamid, Burns, Finn & Wu, "Tripod: three complementary inductive biases for disentangled representation
learning", ICML 2024: finite scalar quantisation, a kernel estimate of the multi-information of the latents, and a
Hessian penalty (Peebles et al., ECCV 2020) that does not change where the decoder's output or its latents are scaled.
"""

from __future__ import annotations

import math

import torch

from identify_core import Batch, Call, Context, Loss, Replicates, Samples
from identify_quantization.networks.latents import Finite
from identify_quantization.objectives.autoencoders import Kept
from identify_quantization.objectives.losses import cross_entropy, decode, encode
from identify_quantization.objectives.training import kept_latents, latent_of, train_one_loss
from identify_quantization.options.objectives import TripodOptions

Terms = dict[str, torch.Tensor]


def train_tripod(options: TripodOptions, replicates: Replicates, samples: Samples, context: Context) -> Kept:
    """Reconstruction, multi-information and Hessian penalty, on latents of the kind `finite`.

    Raises:
        OptionsError: the model is none that it can train.
        Interrupted: the user stopped the run; a checkpoint was written.
    """
    latent = latent_of(replicates, "tripod", {Finite: "finite"})
    directions = options.directions

    def signs(generator: torch.Generator, rows: int) -> torch.Tensor:
        return torch.randint(2, (directions, rows, latent.count), generator=generator).float() * 2 - 1

    def normals(generator: torch.Generator, rows: int) -> torch.Tensor:
        return torch.randn(directions, rows, latent.count, generator=generator)

    noise = {"signs": signs, "normals": normals}
    result = train_one_loss(options, tripod_loss(options), replicates, samples, context, noise=noise)
    yield from kept_latents(options, replicates, samples, context)
    yield from result.snapshots


def tripod_loss(options: TripodOptions) -> Loss:
    """Cross-entropy, multi-information and Hessian penalty, the last two with their factors."""

    def loss(call: Call, batch: Batch) -> tuple[torch.Tensor, Terms]:
        code = encode(call, batch)
        reconstruction = cross_entropy(decode(call, code.through), batch["x"])
        information = multi_information(code.before)
        hessian = hessian_penalty(call, code.through, batch["signs"], batch["normals"], options.difference)
        total = reconstruction + options.information * information + options.hessian * hessian
        return total, {
            "reconstruction": reconstruction.detach(),
            "information": information.detach(),
            "hessian": hessian.detach(),
        }

    return loss


def multi_information(z: torch.Tensor) -> torch.Tensor:
    """The mean over rows of ln p(z) − Σ_j ln p_j(z_j), in nats, with densities by Gaussian kernels on the batch.

    Kernels are products over the latents, of bandwidth b^(−1/(d + 4)) deviations of each latent (Scott's rule), the
    same in the joint density and in the single ones, so that the constants cancel.

    Args:
        z: (b, d).
    """
    rows, latents = z.shape
    bandwidth = z.detach().std(dim=0).clamp(min=1e-6) * rows ** (-1 / (latents + 4))
    each = -0.5 * ((z[:, None] - z) / bandwidth).square()
    joint = torch.logsumexp(each.sum(dim=2), dim=1)
    single = torch.logsumexp(each, dim=1).sum(dim=1)
    return (joint - single).mean() + (latents - 1) * math.log(rows)


def hessian_penalty(
    call: Call, z: torch.Tensor, signs: torch.Tensor, normals: torch.Tensor, step: float
) -> torch.Tensor:
    """The share of the decoder's second derivatives that is mixed: Var(vᵀHv) over signs v, over that of normal v.

    Of every output, Var(vᵀHv) is 2 Σ_{i≠j} H_ij² for random signs and 2 Σ_ij H_ij² for normal numbers. Both are summed
    over outputs and rows; second derivatives are central differences, since rectifiers have none at a point.

    Args:
        call: the replicate.
        z: latents, (b, d).
        signs: −1 or 1, (directions, b, d).
        normals: standard normal, (directions, b, d).
        step: length of the differences.
    """
    middle = decode(call, z).sigmoid()

    def spread(directions: torch.Tensor) -> torch.Tensor:
        moved = torch.cat([z + step * directions, z - step * directions])
        outputs = decode(call, moved.flatten(0, 1)).sigmoid().reshape(2, len(directions), *middle.shape)
        second = (outputs[0] - 2 * middle + outputs[1]) / step**2
        return second.var(dim=0).sum()

    whole = spread(normals)
    return spread(signs) / whole.clamp(min=torch.finfo(whole.dtype).tiny ** 0.5)
