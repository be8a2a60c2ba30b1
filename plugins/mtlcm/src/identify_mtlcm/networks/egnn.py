"""The equivariant graph network of the molecules, in plain torch: messages along bonds, a sum over atoms."""

from __future__ import annotations

import torch
from torch import nn

from identify_core import Context, OptionsError, Shape
from identify_mtlcm.molecules.graphs import QM9_LAYOUT, GraphLayout
from identify_mtlcm.options.molecules import EgnnOptions

_SMALLEST = 1e-30  # added to a distance before dividing by it, as DGL's EGNNConv does


class EquivariantLayer(nn.Module):
    """One layer of Satorras, Hoogeboom & Welling (2021, arXiv 2102.09844), as DGL's EGNNConv computes it.

    Along a bond from u to v: m = φ_e([h_u, h_v, |x_u − x_v|², e]). At an atom: h' = φ_h([h, Σ m]), and x' = x + the
    mean of φ_x(m) (x_u − x_v)/|x_u − x_v| over the bonds that end there. No self loops, no residual.

    Args:
        inputs: width of h.
        hidden: width of the messages, and inside φ_e, φ_x and φ_h.
        outputs: width of h'.
        bond_features: width of e.
        moves: whether there is a φ_x; a last layer's coordinates would be thrown away.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, bond_features: int, *, moves: bool) -> None:
        super().__init__()
        self.inputs = inputs
        self.message_in = nn.Linear(2 * inputs + 1 + bond_features, hidden)
        self.message_out = nn.Linear(hidden, hidden)
        self.shift = (
            nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1, bias=False)) if moves else None
        )
        self.update = nn.Sequential(nn.Linear(inputs + hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs))

    def forward(
        self,
        h: torch.Tensor,
        x: torch.Tensor | None,
        source: torch.Tensor,
        target: torch.Tensor,
        bonds: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Attributes (N, outputs) and coordinates (N, 3) after the layer.

        Args:
            h: (N, inputs).
            x: (N, 3); None where distances are 0.
            source: (E,) atoms at which bonds begin.
            target: (E,) atoms at which they end.
            bonds: (E, bond_features).
        """
        apart = None if x is None else x.index_select(0, source) - x.index_select(0, target)
        squared = bonds.new_zeros(len(bonds), 1) if apart is None else apart.square().sum(1, keepdim=True)
        m = self._messages(h, squared, source, target, bonds)
        gathered = m.new_zeros(len(h), m.shape[1]).index_add(0, target, m)
        after = self.update(torch.cat([h, gathered], dim=1))
        if x is not None and apart is not None and self.shift is not None:
            pull = self.shift(m) * _directions(apart, squared)
            moved = pull.new_zeros(len(x), 3).index_add(0, target, pull)
            ones = torch.ones_like(target, dtype=x.dtype)
            degree = ones.new_zeros(len(x)).index_add(0, target, ones)
            x = x + moved / degree.clamp(min=1.0)[:, None]
        return after, x

    def _messages(
        self,
        h: torch.Tensor,
        squared: torch.Tensor,
        source: torch.Tensor,
        target: torch.Tensor,
        bonds: torch.Tensor,
    ) -> torch.Tensor:
        """φ_e([h_source, h_target, r², e]), (E, hidden).

        Its first layer is applied to the atoms before they are gathered along the bonds, of which there are twice as
        many: a third less work than on the concatenation.
        """
        weight, width = self.message_in.weight, self.inputs
        of_source, of_target, of_bond = weight[:, :width], weight[:, width : 2 * width], weight[:, 2 * width :]
        begin, end = nn.functional.linear(h, of_source), nn.functional.linear(h, of_target)
        along = nn.functional.linear(torch.cat([squared, bonds], dim=1), of_bond, self.message_in.bias)
        before = begin.index_select(0, source) + end.index_select(0, target) + along
        return nn.functional.silu(self.message_out(nn.functional.silu(before)))


def _directions(apart: torch.Tensor, squared: torch.Tensor) -> torch.Tensor:
    """(x_u − x_v)/|x_u − x_v|, (E, 3); 0, with a derivative of 0, where the atoms coincide and √r² has none."""
    coincide = squared == 0
    length = squared.masked_fill(coincide, 1.0).sqrt()
    return (apart / (length + _SMALLEST)).masked_fill(coincide, 0.0)


class EquivariantNetwork(nn.Module):
    """Molecules (n, width) in the rows of a `GraphLayout` to latents (n, latent_dim): the sum over atoms.

    Args:
        options: widths, depth and the study's peculiarities.
        layout: how a molecule lies in a row.
    """

    # Messages are large enough to fill a CPU: one replicate after the other costs a quarter less than vmap there.
    loops_on_cpu = True

    def __init__(self, options: EgnnOptions, layout: GraphLayout) -> None:
        super().__init__()
        self.options = options
        self.layout = layout
        self.layers = nn.ModuleList()
        inputs = layout.atom_features
        for number in range(options.layers):
            last = number == options.layers - 1
            hidden = options.latent_dim if last and options.narrow else options.hidden
            outputs = options.latent_dim if last else options.hidden
            self.layers.append(EquivariantLayer(inputs, hidden, outputs, layout.bond_features, moves=not last))
            inputs = outputs

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Latents (n, latent_dim) of molecules (n, width)."""
        graphs = self.layout.unpack(rows)
        source, target, bonds = graphs.directed()
        molecule = graphs.molecule
        h: torch.Tensor = graphs.atoms
        # Without coordinates every distance is 0 and no atom moves, so that φ_x has nothing to do.
        seen = self.options.distances and bool(graphs.positions.any())
        x: torch.Tensor | None = graphs.positions if seen else None
        for number, layer in enumerate(self.layers):
            if number:
                h = h.relu()
                x = x.relu() if x is not None and self.options.relu_coords else x
            h, x = layer(h, x, source, target, bonds)
        return h.new_zeros(len(rows), h.shape[1]).index_add(0, molecule, h)


def build_egnn(options: EgnnOptions, shape: Shape, context: Context) -> EquivariantNetwork:
    """One network for molecules of QM9.

    Raises:
        OptionsError: the inputs are not molecules.
    """
    check_egnn(options, shape)
    return EquivariantNetwork(options, QM9_LAYOUT)


def check_egnn(options: EgnnOptions, shape: Shape) -> None:
    """Refuse inputs that are not molecules.

    Raises:
        OptionsError: a row is not as wide as a molecule's.
    """
    if shape.inputs != (QM9_LAYOUT.width,):
        raise OptionsError(
            f"egnn reads molecules, {QM9_LAYOUT.width} numbers each, but an input has the shape {shape.inputs}",
            hint="choose the dataset qm9, or the model mlp",
        )
