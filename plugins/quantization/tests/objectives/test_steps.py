"""Three steps of every objective equal plain torch: its own modules, losses written out, torch.optim, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - the name that everybody knows

from identify_core import Context, Factor, Replicates, Samples, Shape
from identify_core.testing.contexts import make_context
from identify_quantization.networks.autoencoder import Autoencoder, build_dense
from identify_quantization.objectives import adversarial, autoencoders, tripod, variational
from identify_quantization.options import objectives as options
from identify_quantization.options.networks import DenseOptions, LatentOptions

ROWS, LATENTS, STEPS, RATE = 12, 3, 3, 1e-2
Loss = Callable[[Autoencoder, torch.Tensor, Callable[[str], torch.Tensor]], torch.Tensor]


def images() -> Samples:
    x = torch.rand(ROWS, 1, 4, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    rows = np.arange(ROWS)
    factors = {"half": Factor(values=rows // 6, kind="categorical")}
    return Samples(columns={"x": x}, ids=rows, splits={"train": rows, "test": rows}, factors=factors)


def networks(count: int, **model: Any) -> list[Autoencoder]:
    built = []
    for seed in range(count):
        torch.manual_seed(seed)
        given = DenseOptions(widths=(6, 5), **model)
        built.append(build_dense(given, Shape(inputs=(1, 4, 4), outputs=()), None).double())
    return built


def train(target: Any, given: Any, modules: list[Autoencoder], folder: Path, strategy: str) -> Replicates:
    replicates = Replicates.from_modules(modules, dtype=torch.float64, strategy=strategy)
    list(target(given, replicates, images(), context(folder, len(modules))))
    return replicates


def context(folder: Path, count: int = 2) -> Context:
    return make_context(folder, count=count, dtype=torch.float64)


def noise_of(folder: Path, turn: str, draw: Callable[[torch.Generator], torch.Tensor], name: str, step: int) -> Any:
    """What the core draws for replicate 0, derived from the names alone."""
    place = f"train/{turn}/noise/{name}/step-{step}" if turn else f"train/noise/{name}/step-{step}"
    return draw(context(folder).streams.torch(place, 0)).double()


def optimisers(module: Autoencoder, parts: str, decay: float, betas: tuple[float, float] = (0.9, 0.999)) -> Any:
    named = {name: each for name, each in module.named_parameters() if name.split(".")[0] in parts.split()}
    free = [each for name, each in named.items() if name.endswith("bias") or name.startswith("latent")]
    decayed = [each for name, each in named.items() if not (name.endswith("bias") or name.startswith("latent"))]
    made: list[Any] = [torch.optim.AdamW(decayed, lr=RATE, weight_decay=decay, betas=betas)]
    if free:
        made.append(torch.optim.Adam(free, lr=RATE, betas=betas))
    return decayed, made


def update(loss: torch.Tensor, module: Autoencoder, decayed: list[Any], made: list[Any]) -> None:
    module.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(decayed, 1.0)
    for each in made:
        each.step()


def bce(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return (F.softplus(logits) - x * logits).mean()


def plain_scalar(module: Autoencoder, pre: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The book value of each latent, by a loop over rows and latents; and the straight-through value."""
    books = module.latent.values
    books = books.expand(LATENTS, -1)
    rows = []
    for row in pre:
        rows.append(torch.stack([books[j][(row[j] - books[j]).abs().argmin()] for j in range(LATENTS)]))
    value = torch.stack(rows)
    return value, pre + (value - pre).detach()


def qlae(module: Autoencoder, x: torch.Tensor, _: Any) -> torch.Tensor:
    pre = module.encoder(x)
    value, through = plain_scalar(module, pre)
    quantise, commit = (pre.detach() - value).square().mean(), (pre - value.detach()).square().mean()
    return bce(module.decoder(through), x) + 0.5 * quantise + 0.25 * commit


def clipped(module: Autoencoder, x: torch.Tensor, _: Any) -> torch.Tensor:
    pre = module.encoder(x)
    value, through = plain_scalar(module, pre)
    quantise, commit = (pre.detach() - value).square().mean(), (pre - value.detach()).square().mean()
    loss = 3000 * bce(module.decoder(through), x) + 0.01 * quantise + 0.01 * commit
    slopes = torch.autograd.grad(loss, [module.decoder[0].weight], retain_graph=True)
    assert slopes[0].abs().max() > 1  # so that it matters that entries are cut, and whose
    return loss


def vq_vae(module: Autoencoder, x: torch.Tensor, _: Any) -> torch.Tensor:
    pre = module.encoder(x)
    rows = pre.reshape(ROWS, LATENTS, 2)
    nearest = ((rows[:, :, None] - module.latent.values) ** 2).sum(-1).argmin(-1)
    value = module.latent.values[nearest].reshape(ROWS, -1)
    logits = module.decoder(pre + (value - pre).detach())
    return bce(logits, x) + (pre.detach() - value).square().mean() + 0.25 * (pre - value.detach()).square().mean()


