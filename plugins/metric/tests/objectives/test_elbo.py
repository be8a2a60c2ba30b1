"""The bound against its definition, which decoder learns from which row, and what is refused."""

from __future__ import annotations

import math

import attrs
import numpy as np
import pytest
import torch
from torch import distributions, nn

from identify_core import Interrupted, MappedColumn, OptionsError, Replicates, Shape, gaussian_divergence
from identify_core.testing.contexts import make_context
from identify_metric.datasets.digits import make_digits
from identify_metric.networks.dense import build_dense, check_dense
from identify_metric.networks.vae import EnsembleVae, negative_log_likelihood, split_sigma
from identify_metric.objectives.elbo import bound_loss, groups_of, template_of, train
from identify_metric.objectives.refining import refine_latents
from identify_metric.options.data import DigitsOptions
from identify_metric.options.models import DenseOptions
from identify_metric.options.objectives import ElboOptions


def vaes(count=2, **options):
    settings = DenseOptions(latent_dim=2, decoders=2, hidden=(8,), **options)
    modules = []
    for seed in range(count):
        torch.manual_seed(seed)
        modules.append(build_dense(settings, Shape(inputs=(6,), outputs=()), None))
    return Replicates.from_modules(modules)


@pytest.mark.parametrize("law", ["gaussian", "gaussian-network", "bernoulli"])
def test_the_likelihood_is_that_of_torchs_distributions(law):
    x, decoded = torch.rand(5, 3).double(), torch.randn(5, 6 if law == "gaussian-network" else 3).double()
    log_sigma = torch.tensor([0.1, -0.3, 0.5]).double()
    if law == "bernoulli":
        x = x.round()
        expected = -distributions.Bernoulli(logits=decoded).log_prob(x).sum(1)
    else:
        mean, logs = split_sigma(decoded) if law == "gaussian-network" else (decoded, log_sigma)
        expected = -distributions.Normal(mean, logs.exp()).log_prob(x).sum(1) - 1.5 * math.log(2 * math.pi)
    torch.testing.assert_close(negative_log_likelihood(x, decoded, log_sigma, law), expected)


def test_the_divergence_is_that_of_torchs_distributions():
    mean, log_variance = torch.randn(4, 3), torch.randn(4, 3)
    normal = distributions.Normal(mean, (log_variance / 2).exp())
    expected = distributions.kl_divergence(normal, distributions.Normal(0.0, 1.0))
    torch.testing.assert_close(gaussian_divergence(mean, log_variance), expected)


def test_each_decoder_learns_from_its_own_chunk_of_a_batch():
    replicates = vaes(1)
    batch = {"x": torch.rand(8, 6), "eps": torch.randn(8, 2)}
    loss = bound_loss(template_of(replicates), beta=1.0, decoders="chunks")
    _, whole, _ = replicates.values_and_gradients(loss, batch)
    other = dict(batch, x=batch["x"].clone())
    other["x"][4:] = torch.rand(4, 6)  # the second decoder's rows
    _, changed, _ = replicates.values_and_gradients(loss, other)
    torch.testing.assert_close(whole["decoders.0.1.weight"], changed["decoders.0.1.weight"])
    assert not torch.allclose(whole["decoders.1.1.weight"], changed["decoders.1.1.weight"])


def test_a_last_batch_with_fewer_rows_than_decoders_teaches_the_first_ones():
    replicates = vaes(1)
    loss = bound_loss(template_of(replicates), beta=1.0, decoders="chunks")
    values, gradients, _ = replicates.values_and_gradients(loss, {"x": torch.rand(1, 6), "eps": torch.randn(1, 2)})
    assert values.isfinite().all()
    assert gradients["decoders.0.1.weight"].any()
    assert not gradients["decoders.1.1.weight"].any()


def test_a_drawn_decoder_alone_learns_from_a_batch():
    replicates = vaes(1)
    batch = {"x": torch.rand(8, 6), "eps": torch.randn(8, 2), "which": torch.tensor([0.0, 1.0])}
    loss = bound_loss(template_of(replicates), beta=1.0, decoders="draw")
    _, gradients, _ = replicates.values_and_gradients(loss, batch)
    assert not gradients["decoders.0.1.weight"].any()
    assert gradients["decoders.1.1.weight"].any()


def test_training_raises_the_bound_and_keeps_the_means_of_the_test_rows(tmp_path):
    samples = make_digits(DigitsOptions(test=30), make_context(tmp_path, count=1))
    options = DenseOptions(latent_dim=2, decoders=2, hidden=(16,), sigma="learned")
    modules = []
    for seed in range(2):
        torch.manual_seed(seed)
        modules.append(build_dense(options, samples.shape, None))
    bounds = []
    for epochs in (0, 3):
        replicates = Replicates.from_modules(modules)
        context = make_context(tmp_path / str(epochs), count=2)
        settings = ElboOptions(epochs=epochs, learning_rate=1e-2, warm_up=0)
        finding, latents = train(settings, replicates, samples, context)
        bounds.append(finding.scalars["bound"])
        assert latents.values.shape == (2, 30, 2)
        torch.testing.assert_close(latents.values, replicates(samples.split("test").tensor("x")))
    assert bounds[1] > bounds[0] + 5


