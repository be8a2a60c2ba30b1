"""Graph paths, Fréchet means, the original procedure, precision, uncertainty, and all pairs in blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from identify_core import IdentifyError, Interrupted, OptionsError, StoreError
from identify_core.testing.contexts import make_context
from identify_metric.geometry import (
    GeodesicSettings,
    OriginalSettings,
    ensemble_variance,
    fit_precision,
    frechet_mean,
    geodesics,
    graph_paths,
    original_geodesics,
    pairwise,
    penalised_energy,
)
from identify_metric.geometry.original import null_space
from identify_metric.geometry.splines import basis_at

ONE = GeodesicSettings(starts=1)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sphere(z):
    t, p = z[:, :1], z[:, 1:]
    return torch.cat([t.sin() * p.cos(), t.sin() * p.sin(), t.cos()], dim=1)


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 9)).double().requires_grad_(False)


def test_a_path_over_samples_goes_round_a_ridge():
    ridge = lambda z: torch.cat([z, 4 * torch.exp(-4 * z.square().sum(1, keepdim=True))], dim=1)  # noqa: E731
    turn = torch.linspace(0, 2 * math.pi, 60).double()
    samples = torch.stack([1.4 * turn.cos(), 1.4 * turn.sin()], dim=1)
    samples = torch.cat([samples, torch.full((1, 2), math.nan).double()])
    a, b = torch.tensor([[-1.5, 0.0]]).double(), torch.tensor([[1.5, 0.0]]).double()
    alone = geodesics(ridge, a, b, settings=ONE)
    path = graph_paths(ridge, samples, a, b, segments=10, neighbours=4)
    found = geodesics(ridge, a, b, settings=ONE, paths=[path])
    assert found.length < 0.8 * alone.length
    assert found.start.tolist() == [1]
    far = torch.tensor([[50.0, 0.0]]).double()
    islands = torch.cat([a, far]) + torch.tensor([0.0, 0.1]).double()
    apart = graph_paths(ridge, islands, a, far, segments=10, neighbours=1)
    assert apart.abs().max() < 1e-9  # not connected: the straight line


def test_the_mean_of_a_flat_space_is_the_mean_and_on_a_sphere_the_middle():
    A = drawn(2, 5)
    z = drawn(6, 2)
    flat = frechet_mean(lambda x: x @ A, z)
    assert flat.converged
    torch.testing.assert_close(flat.point, z.mean(0), rtol=1e-3, atol=1e-4)
    turn = torch.arange(5) * (2 * math.pi / 5)
    ring = torch.stack([1.3 + 0.4 * turn.cos(), 0.8 + 0.4 * turn.sin() / math.sin(1.3)], dim=1).double()
    found = frechet_mean(sphere, ring)
    assert found.converged
    length = lambda point: geodesics(sphere, point.expand_as(ring), ring).length.square().mean()  # noqa: E731
    for nudge in torch.tensor([[0.02, 0], [-0.02, 0], [0, 0.02], [0, -0.02]]).double():
        assert length(found.point + nudge) > found.variance
    with pytest.raises(IdentifyError, match="one is not finite"):
        frechet_mean(sphere, ring * math.nan)


def test_the_original_curves_are_the_same_splines():
    """Its null space has the dimension n + 1 and spans what the orthonormal basis spans."""
    values = null_space(10, 256)
    assert values.shape == (256, 11)
    ours = basis_at(10, np.linspace(0, 1, 256))[0]
    np.testing.assert_allclose(ours @ np.linalg.lstsq(ours, values, rcond=None)[0], values, atol=1e-12)


def test_the_original_procedure_comes_near_from_above():
    a, b = drawn(4, 2), drawn(4, 2, seed=1)
    sure = geodesics(net(), a, b).length
    settled = original_geodesics(net(), a, b, OriginalSettings(delta=1e-6, steps=1500, points=128))
    as_released = original_geodesics(net(), a, b)
    relative = settled.length / sure - 1
    assert relative.abs().max() < 5e-3
    assert as_released.steps <= settled.steps
    assert (as_released.length / sure - 1).max() >= relative.max() - 1e-9


def test_a_precision_falls_away_from_the_data():
    z = drawn(200, 2)
    noise = 0.3 * drawn(200, 3, seed=1)
    sigma = fit_precision(z, noise, centres=8)
    near, far = sigma(z[:50]), sigma(torch.full((1, 2), 30.0).double())
    assert near.mean().item() == pytest.approx(0.3, rel=0.1)
    torch.testing.assert_close(far, torch.full((1, 3), 10.0).double())  # 1 / √ζ
    with pytest.raises(OptionsError, match="32 centres are wanted, and there are 5"):
        fit_precision(z[:5], noise[:5])


def test_the_penalised_energy_is_the_expectation_over_independent_draws():
    maps = [net(seed) for seed in range(3)]
    curves = torch.lerp(drawn(2, 1, 2), drawn(2, 1, 2, seed=1), torch.linspace(0, 1, 33).double()[None, :, None])
    T = 4
    at = curves[:, :: 32 // T]
    decoded = torch.stack([F(at.reshape(-1, 2)).reshape(2, T + 1, -1) for F in maps])
    expected = torch.zeros(2).double()
    for first in range(3):
        for second in range(3):
            expected += T * (decoded[first, :, 1:] - decoded[second, :, :-1]).square().sum((1, 2)) / 9
    torch.testing.assert_close(penalised_energy(maps, curves, points=T), expected)
    ratio = penalised_energy(maps, curves, points=64) / penalised_energy(maps, curves, points=32)
    assert (ratio > 3).all()  # it has no limit
    assert ensemble_variance([net(), net()], drawn(3, 2)).tolist() == [0, 0, 0]


def test_all_pairs_in_blocks_are_those_of_one_search(tmp_path):
    F, z = net(), drawn(5, 2)
    whole = pairwise(F, z, settings=ONE)
    rows, columns = np.triu_indices(5, 1)
    direct = geodesics(F, z[rows], z[columns], settings=ONE).length
    np.testing.assert_allclose(whole.length[rows, columns], direct, rtol=1e-5)
    assert (whole.length == whole.length.T).all()
    assert not whole.length.diagonal().any()
    blocks = pairwise(F, z, settings=ONE, block=3, folder=tmp_path / "d")
    np.testing.assert_allclose(blocks.length, whole.length, rtol=1e-5)
    assert blocks.computed == 4
    (tmp_path / "d" / "000000003.npz").unlink()  # as if it had been stopped before
    again = pairwise(F, z, settings=ONE, block=3, folder=tmp_path / "d")
    assert again.computed == 1
    np.testing.assert_array_equal(again.length, blocks.length)
    with pytest.raises(StoreError, match="of other points or settings"):
        pairwise(F, z + 1, settings=ONE, block=3, folder=tmp_path / "d")
    one = pairwise(F, z[:1])
    assert one.length.tolist() == [[0.0]]


def test_a_stopped_matrix_keeps_its_blocks(tmp_path):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 40

    F, z = net(), drawn(5, 2)
    context = make_context(tmp_path / "run", stop_requested=stop)
    with pytest.raises(Interrupted):
        pairwise(F, z, settings=ONE, block=2, folder=tmp_path / "d", context=context)
    kept = len(list((tmp_path / "d").glob("*.npz")))
    assert kept >= 1
    assert pairwise(F, z, settings=ONE, block=2, folder=tmp_path / "d").computed == 5 - kept


@pytest.mark.slow
def test_blocks_go_to_dask():
    distributed = pytest.importorskip("distributed")
    F, z = net(), drawn(4, 2)
    here = pairwise(F, z, settings=ONE, block=2)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = pairwise(F, z, settings=ONE, block=2, client=client)
    np.testing.assert_array_equal(there.length, here.length)


@pytest.mark.gpu
def test_geodesics_of_faces_are_the_same_on_a_gpu():
    """The study's decoder of 3 × 64 × 64 pixels, in float32, on both devices."""
    from identify_core import Shape
    from identify_metric.networks.convolutional import build_conv
    from identify_metric.options.models import ConvOptions

    torch.manual_seed(0)
    options = ConvOptions(architecture="celeba", latent_dim=64, decoders=1)
    decoder = build_conv(options, Shape(inputs=(3, 64, 64), outputs=()), None).decoders[0].requires_grad_(False)
    a, b = drawn(2, 64), drawn(2, 64, seed=1)
    few = GeodesicSettings(segments=4, nodes=2, starts=1, iterations=5, doublings=0)
    here = geodesics(lambda z: decoder(z.float()).double(), a, b, settings=few).length
    decoder.cuda()
    there = geodesics(lambda z: decoder(z.float()).double(), a.cuda(), b.cuda(), settings=few).length
    torch.testing.assert_close(there.cpu(), here, rtol=1e-3, atol=0)