def ae(module: Autoencoder, x: torch.Tensor, _: Any) -> torch.Tensor:
    return bce(module.decoder(module.encoder(x)), x)


def bio_ae(module: Autoencoder, x: torch.Tensor, _: Any) -> torch.Tensor:
    z = module.encoder(x)
    return bce(module.decoder(z), x) + (-z).clamp(min=0).mean() + 0.1 * (z**2).mean()


def posterior(module: Autoencoder, x: torch.Tensor, draw: Any) -> Any:
    out = module.encoder(x)
    mean, deviation = out[:, :LATENTS], torch.log1p(out[:, LATENTS:].exp())
    z = mean + deviation * draw("noise")
    return torch.distributions.Normal(mean, deviation), z, bce(module.decoder(z), x)


def kl_of(q: Any) -> torch.Tensor:
    return torch.distributions.kl_divergence(q, torch.distributions.Normal(torch.zeros_like(q.loc), 1.0)).sum(1).mean()


def beta_vae(module: Autoencoder, x: torch.Tensor, draw: Any) -> torch.Tensor:
    q, _, reconstruction = posterior(module, x, draw)
    return reconstruction + 4.0 * kl_of(q) / 16


def parts(q: Any, z: torch.Tensor, weights: torch.Tensor) -> Any:
    """The three parts of the divergence, by loops over pairs of rows."""
    density = [[q_log(q, j, z[i]) for j in range(len(z))] for i in range(len(z))]
    each = torch.stack([torch.stack(row) for row in density])
    joint = torch.stack([(weights[i] * each[i].sum(-1).exp()).sum().log() for i in range(len(z))])
    single = torch.stack([(weights[i][:, None] * each[i].exp()).sum(0).log().sum() for i in range(len(z))])
    own = torch.stack([each[i, i].sum() for i in range(len(z))])
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    return (own - joint).mean(), (joint - single).mean(), (single - prior).mean()


def q_log(q: Any, j: int, z: torch.Tensor) -> torch.Tensor:
    return -((z - q.loc[j]) ** 2) / (2 * q.scale[j] ** 2) - q.scale[j].log() - math.log(math.sqrt(2 * math.pi))


def beta_tcvae(module: Autoencoder, x: torch.Tensor, draw: Any) -> torch.Tensor:
    q, z, reconstruction = posterior(module, x, draw)
    weights = torch.full((ROWS, ROWS), 1 / (ROWS * ROWS), dtype=torch.float64)
    information, correlation, dimensions = parts(q, z, weights)
    return reconstruction + (information + 3 * correlation + dimensions) / 16


def stratified(module: Autoencoder, x: torch.Tensor, draw: Any) -> torch.Tensor:
    q, z, reconstruction = posterior(module, x, draw)
    others = ROWS - 1
    weights = torch.full((ROWS, ROWS), 1 / others, dtype=torch.float64)
    for i in range(ROWS):
        weights[i, i] = 1 / ROWS
        weights[i, (i + 1) % ROWS] = (ROWS - others) / (ROWS * others)
    information, correlation, dimensions = parts(q, z, weights)
    return reconstruction + (information + 3 * correlation + dimensions) / 16


def dip_vae(module: Autoencoder, x: torch.Tensor, draw: Any) -> torch.Tensor:
    q, _, reconstruction = posterior(module, x, draw)
    covariance = torch.cov(q.loc.T, correction=0)
    off, diagonal = 0.0, 0.0
    for i in range(LATENTS):
        for j in range(LATENTS):
            if i == j:
                diagonal = diagonal + (covariance[i, i] - 1) ** 2
            else:
                off = off + covariance[i, j] ** 2
    return reconstruction + (kl_of(q) + 10 * off + 100 * diagonal) / 16