def test_what_cannot_be_trained_is_refused(tmp_path):
    context = make_context(tmp_path, count=2)
    samples = make_digits(DigitsOptions(), context)
    with pytest.raises(OptionsError, match="a batch of 1 rows cannot be shared among 2 decoders"):
        list(train(ElboOptions(batch_size=1), vaes(), samples, context))
    with pytest.raises(OptionsError, match="but there is none"):
        list(train(ElboOptions(), None, samples, context))
    with pytest.raises(OptionsError, match="but it is a Linear"):
        list(train(ElboOptions(), Replicates.from_modules([nn.Linear(2, 2)]), samples, context))
    with pytest.raises(OptionsError, match=r"one row of 'x' has the shape \(\)"):
        check_dense(DenseOptions(), Shape(inputs=(), outputs=()))
    with pytest.raises(OptionsError, match="hold out 2000 rows, but digits has 1797"):
        make_digits(DigitsOptions(test=1800), context)


def test_an_ensemble_has_its_parts():
    vae = vaes(1).module(0)
    assert isinstance(vae, EnsembleVae)
    assert len(vae.decoders) == 2
    assert vae(torch.rand(3, 6)).shape == (3, 2)
    assert not torch.equal(vae.decoders[0](torch.ones(1, 2)), vae.decoders[1](torch.ones(1, 2)))


def test_inputs_in_a_file_train_as_those_in_memory(tmp_path):
    samples = make_digits(DigitsOptions(test=30, validation=60), make_context(tmp_path, count=1))
    bytes_ = (samples.tensor("x") * 16).round().to(torch.uint8)
    np.save(tmp_path / "x.npy", bytes_.numpy())
    mapped = attrs.evolve(samples, columns={"x": MappedColumn.of_npy(tmp_path / "x.npy", scale=1 / 16)})
    found = []
    for number, each in enumerate((samples, mapped)):
        torch.manual_seed(0)
        options = DenseOptions(latent_dim=2, decoders=2, hidden=(8,))
        replicates = Replicates.from_modules([build_dense(options, samples.shape, None) for _ in "ab"])
        context = make_context(tmp_path / str(number), count=2)
        finding, latents = train(ElboOptions(epochs=2, validate_every=1), replicates, each, context)
        found.append((finding.scalars["bound"], latents.values))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    torch.testing.assert_close(found[0][1], found[1][1])


def test_refined_latents_lie_where_the_posterior_is_highest(tmp_path):
    """A linear decoder has its maximum in closed form: (Σ W W' / σ² / S + β 1)⁻¹ Σ W (x − b) / σ² / S."""
    torch.manual_seed(0)
    options = DenseOptions(latent_dim=2, decoders=2, hidden=(8,), sigma=0.5)
    vae = build_dense(options, Shape(inputs=(6,), outputs=()), None).double()
    vae.decoders = nn.ModuleList(nn.Linear(2, 6, dtype=torch.float64) for _ in "ab")
    x, beta = torch.randn(7, 6, dtype=torch.float64), 0.7
    replicates = Replicates.from_modules([vae])
    z = replicates(x).detach()
    context = make_context(tmp_path)
    found = refine_latents(replicates, z, x, beta=beta, iterations=100, context=context)
    left = beta * torch.eye(2, dtype=torch.float64)
    right = torch.zeros(7, 2, dtype=torch.float64)
    for each in vae.decoders:
        left = left + each.weight.T @ each.weight / 0.25 / 2
        right = right + (x - each.bias) @ each.weight / 0.25 / 2
    torch.testing.assert_close(found[0], torch.linalg.solve(left, right.T).T.detach(), rtol=1e-4, atol=1e-5)
    stopped = make_context(tmp_path / "stopped", stop_requested=lambda: True)
    with pytest.raises(Interrupted, match="while latents were refined"):
        refine_latents(replicates, z, x, beta=beta, iterations=1, context=stopped)


@pytest.mark.parametrize("name", ["adamax", "adam", "adamw", "nesterov", "momentum", "sgd"])
@pytest.mark.parametrize("clip", [{"clip_norm": 1.0}, {"clip_norm": None, "clip_rms": 0.1}])
def test_each_optimiser_and_clipping_takes_a_step(tmp_path, name, clip):
    samples = make_digits(DigitsOptions(test=30, validation=1600), make_context(tmp_path, count=1))
    torch.manual_seed(0)
    options = DenseOptions(latent_dim=2, decoders=2, hidden=(4,))
    replicates = Replicates.from_modules([build_dense(options, samples.shape, None)])
    before = {name: each.clone() for name, each in replicates.state().items()}
    settings = ElboOptions(epochs=1, optimiser=name, warm_up=0, learning_rate=1e-3, patience=None, **clip)
    list(train(settings, replicates, samples, make_context(tmp_path / "run", count=1)))
    moved = {name for name, each in replicates.state().items() if not torch.equal(each, before[name])}
    assert moved == {name for name in before if name.startswith("parameters/")}


def test_each_tensor_is_clipped_by_its_own_root_mean_square():
    vae = vaes(1).template
    groups = groups_of(ElboOptions(clip_norm=None, clip_rms=0.1), vae, 10)
    assert [each.clip_norm for each in groups] == [0.1 * math.sqrt(each.numel()) for each in vae.parameters()]
    with pytest.raises(ValueError, match="gradients are clipped by one of them"):
        ElboOptions(clip_rms=0.1)


def test_schedules_of_the_study():
    def factors(steps, **options):
        (group,) = groups_of(ElboOptions(warm_up=0, **options), vaes(1).template, steps)
        return [group.schedule.factor(step, steps) for step in range(steps)]

    assert factors(10, schedule="piecewise") == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125]
    restarts = factors(9, schedule="restarts", cycles=3)
    assert restarts == pytest.approx([1, 0.5, 0] * 3)
    assert factors(3, schedule="constant") == [1, 1, 1]
