"""Replicates give what each module gives alone, together and one after the other, alone and among others."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from identify_core.errors import RunError
from identify_core.replicates import Batch, Call, Replicates
from identify_core.testing import networks
from identify_core.testing.networks import inputs

FACTORIES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "perceptron": (networks.perceptron(), (3,)),
    "normalised": (networks.normalised, (3,)),
    "convolutional": (networks.convolutional, (1, 6, 6)),
    "tied": (networks.Tied, (3,)),
    "replacing": (networks.Replacing, (3,)),
}
every_factory = pytest.mark.parametrize("name", FACTORIES)
both_strategies = pytest.mark.parametrize("strategy", ["vmap", "loop"])


def build(factory: Any, count: int = 4, strategy: Any = "auto", dtype: torch.dtype = torch.float32) -> Replicates:
    return Replicates.build(factory, count, device="cpu", dtype=dtype, strategy=strategy)


def squared(call: Call, batch: Batch) -> torch.Tensor:
    value: torch.Tensor = call(batch["x"]).square().mean()
    return value


def with_extras(call: Call, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    y = call(batch["x"])
    return (y - batch["y"]).square().mean(), {"largest": y.abs().max()}


@every_factory
@both_strategies
def test_a_call_gives_what_each_module_gives(name: str, strategy: Any) -> None:
    factory, shape = FACTORIES[name]
    modules = [factory(replicate) for replicate in range(3)]
    replicates = Replicates.from_modules(modules, strategy=strategy)
    x = inputs(7, *shape)
    expected = torch.stack([module(x) for module in modules]).detach()
    assert torch.allclose(replicates(x), expected, rtol=1e-6, atol=1e-6)
    own = torch.stack([inputs(7, *shape, seed=seed) for seed in range(3)])
    expected = torch.stack([module(each) for module, each in zip(modules, own, strict=True)]).detach()
    assert torch.allclose(replicates(own, shared=False), expected, rtol=1e-6, atol=1e-6)


@every_factory
@both_strategies
def test_losses_gradients_and_buffers_are_those_of_autograd_on_each_module(name: str, strategy: Any) -> None:
    factory, shape = FACTORIES[name]
    modules = [factory(replicate) for replicate in range(3)]
    replicates = Replicates.from_modules(modules, strategy=strategy)
    batch = {"x": inputs(9, *shape), "y": inputs(9, replicates.module(0).eval()(inputs(1, *shape)).shape[1], seed=1)}
    modules = [replicates.module(replicate) for replicate in range(3)]
    for _ in range(2):
        values, gradients, extras = replicates.values_and_gradients(with_extras, batch)
        for replicate, module in enumerate(modules):
            value, extra = with_extras(module, batch)
            expected = dict(zip(gradients, torch.autograd.grad(value, list(module.parameters())), strict=True))
            assert torch.allclose(values[replicate], value, rtol=1e-6)
            assert torch.allclose(extras["largest"][replicate], extra["largest"], rtol=1e-6)
            for key, gradient in gradients.items():
                assert torch.allclose(gradient[replicate], expected[key], rtol=1e-5, atol=1e-6)
            for key, buffer in module.named_buffers():
                assert torch.allclose(replicates.buffers[key][replicate], buffer, rtol=1e-6)


def test_batch_normalisation_counts_batches_in_training_and_keeps_still_in_evaluation() -> None:
    for strategy in ("vmap", "loop"):
        replicates = build(networks.normalised, strategy=strategy)
        x = inputs(9)
        replicates(x)
        replicates(x)
        assert replicates.buffers["1.num_batches_tracked"].tolist() == [2, 2, 2, 2]
        before = replicates.state()
        replicates.eval()
        still = replicates(x)
        assert all(torch.equal(before[name], after) for name, after in replicates.state().items())
        modules = [replicates.module(replicate) for replicate in range(4)]
        assert not modules[0].training
        assert torch.allclose(still, torch.stack([module(x) for module in modules]), atol=1e-6)


@every_factory
def test_the_loop_and_vmap_agree_to_rounding(name: str) -> None:
    factory, shape = FACTORIES[name]
    x = inputs(9, *shape)
    together, apart = build(factory, strategy="vmap"), build(factory, strategy="loop")
    assert torch.allclose(together(x), apart(x), rtol=1e-6, atol=1e-6)
    ours, theirs = together.loss_vectors(squared, {"x": x}), apart.loss_vectors(squared, {"x": x})
    assert torch.allclose(ours[1], theirs[1], rtol=1e-5, atol=1e-7)


@pytest.mark.skipif(not torch._C.has_mkl, reason="other libraries may choose kernels by batch size")
@pytest.mark.parametrize(("width", "rows"), [(2, 256), (5, 9), (32, 256), (64, 33)])
def test_a_replicate_gives_the_same_bits_among_two_as_among_ten(width: int, rows: int) -> None:
    factory = networks.perceptron(width=width)
    batch = {"x": inputs(rows)}
    many = build(factory, count=10).loss_vectors(squared, batch)
    few = build(factory, count=10).select([7, 3]).loss_vectors(squared, batch)
    assert torch.equal(many[0][[7, 3]], few[0])
    assert torch.equal(many[1][[7, 3]], few[1])


def test_the_strategy_follows_the_module_and_the_device() -> None:
    assert build(networks.perceptron()).strategy == "vmap"
    assert build(networks.convolutional).strategy == "loop"
    assert "convolutions" in build(networks.convolutional).reason
    assert build(networks.dropping).strategy == "loop"
    assert "random numbers" in build(networks.dropping).reason
    recurrent = build(lambda replicate: nn.GRU(3, 2, batch_first=True))
    assert (recurrent.strategy, recurrent.reason) == ("loop", "vmap has no rule for recurrent layers")


def test_a_module_that_vmap_refuses_runs_in_a_loop_and_the_reason_is_kept() -> None:
    modules = [networks.Branching() for _ in range(3)]
    replicates = Replicates.from_modules(modules)
    assert replicates.reason == ""
    x = inputs()
    assert torch.allclose(replicates(x), torch.stack([module(x) for module in modules]).detach())
    assert replicates.strategy == "loop"
    assert replicates.refusal.startswith("vmap cannot run this model: ")


def test_asking_for_vmap_where_it_cannot_run_is_refused() -> None:
    replicates = build(lambda replicate: networks.Branching(), strategy="vmap")
    with pytest.raises(RunError, match="vmap cannot run this model"):
        replicates(inputs())


def test_a_loss_that_vmap_refuses_runs_in_a_loop_from_the_buffers_as_they_were() -> None:
    def loss(call: Call, batch: Batch) -> torch.Tensor:
        y = call(batch["x"])
        value: torch.Tensor = y.square().mean() if y.mean().item() > 0 else y.abs().mean()
        return value

    replicates = build(networks.normalised)
    replicates.loss_vectors(loss, {"x": inputs(9)})
    assert replicates.strategy == "loop"
    assert replicates.buffers["1.num_batches_tracked"].tolist() == [1, 1, 1, 1]


def test_a_modules_own_error_comes_through() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        build(networks.perceptron())(inputs(7, 4))


def test_dropout_draws_from_each_replicates_own_stream_whoever_runs_beside_it() -> None:
    x = inputs(20)
    together = build(networks.dropping, count=5)
    together.seed_noise(range(100, 105))
    first, second = together(x), together(x)
    assert not torch.equal(first[3], second[3])
    alone = Replicates.from_modules([networks.dropping(3)])
    alone.seed_noise([103])
    outside = torch.random.get_rng_state()
    assert torch.equal(alone(x)[0], first[3])
    assert torch.equal(alone(x)[0], second[3])
    assert torch.equal(torch.random.get_rng_state(), outside)
    chosen = build(networks.dropping, count=5).select([3])
    chosen.seed_noise([103])
    assert torch.equal(chosen(x)[0], first[3])


def test_evaluation_mode_draws_nothing() -> None:
    replicates = build(networks.dropping).eval()
    before = replicates.noise.state()
    replicates(inputs())
    assert torch.equal(replicates.noise.state(), before)


@pytest.mark.parametrize(("width", "rows"), [(2, 256), (5, 9), (32, 256), (64, 33)])
def test_a_replicate_gives_the_same_among_others_as_alone(width: int, rows: int) -> None:
    factory = networks.perceptron(width=width)
    batch = {"x": inputs(rows)}
    many = build(factory, count=5).loss_vectors(squared, batch)
    alone = Replicates.from_modules([factory(3)]).loss_vectors(squared, batch)
    assert torch.allclose(many[0][3], alone[0][0], rtol=1e-6)
    assert torch.allclose(many[1][3], alone[1][0], rtol=1e-5, atol=1e-7)


def test_scaled_losses_give_scaled_gradients_for_each_replicate() -> None:
    scale = torch.tensor([1.0, 2.0, 4.0, 8.0])
    for strategy in ("vmap", "loop"):
        replicates = build(networks.perceptron(), strategy=strategy)
        plain = replicates.loss_vectors(squared, {"x": inputs()})
        scaled = replicates.loss_vectors(squared, {"x": inputs()}, scale=scale)
        assert torch.equal(plain[0], scaled[0])
        assert torch.allclose(scaled[1], plain[1] * scale[:, None], rtol=1e-6)


def test_a_loss_must_be_one_number_with_a_gradient() -> None:
    replicates = build(networks.perceptron())
    with pytest.raises(RunError, match=r"one number a replicate, not shape \(7, 2\)"):
        replicates.values_and_gradients(lambda call, batch: call(batch["x"]), {"x": inputs()})
    with pytest.raises(RunError, match="one number a replicate, not float"):
        replicates.values_and_gradients(lambda call, batch: 1.0, {"x": inputs()})  # type: ignore[arg-type, return-value]
    with pytest.raises(RunError, match="does not depend on the parameters"):
        replicates.values_and_gradients(lambda call, batch: batch["x"].mean(), {"x": inputs()})


def test_a_parameter_without_influence_has_a_zero_gradient() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 1), nn.Linear(3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.used(x)
            return result

    for strategy in ("vmap", "loop"):
        _, gradients, _ = build(lambda replicate: Idle(), strategy=strategy).values_and_gradients(
            squared, {"x": inputs()}
        )
        assert not gradients["idle.weight"].any()
        assert gradients["used.weight"].all()


def test_a_function_of_the_parameter_vector_is_the_module_and_can_be_differentiated() -> None:
    replicates = build(networks.normalised)
    replicates(inputs(9))
    x = inputs(5)
    module = replicates.module(2).eval()
    f = replicates.function(2)
    vector = replicates.vectors()[2]
    assert torch.allclose(f(vector, x), module(x), atol=1e-6)
    jacobian = torch.func.jacrev(f)(vector, x)
    assert torch.allclose(torch.func.jacfwd(f)(vector, x), jacobian, atol=1e-5)
    rows = [
        torch.cat([part.flatten() for part in torch.autograd.grad(each, list(module.parameters()), retain_graph=True)])
        for each in module(x).flatten()
    ]
    assert torch.allclose(jacobian.flatten(0, 1), torch.stack(rows), atol=1e-5)
    replicates.train()
    replicates(inputs(9, seed=5))
    assert torch.allclose(f(vector, x), module(x), atol=1e-6)


@both_strategies
def test_activations_are_the_outputs_of_the_layers_in_evaluation_mode(strategy: str) -> None:
    replicates = build(networks.dropping, strategy=strategy)
    x = inputs()
    found = replicates.activations(x)
    assert list(found) == ["0", "1", "3"]
    module: Any = replicates.module(1).eval()
    assert torch.allclose(found["0"][1], module[0](x), atol=1e-6)
    assert torch.allclose(found["1"][1], module[1](module[0](x)), atol=1e-6)
    assert torch.equal(found["3"], replicates.eval()(x)) or torch.allclose(found["3"], replicates(x), atol=1e-6)
    assert list(replicates.activations(x, ["3"])) == ["3"]
    with pytest.raises(RunError, match=r"no submodule 'layers\.0'"):
        replicates.activations(x, ["layers.0"])


def test_activations_survive_layers_that_work_in_place_and_layers_that_run_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.relu = nn.Linear(3, 3), nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.relu(self.layer(self.relu(self.layer(x))))
            return result

    replicates = build(lambda replicate: Twice())
    found = replicates.activations(inputs())
    assert list(found) == ["layer", "relu", "layer#2", "relu#2"]
    assert (found["layer"] < 0).any()
    assert torch.equal(found["layer"].relu(), found["relu"])


def test_one_replicate_is_enough_and_a_copy_lives_its_own_life() -> None:
    replicates = build(networks.perceptron(), count=1)
    assert replicates(inputs()).shape == (1, 7, 2)
    twin = copy.deepcopy(replicates)
    twin.matrix.zero_()
    assert replicates.matrix.any()
    assert not twin.parameters["0.weight"].any()
