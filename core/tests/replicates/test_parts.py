"""Parts of a module, each replicate's own, against the submodules themselves; maps that autograd goes back through."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from identify_core.errors import RunError
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing import networks
from identify_core.testing.networks import inputs


class Ensemble(nn.Module):
    """An encoder and three decoders, each with normalisation, and a parameter of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
            self.decoders = nn.ModuleList(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)) for _ in range(3))
            self.log_scale = nn.Parameter(torch.randn(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.decoders[0](self.encoder(x))
        return y


def build(strategy: Any, count: int = 4) -> Replicates:
    return Replicates.build(Ensemble, count, device="cpu", dtype=torch.float64, strategy=strategy)


def reconstruction(call: Call, batch: Batch) -> torch.Tensor:
    z = call.part("encoder")(batch["x"])
    outputs = [call.part("decoders").part(str(k))(z) * (k + 1) for k in range(3)]
    error: torch.Tensor = (sum(outputs) - batch["x"]) * torch.exp(call.tensors["log_scale"])
    return error.square().mean()


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_a_loss_of_parts_has_the_gradients_and_leaves_the_buffers_of_a_plain_loop(strategy: str) -> None:
    replicates = build(strategy)
    modules = [replicates.module(each) for each in range(4)]
    x = inputs(9).double()
    values, gradients, _ = replicates.values_and_gradients(reconstruction, {"x": x})
    for number, module in enumerate(modules):
        assert isinstance(module, Ensemble)
        z = module.encoder(x)
        outputs = [module.decoders[k](z) * (k + 1) for k in range(3)]
        loss = ((sum(outputs) - x) * torch.exp(module.log_scale)).square().mean()
        loss.backward()
        assert values[number].item() == pytest.approx(loss.item(), rel=1e-12)
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None
            assert torch.allclose(gradients[name][number], parameter.grad, rtol=1e-12, atol=1e-12)
        for name, buffer in module.named_buffers():
            assert torch.allclose(replicates.buffers[name][number], buffer, rtol=1e-12)
    assert replicates.strategy == strategy


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_a_map_carries_gradients_to_its_data_where_it_is_asked_to(strategy: str) -> None:
    replicates = build(strategy).eval()
    z = inputs(4, 7, 4).double().requires_grad_()

    def decode(call: Call, z: torch.Tensor) -> torch.Tensor:
        return torch.cat([call.part(f"decoders.{k}")(z) for k in range(3)], -1)

    assert not replicates.map(decode, z, shared=False).requires_grad
    ours = replicates.map(decode, z, shared=False, differentiable=True)
    (slope,) = torch.autograd.grad(ours.square().sum(), z)
    for number in range(4):
        module = replicates.module(number)
        assert isinstance(module, Ensemble)
        theirs = torch.cat([decoder(z[number]) for decoder in module.decoders], -1)
        (expected,) = torch.autograd.grad(theirs.square().sum(), z)
        assert torch.allclose(ours[number], theirs, rtol=1e-12, atol=1e-14)
        assert torch.allclose(slope[number], expected[number], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_a_map_may_share_some_of_its_data(strategy: str) -> None:
    replicates = build(strategy).eval()
    data = {"x": inputs(7).double(), "shift": inputs(4, 4).double()}
    ours = replicates.map(
        lambda call, data: call.part("encoder")(data["x"]) + data["shift"], data, shared=frozenset({"x"})
    )
    for number in range(4):
        module = replicates.module(number)
        assert isinstance(module, Ensemble)
        assert torch.allclose(ours[number], module.encoder(data["x"]) + data["shift"][number], rtol=1e-12)


def test_a_part_of_all_replicates_has_their_numbers_and_leaves_theirs_alone() -> None:
    replicates = build("auto").select([3, 1])
    decoders = replicates.part("decoders.2")
    assert decoders.numbers == (3, 1)
    assert decoders.training
    z = inputs(2, 7, 4).double()
    before = replicates.state()
    decoders(z, shared=False)
    assert all(torch.equal(value, before[name]) for name, value in replicates.state().items())
    decoders = replicates.part("decoders.2").eval()
    replicates.eval()
    for row in range(2):
        module = replicates.module(row)
        assert isinstance(module, Ensemble)
        assert torch.allclose(decoders(z, shared=False)[row], module.decoders[2](z[row]), rtol=1e-12)
    assert replicates.part("encoder.1").parameter_count == 0


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_a_weight_that_goes_by_two_names_is_found_under_either(strategy: Any) -> None:
    replicates = Replicates.build(networks.Tied, 3, device="cpu", dtype=torch.float64, strategy=strategy)
    x = inputs(5).double()
    ours = replicates.map(lambda call, x: call.part("second")(x), x)
    apart = replicates.part("second")
    for number in range(3):
        module = replicates.module(number)
        assert isinstance(module, networks.Tied)
        assert torch.allclose(ours[number], module.second(x), rtol=1e-12)
        assert torch.allclose(apart(x)[number], module.second(x), rtol=1e-12)


class _Holding(nn.Module):
    """A part that replaces its buffers by new tensors."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.inner = networks.Replacing(seed)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.inner(x)
        return y


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_buffers_that_a_part_replaces_are_the_replicates_own(strategy: Any) -> None:
    through, whole = (
        Replicates.build(_Holding, 3, device="cpu", dtype=torch.float64, strategy=strategy) for _ in range(2)
    )
    x = inputs(5).double()
    for _ in range(2):
        through.map(lambda call, x: call.part("inner")(x), x)
        whole(x)
    assert through.buffers["inner.calls"].tolist() == [2.0, 2.0, 2.0]
    assert torch.equal(through.buffers["inner.mean"], whole.buffers["inner.mean"])


def test_a_part_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    replicates = build("auto")
    with pytest.raises(RunError, match=r"the model has no part 'decoders\.3'") as caught:
        replicates.part("decoders.3")
    assert caught.value.hint is not None
    assert "decoders.2" in caught.value.hint
    with pytest.raises(RunError, match="the model has no part 'decodes'") as caught:
        replicates.map(lambda call, x: call.part("decodes")(x), inputs().double())
    assert caught.value.hint == "did you mean 'decoders'?"


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_gradients_of_some_parameters_are_those_columns_of_all_of_them(strategy: Any) -> None:
    replicates = build(strategy)
    batch = {"x": inputs(9).double()}
    trained = frozenset(name for name in replicates.parameter_names if name.startswith("decoders.1"))
    everything = replicates.select(range(4)).values_and_gradients(reconstruction, batch)[1]
    _, some, _ = replicates.loss_vectors(reconstruction, batch, trained=trained)
    expected = torch.cat([everything[name].reshape(4, -1) for name in replicates.parameter_names if name in trained], 1)
    assert torch.allclose(some, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.gpu
def test_parts_on_a_gpu_are_those_of_the_cpu() -> None:
    here = build("auto").eval()
    there = here.to(device="cuda")
    z = inputs(4, 7, 4).double()
    ours = there.part("decoders.1")(z.cuda(), shared=False)
    assert torch.allclose(ours.cpu(), here.part("decoders.1")(z, shared=False), rtol=1e-10, atol=1e-12)
    batch = {"x": inputs(9).double()}
    on_gpu = there.values_and_gradients(reconstruction, {"x": batch["x"].cuda()})[0]
    assert torch.allclose(on_gpu.cpu(), here.values_and_gradients(reconstruction, batch)[0], rtol=1e-10)
