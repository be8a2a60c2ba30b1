"""The equivariant graph network: a slow reference, invariances, batches, gradients at coinciding atoms, replicates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from torch import nn

from identify_core import OptionsError, Replicates, Shape
from identify_core.testing.contexts import make_context
from identify_mtlcm.molecules.graphs import QM9_LAYOUT, Graphs
from identify_mtlcm.networks.egnn import EquivariantLayer, EquivariantNetwork, build_egnn, check_egnn
from identify_mtlcm.options.molecules import EgnnOptions


def assert_same(given: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(given, expected, rtol=1e-10, atol=1e-10)


def some_molecules(sizes: tuple[int, ...] = (4, 1, 7, 2), seed: int = 0, *, coordinates: bool = True) -> Graphs:
    """Chains with one ring each, attributes and positions at random."""
    generator = torch.Generator().manual_seed(seed)
    ends = [[[a, a + 1] for a in range(size - 1)] + ([[0, size - 1]] if size > 2 else []) for size in sizes]
    count, bonds = sum(sizes), sum(len(each) for each in ends)
    positions = 2 * torch.randn(count, 3, generator=generator, dtype=torch.float64)
    kinds = torch.randint(4, (bonds,), generator=generator)
    return Graphs(
        atoms=torch.randn(count, 11, generator=generator, dtype=torch.float64),
        positions=positions if coordinates else torch.zeros_like(positions),
        bonds=nn.functional.one_hot(kinds, 4).double(),
        ends=torch.tensor([pair for each in ends for pair in each], dtype=torch.long).reshape(-1, 2),
        atom_counts=torch.tensor(sizes),
        bond_counts=torch.tensor([len(each) for each in ends]),
    )


def pack(graphs: Graphs) -> torch.Tensor:
    return QM9_LAYOUT.pack(graphs, torch.float64)


def network(seed: int = 1, **options: Any) -> EquivariantNetwork:
    torch.manual_seed(seed)
    return EquivariantNetwork(EgnnOptions(**options), QM9_LAYOUT).double()


def slow_layer(
    layer: EquivariantLayer, h: list[torch.Tensor], x: list[torch.Tensor], edges: list[tuple[int, int, torch.Tensor]]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """One molecule, one bond after the other, on the concatenation as the paper of the layer writes it."""
    silu = nn.functional.silu
    received: list[list[torch.Tensor]] = [[] for _ in h]
    pulled: list[list[torch.Tensor]] = [[] for _ in h]
    for u, v, e in edges:
        apart = x[u] - x[v]
        squared = (apart * apart).sum()
        m = silu(layer.message_out(silu(layer.message_in(torch.cat([h[u], h[v], squared[None], e])))))
        received[v].append(m)
        if layer.shift is not None:
            pulled[v].append(layer.shift(m) * apart / (squared.sqrt() + 1e-30))
    width = layer.message_out.out_features
    after, moved = [], []
    for v in range(len(h)):
        total = torch.stack(received[v]).sum(0) if received[v] else torch.zeros(width, dtype=h[v].dtype)
        after.append(layer.update(torch.cat([h[v], total])))
        moved.append(x[v] + torch.stack(pulled[v]).mean(0) if pulled[v] else x[v])
    return after, moved


def slow_network(model: EquivariantNetwork, graphs: Graphs) -> torch.Tensor:
    outputs, first_atom, first_bond = [], 0, 0
    for atoms, bonds in zip(graphs.atom_counts.tolist(), graphs.bond_counts.tolist(), strict=True):
        h = list(graphs.atoms[first_atom : first_atom + atoms])
        x = list(graphs.positions[first_atom : first_atom + atoms])
        edges = []
        for bond in range(first_bond, first_bond + bonds):
            one, other = graphs.ends[bond].tolist()
            edges += [(one, other, graphs.bonds[bond]), (other, one, graphs.bonds[bond])]
        for number, layer in enumerate(model.layers):
            assert isinstance(layer, EquivariantLayer)
            if number:
                h = [each.relu() for each in h]
                x = [each.relu() for each in x] if model.options.relu_coords else x
            h, x = slow_layer(layer, h, x, edges)
        outputs.append(torch.stack(h).sum(0))
        first_atom, first_bond = first_atom + atoms, first_bond + bonds
    return torch.stack(outputs)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"narrow": True, "relu_coords": True},
        {"layers": 3, "hidden": 16},
        {"layers": 1},
        {"latent_dim": 1, "narrow": True},
    ],
)
def test_it_is_the_slow_loop_over_molecules_and_bonds(options: dict[str, Any]) -> None:
    graphs, model = some_molecules(), network(**options)
    assert_same(model(pack(graphs)), slow_network(model, graphs))


def test_the_studys_widths_and_the_wide_ones() -> None:
    """The study's EGNNConv(11, 64, 64, 4) and EGNNConv(64, 8, 8, 4), without the last layer's unused φ_x."""

    def sizes(model: EquivariantNetwork) -> list[tuple[int, ...]]:
        return [tuple(each.shape) for name, each in model.named_parameters() if name.endswith("weight")]

    assert sizes(network(narrow=True)) == [
        *[(64, 27), (64, 64), (64, 64), (1, 64), (64, 75), (64, 64)],
        *[(8, 133), (8, 8), (8, 72), (8, 8)],
    ]
    assert sizes(network())[6:] == [(64, 133), (64, 64), (64, 128), (8, 64)]


def rotation(seed: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    turn: torch.Tensor = q * r.diagonal().sign()
    return turn


@pytest.mark.parametrize("layers", [2, 3])
def test_rotations_reflections_and_shifts_change_nothing(layers: int) -> None:
    graphs, model = some_molecules(), network(layers=layers)
    turned = graphs.positions @ rotation().T
    for positions in (turned, -turned, graphs.positions + torch.tensor([3.0, -1.0, 0.5]), turned - 7.0):
        moved = attrs.evolve(graphs, positions=positions)
        torch.testing.assert_close(model(pack(moved)), model(pack(graphs)), rtol=1e-8, atol=1e-8)


def test_the_studys_relu_on_coordinates_ends_the_invariance() -> None:
    graphs, model = some_molecules(), network(relu_coords=True)
    before = model(pack(graphs))
    for positions in (graphs.positions + 3.0, graphs.positions @ rotation().T):
        assert (model(pack(attrs.evolve(graphs, positions=positions))) - before).abs().max() > 1e-3


def test_distances_count_and_only_where_they_are_asked_for() -> None:
    graphs = some_molecules()
    stretched = attrs.evolve(graphs, positions=1.5 * graphs.positions)
    model = network()
    assert (model(pack(stretched)) - model(pack(graphs))).abs().max() > 1e-3
    blind = network(distances=False)
    assert_same(blind(pack(stretched)), blind(pack(graphs)))
    flat = some_molecules(coordinates=False)
    assert_same(blind(pack(graphs)), model(pack(flat)))
    assert_same(model(pack(flat)), slow_network(model, flat))


def test_the_order_of_atoms_and_bonds_means_nothing() -> None:
    graphs, model = some_molecules((7,)), network()
    order = torch.randperm(7, generator=torch.Generator().manual_seed(5))
    bonds = torch.randperm(7, generator=torch.Generator().manual_seed(6))
    other = attrs.evolve(
        graphs,
        atoms=graphs.atoms[order],
        positions=graphs.positions[order],
        ends=order.argsort()[graphs.ends][bonds].flip(1),
        bonds=graphs.bonds[bonds],
    )
    assert_same(model(pack(other)), model(pack(graphs)))


@pytest.mark.parametrize("coordinates", [True, False])
def test_a_molecule_does_not_see_its_batch(coordinates: bool) -> None:
    """Also where the others of its batch have coordinates and it has none."""
    rows, model = pack(some_molecules(coordinates=coordinates)), network(layers=3)
    alone = torch.cat([model(row[None]) for row in rows])
    assert_same(model(rows), alone)
    mixed = torch.cat([rows, pack(some_molecules(seed=9))])
    assert_same(model(mixed)[: len(rows)], alone)


def test_an_empty_batch_is_none() -> None:
    assert network()(torch.zeros(0, 576, dtype=torch.float64)).shape == (0, 8)


@pytest.mark.parametrize("relu_coords", [False, True])
def test_gradients_are_finite_where_atoms_coincide(relu_coords: bool) -> None:
    """√r² has no derivative at 0; the study's third layer would have given NaN."""
    graphs = some_molecules()
    model = network(layers=3, relu_coords=relu_coords)
    positions = graphs.positions.clone()
    positions[1] = positions[0]
    rows = pack(attrs.evolve(graphs, positions=positions)).requires_grad_()
    model(rows).square().sum().backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_gradients_agree_with_finite_differences() -> None:
    model = network(hidden=4, latent_dim=2)
    rows = pack(some_molecules((3, 2)))
    parameters = tuple(model.parameters())
    names = [name for name, _ in model.named_parameters()]

    def outputs(*given: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.func.functional_call(model, dict(zip(names, given, strict=True)), (rows,))
        return result

    assert torch.autograd.gradcheck(outputs, parameters)


@pytest.mark.parametrize("coordinates", [True, False])
def test_replicates_are_the_networks_themselves_in_either_strategy(coordinates: bool) -> None:
    rows = pack(some_molecules(coordinates=coordinates))
    models = [network(seed) for seed in range(3)]
    expected = torch.stack([model(rows) for model in models]).detach()
    gradients = {}
    for strategy in ("vmap", "loop"):
        replicates = Replicates.from_modules(models, strategy=strategy)
        assert_same(replicates(rows).detach(), expected)
        values, found, _ = replicates.values_and_gradients(
            lambda call, batch: call(batch["x"]).square().mean(), {"x": rows}
        )
        assert_same(values, expected.square().mean((1, 2)))
        assert replicates.strategy == strategy, replicates.refusal
        gradients[strategy] = found
    for name, value in gradients["vmap"].items():
        assert_same(value, gradients["loop"][name])


def test_replicates_may_each_see_other_molecules() -> None:
    models = [network(seed) for seed in range(2)]
    rows = torch.stack([pack(some_molecules(seed=seed)) for seed in range(2)])
    replicates = Replicates.from_modules(models)
    expected = torch.stack([model(each) for model, each in zip(models, rows, strict=True)])
    assert_same(replicates(rows, shared=False), expected)


@pytest.mark.parametrize("distances", [True, False])
def test_a_loss_that_may_be_recorded_sees_other_molecules_too(distances: bool) -> None:
    """A recording holds the number of atoms of its batch, so none may be made of this network."""
    from identify_core import pure

    @pure
    def loss(call: object, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return call(batch["x"]).square().mean()  # type: ignore[operator, no-any-return]

    models = [network(seed, distances=distances) for seed in range(2)]
    replicates = Replicates.from_modules(models, strategy="vmap")
    for seed in range(30):
        sizes = tuple(((torch.arange(4) * 7 + seed) % 9 + 1).tolist())
        rows = pack(some_molecules(sizes, seed))
        values, _, _ = replicates.values_and_gradients(loss, {"x": rows})  # type: ignore[arg-type]
        expected = torch.stack([model(rows).square().mean() for model in models])
        assert_same(values, expected)


def test_on_a_cpu_replicates_run_one_after_the_other() -> None:
    replicates = Replicates.from_modules([network(0), network(1)])
    assert replicates.strategy == "loop"
    assert "the model says" in replicates.reason


def test_rows_that_are_no_molecules_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"a row says that it holds 90 atoms and 2 bonds.* it is not a packed molecule"
    ):
        network()(torch.full((1, 576), 2.0, dtype=torch.float64).index_fill(1, torch.tensor([0]), 90.0))


def test_inputs_that_are_no_molecules_are_refused() -> None:
    with pytest.raises(
        OptionsError, match=r"egnn reads molecules, 576 numbers each, but .* the shape \(87,\)"
    ) as caught:
        check_egnn(EgnnOptions(), Shape(inputs=(87,), outputs=(1,)))
    assert caught.value.hint == "choose the dataset qm9, or the model mlp"


def test_the_network_of_a_run_maps_molecules_to_latents(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    model = build_egnn(EgnnOptions(latent_dim=5), Shape(inputs=(576,), outputs=(12,)), context)
    assert model(QM9_LAYOUT.pack(some_molecules(), torch.float32)).shape == (4, 5)
