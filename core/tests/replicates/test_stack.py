"""The numbers of replicates: stacking, vectors, copies, states, and what cannot be stacked."""

from __future__ import annotations

import copy
import weakref

import pytest
import torch
from torch import nn

from identify_core.errors import RunError
from identify_core.replicates import Replicates
from identify_core.testing import networks
from identify_core.testing.networks import inputs


def stack(factory=networks.perceptron(), count: int = 4, **settings) -> Replicates:  # type: ignore[no-untyped-def]  # noqa: B008
    return Replicates.build(factory, count, device="cpu", dtype=torch.float32, **settings)


def test_parameters_are_stacked_in_registration_order() -> None:
    replicates = stack()
    modules = [networks.perceptron()(replicate) for replicate in range(4)]
    assert replicates.parameter_names == tuple(name for name, _ in modules[0].named_parameters())
    assert replicates.parameter_shapes == tuple(each.shape for each in modules[0].parameters())
    assert replicates.parameter_count == sum(each.numel() for each in modules[0].parameters())
    for name, stacked in replicates.parameters.items():
        assert torch.equal(stacked, torch.stack([module.get_parameter(name) for module in modules]))
    vectors = torch.stack([nn.utils.parameters_to_vector(module.parameters()) for module in modules])
    assert torch.equal(replicates.vectors(), vectors)


def test_vectors_and_named_parameters_share_their_numbers() -> None:
    replicates = stack()
    vectors = torch.randn(4, replicates.parameter_count, generator=torch.Generator().manual_seed(0))
    replicates.set_vectors(vectors)
    named = replicates.as_parameters(vectors)
    assert all(torch.equal(replicates.parameters[name], value) for name, value in named.items())
    single = replicates.as_parameters(vectors[2])
    assert all(torch.equal(named[name][2], value) for name, value in single.items())
    nested = replicates.as_parameters(vectors.expand(6, 4, -1))
    assert nested["0.weight"].shape == (6, 4, 5, 3)
    replicates.vectors().zero_()
    assert torch.equal(replicates.vectors(), vectors)


def test_a_tied_parameter_counts_once_and_stays_tied() -> None:
    replicates = stack(networks.Tied)
    assert replicates.parameter_names == ("first.weight", "first.bias")
    assert replicates.parameter_count == 12
    module = replicates.module(1)
    assert isinstance(module, networks.Tied)
    assert module.second.weight is module.first.weight
    assert torch.equal(module.first.weight, replicates.parameters["first.weight"][1])


def test_parameters_held_fixed_are_kept_with_the_buffers() -> None:
    def factory(replicate: int) -> nn.Module:
        module = networks.perceptron()(replicate)
        module.get_parameter("0.weight").requires_grad_(False)
        return module

    replicates = stack(factory)
    assert "0.weight" not in replicates.parameters
    assert torch.equal(replicates.buffers["0.weight"][2], factory(2).get_parameter("0.weight"))
    x = inputs()
    assert torch.allclose(replicates(x)[2], factory(2)(x), atol=1e-6)
    module = replicates.module(2)
    assert not module.get_parameter("0.weight").requires_grad
    assert torch.allclose(module(x), factory(2)(x), atol=1e-6)


def test_a_module_of_ones_own_does_not_follow_and_can_be_put_back() -> None:
    replicates = stack(networks.normalised)
    module = replicates.module(1)
    before = replicates.state()
    with torch.no_grad():
        for each in [*module.parameters(), *module.buffers()]:
            each.add_(1)
    assert all(torch.equal(before[name], value) for name, value in replicates.state().items())
    replicates.replace(1, module)
    for name, value in replicates.state().items():
        assert torch.equal(value[1], before[name][1] + 1)
        assert torch.equal(value[[0, 2, 3]], before[name][[0, 2, 3]])


def test_a_state_makes_the_same_replicates_again() -> None:
    replicates = stack(networks.normalised)
    replicates(inputs(9))
    state = replicates.state()
    assert next(iter(state)) == "parameters/0.weight"
    assert list(state)[-1] == "buffers/1.num_batches_tracked"
    again = Replicates.from_state(networks.normalised(77), state)
    assert again.count == 4
    assert torch.equal(again.eval()(inputs()), replicates.eval()(inputs()))
    state["parameters/0.weight"].zero_()
    assert again.parameters["0.weight"].any()


def test_a_state_of_another_architecture_is_refused() -> None:
    state = stack().state()
    with pytest.raises(RunError, match=r"'parameters/0.bias' is \(4, 5\) there and \(4, 6\) here"):
        Replicates.from_state(networks.perceptron(width=6)(0), state)
    with pytest.raises(RunError, match=r"'buffers/1.num_batches_tracked' is absent there"):
        stack(networks.normalised).load_state({**state, "parameters/1.weight": torch.zeros(4, 5)})
    with pytest.raises(RunError, match=r"of \[3, 4\] replicates"):
        Replicates.from_state(networks.perceptron()(0), {**state, "parameters/0.bias": torch.zeros(3, 5)})


