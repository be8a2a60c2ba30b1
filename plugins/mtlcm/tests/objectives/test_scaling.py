"""Maps of inputs and targets: unit covariance, and back to the same functions."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn

from identify_core import OptionsError, dense_network
from identify_mtlcm.objectives.refitting import Heads
from identify_mtlcm.objectives.scaling import InputMap, TargetScale, input_map
from identify_mtlcm.tasks import TaskRows


def inputs(rows: int = 300) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(rows, 4, generator=generator) @ torch.randn(4, 4, generator=generator)
    return mixed * torch.tensor([1.0, 100.0, 0.01, 1.0]) + torch.tensor([5.0, -30.0, 0.0, 1.0])


def test_whitened_inputs_have_unit_covariance_whatever_their_units() -> None:
    x = inputs()
    white = InputMap.of(x, "whiten").apply(x).double()
    assert torch.allclose(white.mean(0), torch.zeros(4, dtype=torch.float64), atol=1e-4)
    assert torch.allclose(white.T @ white / len(x), torch.eye(4, dtype=torch.float64), atol=1e-4)


def test_standardised_inputs_have_unit_variances_and_keep_their_correlations() -> None:
    x = inputs()
    mapped = InputMap.of(x, "standardise").apply(x)
    assert torch.allclose(mapped.square().mean(0), torch.ones(4), atol=1e-4)
    assert torch.allclose(torch.corrcoef(mapped.T), torch.corrcoef(x.T), atol=1e-4)


def test_half_whitened_directions_keep_the_root_of_their_spread() -> None:
    """Of standardised inputs, so that units do not matter; the mean variance is 1."""
    x = inputs()
    mapped = InputMap.of(x, "half-whiten").apply(x).double()
    covariance = mapped.T @ mapped / len(x)
    spread = torch.linalg.eigvalsh(torch.corrcoef(x.double().T))
    expected = spread.sqrt() / spread.sqrt().mean()
    assert torch.allclose(covariance, expected.diag(), atol=1e-4)


@pytest.mark.parametrize("kind", ["whiten", "standardise"])
def test_a_constant_feature_is_taken_out(kind: Literal["whiten", "standardise"]) -> None:
    x = torch.cat([inputs(), torch.full((300, 1), 7.0)], 1)
    mapping = InputMap.of(x, kind)
    changed = x.clone()
    changed[:, 4] = 1000.0
    assert torch.equal(mapping.apply(changed), mapping.apply(x))
    assert bool(mapping.apply(x).isfinite().all())


@pytest.mark.parametrize("kind", ["whiten", "half-whiten", "standardise"])
def test_folding_gives_the_same_function_of_the_inputs(kind: Literal["whiten", "half-whiten", "standardise"]) -> None:
    torch.manual_seed(0)
    x, encoder = inputs().double(), dense_network([4, 8, 3]).double()
    mapping = InputMap.of(x, kind)
    with torch.no_grad():
        expected = encoder(mapping.apply(x))
        assert torch.allclose(mapping.fold(encoder)(x), expected, rtol=1e-9, atol=1e-9)


def test_auto_maps_where_a_dense_layer_can_take_the_map_in() -> None:
    x = inputs()
    assert input_map(x, dense_network([4, 8, 3]), "auto") is not None
    assert input_map(x, dense_network([4, 8, 3]), "as-given") is None
    assert input_map(x, nn.Sequential(nn.ReLU(), nn.Linear(4, 3)), "auto") is None
    with pytest.raises(OptionsError, match='inputs = "whiten" needs an encoder that begins with a dense layer'):
        input_map(x, nn.Sequential(nn.ReLU(), nn.Linear(4, 3)), "whiten")


@pytest.mark.parametrize("wide", [False, True])
def test_scaled_targets_have_mean_0_and_variance_1_in_each_task(wide: bool) -> None:
    y = torch.randn(60, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 50.0, 0.1]) + 20
    y[::7, 1] = torch.nan
    task = None if wide else torch.arange(3).repeat(60)
    tasks = TaskRows(targets=y if wide else y.reshape(-1), task=task, count=3, names=tuple("abc"))
    scale = TargetScale.of(tasks)
    scaled = scale.apply(tasks).reshape(60, 3)
    assert torch.equal(scaled.isnan(), y.isnan())
    for t in range(3):
        seen = scaled[:, t][~scaled[:, t].isnan()]
        assert float(seen.mean()) == pytest.approx(0.0, abs=1e-4)
        assert float(seen.square().mean()) == pytest.approx(1.0, abs=1e-4)


def test_undone_heads_predict_the_targets_in_their_own_units() -> None:
    generator = torch.Generator().manual_seed(2)
    h = torch.randn(50, 2, generator=generator, dtype=torch.float64)
    y = h @ torch.tensor([[30.0, -2.0]], dtype=torch.float64).T + 7
    tasks = TaskRows(targets=y, task=None, count=1, names=("a",))
    scale = TargetScale.of(tasks)
    solution = torch.linalg.lstsq(
        torch.cat([h, torch.ones(50, 1, dtype=torch.float64)], 1), scale.apply(tasks)
    ).solution
    heads = scale.undo(Heads(weights=solution[:2].T, biases=solution[2]))
    assert heads.weights[0].tolist() == pytest.approx([30.0, -2.0])
    assert float(heads.biases[0]) == pytest.approx(7.0)