def tripod_plain(module: Autoencoder, x: torch.Tensor, draw: Any) -> torch.Tensor:
    bounded = torch.tanh(module.encoder(x))
    grid = torch.linspace(-1, 1, 5, dtype=torch.float64)
    value = grid[(bounded[..., None] - grid).abs().argmin(-1)]
    z = bounded + (value - bounded).detach()
    bandwidth = bounded.detach().std(0) * ROWS ** (-1 / (LATENTS + 4))
    kernel = torch.exp(-0.5 * ((bounded[:, None] - bounded) / bandwidth) ** 2)
    joint = kernel.prod(-1).mean(1).log()
    information = (joint - kernel.mean(1).log().sum(-1)).mean()

    def image(y: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(module.decoder(y))

    def spread(directions: torch.Tensor) -> torch.Tensor:
        second = [(image(z + 0.1 * v) - 2 * image(z) + image(z - 0.1 * v)) / 0.01 for v in directions]
        return torch.stack(second).var(0).sum()

    return bce(module.decoder(z), x) + 0.5 * information + 0.5 * spread(draw("signs")) / spread(draw("normals"))


COMMON: dict[str, Any] = {"steps": STEPS, "learning_rate": RATE, "batch_size": 64, "weight_decay": 0.3}
BOOKS = LatentOptions(kind="scalar-books", count=LATENTS, values=4)
SHARED = LatentOptions(kind="scalar-books", count=LATENTS, values=4, shared=True)
VECTORS = LatentOptions(kind="vector-books", count=LATENTS, entries=6, width=2)
PLAIN = LatentOptions(kind="continuous", count=LATENTS)
GAUSSIAN = LatentOptions(kind="gaussian", count=LATENTS)
FINITE = LatentOptions(kind="finite", count=LATENTS, levels=5)
NORMAL = {"noise": lambda g: torch.randn(ROWS, LATENTS, generator=g)}
PROBES = {
    "signs": lambda g: torch.randint(2, (2, ROWS, LATENTS), generator=g).float() * 2 - 1,
    "normals": lambda g: torch.randn(2, ROWS, LATENTS, generator=g),
}
CASES: dict[str, tuple[Any, Any, LatentOptions, Loss, dict[str, Any]]] = {
    "ae": (autoencoders.train_ae, options.AutoencoderOptions(**COMMON), PLAIN, ae, {}),
    "bio-ae": (autoencoders.train_bio_ae, options.BioAeOptions(**COMMON), PLAIN, bio_ae, {}),
    "qlae": (autoencoders.train_qlae, options.QlaeOptions(quantise=0.5, commit=0.25, **COMMON), BOOKS, qlae, {}),
    "qlae, clipped": (
        autoencoders.train_qlae,
        options.QlaeOptions(reconstruction=3000.0, **COMMON),
        BOOKS,
        clipped,
        {},
    ),
    "qlae, one book": (
        autoencoders.train_qlae,
        options.QlaeOptions(quantise=0.5, commit=0.25, **COMMON),
        SHARED,
        qlae,
        {},
    ),
    "vq-vae": (autoencoders.train_vq_vae, options.VqVaeOptions(**COMMON), VECTORS, vq_vae, {}),
    "beta-vae": (variational.train_beta_vae, options.BetaVaeOptions(beta=4.0, **COMMON), GAUSSIAN, beta_vae, NORMAL),
    "beta-tcvae": (
        variational.train_beta_tcvae,
        options.BetaTcvaeOptions(total_correlation=3.0, **COMMON),
        GAUSSIAN,
        beta_tcvae,
        NORMAL,
    ),
    "stratified": (
        variational.train_beta_tcvae,
        options.BetaTcvaeOptions(total_correlation=3.0, estimator="stratified", **COMMON),
        GAUSSIAN,
        stratified,
        NORMAL,
    ),
    "dip-vae": (variational.train_dip_vae, options.DipVaeOptions(**COMMON), GAUSSIAN, dip_vae, NORMAL),
    "tripod": (
        tripod.train_tripod,
        options.TripodOptions(information=0.5, hessian=0.5, **COMMON),
        FINITE,
        tripod_plain,
        PROBES,
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_three_steps_equal_plain_torch(name: str, tmp_path: Path) -> None:
    target, given, latent, plain, noise = CASES[name]
    strategy = "loop" if name == "qlae" else "vmap"
    trained = train(target, given, networks(2, latent=latent), tmp_path / "run", strategy)
    module = networks(1, latent=latent)[0]
    decayed, made = optimisers(module, "encoder latent decoder", 0.3)
    x = images().tensor("x")
    turn = "model" if name.startswith(("qlae", "vq")) else ""
    for step in range(STEPS):

        def draw(what: str, step: int = step) -> torch.Tensor:
            return noise_of(tmp_path / "noise", turn, noise[what], what, step)

        update(plain(module, x, draw), module, decayed, made)
    assert_equal(trained, module)


def assert_equal(trained: Replicates, module: Autoencoder) -> None:
    found = dict(trained.module(0).named_parameters())
    start = dict(networks(1, **_like(module))[0].named_parameters())
    moved = [name for name, each in module.named_parameters() if not torch.equal(each, start[name])]
    assert len(moved) > 10
    for name, each in module.named_parameters():
        torch.testing.assert_close(found[name], each, rtol=2e-5, atol=1e-10, msg=lambda said, n=name: f"{n}: {said}")


def _like(module: Autoencoder) -> dict[str, Any]:
    kinds = {"ScalarBooks": BOOKS, "VectorBooks": VECTORS, "Continuous": PLAIN, "Gaussian": GAUSSIAN, "Finite": FINITE}
    latent = kinds[type(module.latent).__name__]
    if latent is BOOKS and len(module.latent.values) == 1:
        latent = SHARED
    critic, discriminator = module.encoder.value is not None, module.discriminator is not None
    return {"latent": latent, "critic": critic, "discriminator": discriminator}


@pytest.mark.parametrize(("latent", "strategy"), [(PLAIN, "loop"), (BOOKS, "vmap")], ids=["base", "quantised"])
def test_steps_of_the_gan_equal_plain_torch(latent: LatentOptions, strategy: str, tmp_path: Path) -> None:
    given = options.InfoWganOptions(generator_every=2, latent=3.0, quantise=0.5, commit=0.25, **COMMON)
    model = {"latent": latent, "critic": True}
    trained = train(adversarial.train_info_wgan_gp, given, networks(2, **model), tmp_path / "run", strategy)
    module = networks(1, **model)[0]
    critics = optimisers(module, "encoder", 0.3, (0.0, 0.9))
    generators = optimisers(module, "decoder latent", 0.3, (0.0, 0.9))
    real = images().tensor("x")
    quantised = latent is BOOKS

    def sample(uniform: torch.Tensor) -> torch.Tensor:
        if not quantised:
            return uniform
        rows = [[module.latent.values[j, int(u * 4)] for j, u in enumerate(row)] for row in uniform]
        return torch.stack([torch.stack(row) for row in rows])

    def judge(pictures: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = module.encoder.trunk(pictures)
        pre = module.encoder.head(features)
        found, extra = pre, 0.0
        if quantised:
            value, found = plain_scalar(module, pre)
            extra = 0.5 * (pre.detach() - value).square().mean() + 0.25 * (pre - value.detach()).square().mean()
        return module.encoder.value(features).mean(), 3.0 * (found - z).square().mean() + extra

    for step in range(STEPS):
        for turn, (decayed, made), due in (("critic", critics, True), ("generator", generators, step % 2 == 1)):
            if not due:
                continue
            drawn = noise_of(tmp_path / "n", turn, lambda g: torch.rand(ROWS, LATENTS, generator=g), "drawn", step)
            z = sample(drawn)
            if turn == "generator":
                value, found = judge(torch.sigmoid(module.decoder(z)), z)
                update(found - value, module, decayed, made)
                continue
            fake = torch.sigmoid(module.decoder(z)).detach()
            mix = noise_of(tmp_path / "n", turn, lambda g: torch.rand(ROWS, 1, 1, 1, generator=g), "mix", step)
            mixed = (mix * real + (1 - mix) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(
                module.encoder.value(module.encoder.trunk(mixed)).sum(), mixed, create_graph=True
            )
            penalty = ((slope.flatten(1).square().sum(1).sqrt() - 1) ** 2).mean()
            value, found = judge(fake, z.detach())
            value = value - module.encoder.value(module.encoder.trunk(real)).mean()
            update(value + 10 * penalty + found, module, decayed, made)
    assert_equal(trained, module)
    if quantised:  # books move through the generated images too
        assert not torch.equal(module.latent.values, networks(1, **model)[0].latent.values)


def test_steps_of_factor_vae_equal_plain_torch(tmp_path: Path) -> None:
    given = options.FactorVaeOptions(gamma=5.0, discriminator_rate=RATE, **COMMON)
    model = {"latent": GAUSSIAN, "discriminator": True}
    trained = train(variational.train_factor_vae, given, networks(1, **model), tmp_path / "run", "loop")
    module = networks(1, **model)[0]
    decayed, made = optimisers(module, "encoder decoder", 0.3)
    teller = torch.optim.Adam(module.discriminator.parameters(), lr=RATE, betas=(0.5, 0.9))
    x = images().tensor("x")
    for step in range(STEPS):
        for turn in ("model", "discriminator"):

            def draw(what: str, turn: str = turn, step: int = step) -> torch.Tensor:
                return noise_of(tmp_path / "n", turn, NORMAL[what], what, step)

            q, z, reconstruction = posterior(module, x, draw)
            if turn == "model":
                logits = module.discriminator(z)
                correlation = (logits[:, 0] - logits[:, 1]).mean()
                update(reconstruction + (kl_of(q) + 5 * correlation) / 16, module, decayed, made)
                continue
            ranks = noise_of(tmp_path / "n", turn, lambda g: torch.rand(ROWS, LATENTS, generator=g), "shuffle", step)
            mixed = torch.stack([z[ranks[:, j].argsort(), j] for j in range(LATENTS)], 1)
            first = F.cross_entropy(module.discriminator(z.detach()), torch.zeros(ROWS, dtype=torch.long))
            second = F.cross_entropy(module.discriminator(mixed.detach()), torch.ones(ROWS, dtype=torch.long))
            module.zero_grad()
            (0.5 * (first + second)).backward()
            teller.step()
    assert_equal(trained, module)