def test_modules_that_differ_in_more_than_their_numbers_are_refused() -> None:
    with pytest.raises(RunError, match=r"replicate 2 differs from replicate 0 in the parameter '0.weight': \(2, 3\)"):
        stack(lambda replicate: networks.perceptron(width=2 if replicate == 2 else 5)(0))
    with pytest.raises(RunError, match="at least one module"):
        stack(count=0)
    with pytest.raises(RunError, match="replicate 1 differs from replicate 0 in the parameter"):
        stack().replace(1, networks.normalised(0))


def test_parameters_that_cannot_be_stacked_are_refused() -> None:
    with pytest.raises(RunError, match="'weight' has no shape yet"):
        stack(lambda replicate: nn.LazyLinear(3))
    with pytest.raises(RunError, match=r"'weight' is torch.complex64"):
        stack(lambda replicate: nn.Linear(3, 2, dtype=torch.complex64))


def test_modules_are_left_as_they_were() -> None:
    modules = [networks.perceptron()(replicate) for replicate in range(2)]
    before = [copy.deepcopy(module.state_dict()) for module in modules]
    replicates = Replicates.from_modules(modules, dtype=torch.float64)
    replicates.matrix.zero_()
    for module, kept in zip(modules, before, strict=True):
        assert all(torch.equal(kept[name], value) for name, value in module.state_dict().items())


def test_select_copies_rows_with_their_numbers_streams_and_mode() -> None:
    replicates = stack(networks.normalised).eval()
    chosen = replicates.select([3, 1])
    assert chosen.numbers == (3, 1)
    assert not chosen.training
    assert chosen.select([1]).numbers == (1,)
    assert torch.equal(chosen.vectors(), replicates.vectors()[[3, 1]])
    assert torch.equal(chosen.noise.state(), replicates.noise.state()[[3, 1]])
    chosen.matrix.zero_()
    assert replicates.matrix[3].any()


def test_a_copy_in_another_type_has_the_same_numbers_in_it() -> None:
    replicates = stack(networks.normalised)
    wide = replicates.to(dtype=torch.float64)
    assert wide.dtype == torch.float64
    assert wide.buffers["1.running_mean"].dtype == torch.float64
    assert wide.buffers["1.num_batches_tracked"].dtype == torch.long
    assert torch.equal(wide.vectors().float(), replicates.vectors())
    same = replicates.to()
    same.matrix.zero_()
    assert replicates.matrix.any()
    assert wide.eval()(inputs().double()).dtype == torch.float64


def test_a_module_without_parameters_is_stacked_too() -> None:
    replicates = stack(lambda replicate: nn.Flatten())
    assert replicates.parameter_count == 0
    assert replicates.vectors().shape == (4, 0)
    assert replicates(inputs()).shape == (4, 7, 3)


def test_training_mode_reaches_the_copies() -> None:
    replicates = stack(networks.dropping)
    assert replicates.training
    assert replicates.module(0).training
    assert not replicates.eval().module(0).training
    assert replicates.train() is replicates


class Scaled(nn.Module):
    """A layer times one learned number."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * x


def test_a_parameter_may_be_one_number() -> None:
    replicates = Replicates.from_modules([Scaled(2.0), Scaled(3.0)])
    assert replicates(torch.ones(1)).tolist() == [[2.0], [3.0]]
    assert replicates.as_parameters(replicates.vectors()[1])["scale"].shape == ()
    looped = Replicates.from_modules([Scaled(2.0), Scaled(3.0)], strategy="loop")
    _, gradients, _ = looped.values_and_gradients(lambda call, batch: call(batch["x"]).sum(), {"x": torch.ones(4)})
    assert gradients["scale"].tolist() == [4.0, 4.0]


def test_a_module_is_let_go_once_its_numbers_are_copied() -> None:
    made: list[weakref.ref[nn.Module]] = []

    def build(replicate: int) -> nn.Module:
        assert sum(each() is not None for each in made) <= 2  # the first, which the others are held against
        module = nn.Linear(2, 1)
        made.append(weakref.ref(module))
        return module

    assert Replicates.build(build, 5, device="cpu", dtype=torch.float32).count == 5
    assert len(made) == 5


def test_the_size_of_one_module_is_told_before_the_others_are_built() -> None:
    built: list[int] = []

    def refuse(parameters: int) -> None:
        raise RunError(f"{parameters} parameters after {len(built)} module")

    def build(replicate: int) -> nn.Module:
        built.append(replicate)
        return nn.Linear(4, 2)

    with pytest.raises(RunError, match="10 parameters after 1 module"):
        Replicates.build(build, 3, device="cpu", dtype=torch.float32, admit=refuse)
