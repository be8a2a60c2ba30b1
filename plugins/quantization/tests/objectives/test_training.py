"""What objectives keep and refuse: indices rather than sums, the study's steps, restarts of entries, annealing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from identify_core import Context, IdentifyError, Replicates, Samples, Shape
from identify_core.testing.contexts import make_context
from identify_quantization.data.generated import make_generated
from identify_quantization.networks.autoencoder import build_dense
from identify_quantization.networks.latents import ScalarBooks
from identify_quantization.objectives import adversarial, autoencoders, tripod, variational
from identify_quantization.objectives.independent import independent_components
from identify_quantization.options import objectives as options
from identify_quantization.options.data import GeneratedOptions
from identify_quantization.options.networks import DenseOptions, LatentOptions


def samples(folder: Path) -> Samples:
    return make_generated(GeneratedOptions(side=8, evaluated=40), make_context(folder))


def replicates(count: int = 2, **model: Any) -> Replicates:
    built = []
    for seed in range(count):
        torch.manual_seed(seed)
        built.append(build_dense(DenseOptions(widths=(16,), **model), Shape(inputs=(3, 8, 8), outputs=()), None))
    return Replicates.from_modules(built, strategy="loop")


def kept(target: Any, given: Any, folder: Path, **model: Any) -> dict[str, Any]:
    found = target(given, replicates(**model), samples(folder), make_context(folder, count=2))
    return {each.name: each for each in found}


def test_what_is_stored_of_books_are_indices_and_values(tmp_path: Path) -> None:
    latent = LatentOptions(kind="scalar-books", count=3, values=4)
    given = options.QlaeOptions(steps=20, batch_size=32, learning_rate=0.01, kept_at=(0, 10), keep_before=True)
    found = kept(autoencoders.train_qlae, given, tmp_path, latent=latent)
    assert sorted(found) == ["before", "values", "z", "z-step-0", "z-step-10"]
    assert found["z"].values.shape == (2, 40, 3)
    assert set(found["z"].values.unique().tolist()) <= {0.0, 1.0, 2.0, 3.0}
    for r in range(2):
        for j in range(3):
            assert found["values"].values[r, :, j].unique().numel() == found["z"].values[r, :, j].unique().numel()
    assert not torch.equal(found["before"].values, found["values"].values)


def test_the_studys_steps() -> None:
    given = options.AutoencoderOptions(steps=12_000, kept_at="study")
    assert given.kept_steps == (0, *range(500, 5000, 500), 5000, 10_000)


def test_only_what_decays_shrinks(tmp_path: Path) -> None:
    """With a rate that is nearly nothing times a great decay, weights shrink and biases and books stay."""
    model = {"latent": LatentOptions(kind="scalar-books", count=2, values=3)}
    before, after = replicates(**model), replicates(**model)
    given = options.QlaeOptions(steps=1, batch_size=32, learning_rate=1e-7, weight_decay=1e6)
    list(autoencoders.train_qlae(given, after, samples(tmp_path), make_context(tmp_path, count=2)))
    for name, value in after.parameters.items():
        share = 1.0 if name.endswith("bias") or name.startswith("latent") else 0.9
        torch.testing.assert_close(value, share * before.parameters[name], rtol=1e-4, atol=2e-6, msg=name)


@pytest.mark.parametrize("shared", [False, True])
def test_entries_that_nothing_uses_are_restarted_at_latents(shared: bool, tmp_path: Path) -> None:
    model = {"latent": LatentOptions(kind="scalar-books", count=2, values=3, shared=shared)}
    given = options.QlaeOptions(steps=1, batch_size=1000, learning_rate=1e-9, weight_decay=0.0, restart_every=1)
    trained = replicates(**model)
    trained.parameters["latent.values"][..., 2] = 1e3
    list(autoencoders.train_qlae(given, trained, samples(tmp_path), make_context(tmp_path, count=2)))
    latent = samples(tmp_path).tensor("x")
    for r in range(2):
        module = trained.module(r)
        assert isinstance(module.latent, ScalarBooks)
        before = module.encoder(latent).detach()
        for j, value in enumerate(module.latent.values.detach()[:, 2]):
            column = before if shared else before[:, j]
            assert float((column - value).abs().min()) < 1e-4
        assert bool((module.latent.values[:, 0] == -0.5).all()) == bool((module.latent.values[:, 0] < -0.49).all())


def test_rows_that_nothing_uses_are_restarted_at_latents(tmp_path: Path) -> None:
    model = {"latent": LatentOptions(kind="vector-books", count=2, entries=4, width=2)}
    given = options.VqVaeOptions(steps=1, batch_size=1000, learning_rate=1e-9, weight_decay=0.0, restart_every=1)
    trained = replicates(**model)
    trained.parameters["latent.values"][:, 3] = 1e3
    list(autoencoders.train_vq_vae(given, trained, samples(tmp_path), make_context(tmp_path, count=2)))
    for r in range(2):
        module = trained.module(r)
        rows = module.encoder(samples(tmp_path).tensor("x")).detach().reshape(-1, 2)
        assert float((rows - module.latent.values.detach()[3]).norm(dim=1).min()) < 1e-3


def test_frozen_books_cannot_be_restarted(tmp_path: Path) -> None:
    latent = LatentOptions(kind="scalar-books", count=2, learnable=False)
    with pytest.raises(IdentifyError, match="the books of the model are frozen"):
        kept(autoencoders.train_qlae, options.QlaeOptions(steps=1, restart_every=1), tmp_path, latent=latent)


def test_frozen_books_stay(tmp_path: Path) -> None:
    model = {"latent": LatentOptions(kind="scalar-books", count=2, values=3, learnable=False)}
    trained = replicates(**model)
    list(
        autoencoders.train_qlae(
            options.QlaeOptions(steps=3, batch_size=32), trained, samples(tmp_path), make_context(tmp_path, count=2)
        )
    )
    assert trained.buffers["latent.values"][0].tolist() == [[-0.5, 0.0, 0.5]] * 2


def test_annealing_leaves_the_first_step_without_penalty(tmp_path: Path) -> None:
    model = {"latent": LatentOptions(kind="gaussian", count=2)}
    ends = {}
    for beta, annealing in ((0.0, 0), (50.0, 10), (50.0, 0)):
        given = options.BetaVaeOptions(steps=1, batch_size=1000, beta=beta, annealing=annealing)
        trained = replicates(**model)
        list(variational.train_beta_vae(given, trained, samples(tmp_path), make_context(tmp_path / str(len(ends)))))
        ends[beta, annealing] = trained.matrix
    torch.testing.assert_close(ends[0.0, 0], ends[50.0, 10])
    assert not torch.allclose(ends[0.0, 0], ends[50.0, 0])


REFUSED: dict[str, tuple[Any, Any, str, dict[str, Any]]] = {
    "ae": (autoencoders.train_ae, options.AutoencoderOptions(), "gaussian", {}),
    "bio-ae": (autoencoders.train_bio_ae, options.BioAeOptions(), "scalar-books", {}),
    "qlae": (autoencoders.train_qlae, options.QlaeOptions(), "continuous", {}),
    "vq-vae": (autoencoders.train_vq_vae, options.VqVaeOptions(), "scalar-books", {}),
    "beta-vae": (variational.train_beta_vae, options.BetaVaeOptions(), "continuous", {}),
    "factor-vae": (variational.train_factor_vae, options.FactorVaeOptions(), "continuous", {}),
    "tripod": (tripod.train_tripod, options.TripodOptions(), "scalar-books", {}),
    "info-wgan-gp": (adversarial.train_info_wgan_gp, options.InfoWganOptions(), "gaussian", {"critic": True}),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_latents_that_an_objective_cannot_train_are_refused(name: str, tmp_path: Path) -> None:
    target, given, kind, more = REFUSED[name]
    with pytest.raises(IdentifyError, match=rf"{name} trains latents of the kind .*, and those of the model are"):
        kept(target, given, tmp_path, latent=LatentOptions(kind=kind), **more)


def test_a_model_without_parts_is_refused(tmp_path: Path) -> None:
    context = make_context(tmp_path, count=1)
    foreign = Replicates.from_modules([torch.nn.Linear(2, 2)])
    for given in (None, foreign):
        with pytest.raises(IdentifyError, match="no such model"):
            list(autoencoders.train_ae(options.AutoencoderOptions(), given, samples(tmp_path), context))


def test_a_gan_needs_a_critic_and_factor_vae_a_discriminator(tmp_path: Path) -> None:
    with pytest.raises(IdentifyError, match="needs a critic"):
        kept(adversarial.train_info_wgan_gp, options.InfoWganOptions(), tmp_path)
    given = options.FactorVaeOptions()
    with pytest.raises(IdentifyError, match="needs a discriminator"):
        kept(variational.train_factor_vae, given, tmp_path, latent=LatentOptions(kind="gaussian"))


def test_a_split_that_is_not_there_is_refused(tmp_path: Path) -> None:
    data = samples(tmp_path).split("train")
    given = options.AutoencoderOptions(steps=0)
    with pytest.raises(IdentifyError, match="keep is 'test'"):
        list(autoencoders.train_ae(given, replicates(), data, make_context(tmp_path, count=2)))


def test_multi_information_of_independent_latents_is_less_than_of_equal_ones() -> None:
    z = torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
    apart, alike = tripod.multi_information(z), tripod.multi_information(z[:, :1].expand(-1, 2))
    assert abs(float(apart)) < 0.1
    assert float(alike) > 0.8


def test_hessian_penalty_is_nothing_for_latents_apart_and_does_not_change_with_scale() -> None:
    class Decoder:
        """Logits whose sigmoid is a sum of functions of one latent each, or a product of two latents."""

        def __init__(self, mixed: float) -> None:
            self.mixed = mixed

        def part(self, name: str) -> Any:
            def decode(z: torch.Tensor) -> torch.Tensor:
                image = 0.5 + 0.1 * (z[:, 0] ** 2 + z[:, 1] ** 2) + self.mixed * z[:, 0] * z[:, 1]
                return torch.logit(image)[:, None]

            return decode

    generator = torch.Generator().manual_seed(0)
    z = 0.2 * torch.rand(50, 2, generator=generator, dtype=torch.float64)
    signs = torch.randint(2, (8, 50, 2), generator=generator).double() * 2 - 1
    normals = torch.randn(4000, 50, 2, generator=generator, dtype=torch.float64)[:64]
    apart = tripod.hessian_penalty(Decoder(0.0), z, signs, normals, 0.05)
    mixed = tripod.hessian_penalty(Decoder(0.1), z, signs, normals, 0.05)
    assert float(apart) < 1e-6
    # H = [[.2, .1], [.1, .2]]: Σ_{i≠j} H² = .02 of Σ H² = .1
    assert float(mixed) == pytest.approx(0.2, rel=0.2)


def test_independent_components_undo_a_mixing() -> None:
    generator = np.random.default_rng(0)
    sources = generator.uniform(size=(3000, 3))
    mixed = sources @ generator.normal(size=(3, 3))
    wide = np.concatenate([mixed, mixed[:, :1]], axis=1)  # one direction without variance
    found, _, converged = independent_components(wide, options.IcaOptions(run="x"), seed=0)
    assert converged
    assert found.shape == (3000, 3)
    match = np.abs(np.corrcoef(found.T, sources.T)[:3, 3:])
    assert match.max(axis=1).min() > 0.99
    assert sorted(match.argmax(axis=1).tolist()) == [0, 1, 2]


def test_ica_refuses_a_model_and_latents_that_are_not_there(tmp_path: Path) -> None:
    from identify_quantization.objectives.independent import separate

    class Stored:
        id = "a-run"
        latents: dict[str, Any] = {}  # noqa: RUF012

    context = Context(
        device=torch.device("cpu"),
        dtype=torch.float32,
        seed=0,
        count=2,
        scratch=tmp_path,
        open_run=lambda _: Stored(),  # type: ignore[arg-type,return-value]
    )
    given = options.IcaOptions(run="a-run")
    with pytest.raises(IdentifyError, match="would not be used"):
        list(separate(given, replicates(), samples(tmp_path), context))
    with pytest.raises(IdentifyError, match="has no latents 'z'"):
        list(separate(given, None, samples(tmp_path), context))
