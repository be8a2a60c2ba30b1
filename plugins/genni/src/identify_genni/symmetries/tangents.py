"""Tangents of the continuous symmetries at a parameter vector: each must lie in the Jacobian's null space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs
import numpy as np
import scipy.sparse
import torch

from identify_genni.layers import HiddenLayer, Structure
from identify_genni.units import norm_scale

Statistics = Literal["running", "batch"]
_Piece = tuple[str, np.ndarray[Any, Any], np.ndarray[Any, Any]]


@attrs.frozen(kw_only=True, eq=False)
class Tangents:
    """The tangents of all continuous symmetries at one parameter vector, in sparse rows.

    Args:
        rows: (k, P) in float64.
        labels: one a row: `scaling fc1 3` is the unit 3 of `fc1`.
    """

    rows: scipy.sparse.csr_matrix
    labels: tuple[str, ...]

    def dense(self, which: slice | list[int] | None = None) -> torch.Tensor:
        """Some or all of the tangents, (k, P)."""
        chosen = self.rows if which is None else self.rows[which]
        return torch.from_numpy(chosen.toarray())

    def rank(self, tolerance: float = 1e-10) -> int:
        """The dimension of the orbit: of the span of the tangents, each brought to length 1 first.

        Args:
            tolerance: singular values above this part of the largest count.
        """
        lengths = np.sqrt(np.asarray(self.rows.multiply(self.rows).sum(axis=1)).ravel())
        kept = np.flatnonzero(lengths > 0)
        if len(kept) == 0:
            return 0
        unit = scipy.sparse.diags(1 / lengths[kept]) @ self.rows[kept]
        values = np.linalg.eigvalsh((unit @ unit.T).toarray()).clip(min=0)  # squares of singular values
        return int((values > max(tolerance**2, 1e-14) * values.max()).sum())


def symmetry_tangents(
    structure: Structure, state: Mapping[str, torch.Tensor], *, statistics: Statistics = "running"
) -> Tangents:
    """Tangents of positive scaling, of GL(n) at linear layers, and of what batch normalisation leaves free.

    Args:
        structure: of the network.
        state: its parameters, and its buffers where it has batch normalisation.
        statistics: `running` for a network in evaluation mode, whose statistics are constants; `batch` for one in
            training mode, where the scale of the weights before a normalisation is free only up to its ε.
    """
    offsets, position = {}, 0
    for name, shape in structure.shapes.items():
        offsets[name] = position
        position += torch.Size(shape).numel()
    arrays = {name: state[name].detach().double().cpu().numpy() for name in state}
    indices, values, pointers, labels = [], [], [0], []
    for layer in structure.layers:
        for label, pieces in _of_layer(layer, arrays, structure.shapes, statistics):
            for name, where, what in pieces:
                indices.append(offsets[name] + where)
                values.append(what)
            pointers.append(pointers[-1] + sum(len(where) for _, where, _ in pieces))
            labels.append(label)
    matrix = scipy.sparse.csr_matrix(
        (
            np.concatenate(values) if values else np.zeros(0),
            np.concatenate(indices) if indices else np.zeros(0, dtype=int),
            np.array(pointers),
        ),
        shape=(len(labels), position),
    )
    matrix.sum_duplicates()
    return Tangents(rows=matrix, labels=tuple(labels))


def symmetry_dimension(structure: Structure) -> int:
    """The dimension of the known continuous symmetries at a generic parameter vector.

    One for each positively homogeneous unit, n² for each linear layer of n units that is not wider than what stands
    before and behind it, and two more for each unit with batch normalisation (its bias, the scale of its weights).
    """
    dimension = 0
    for layer in structure.layers:
        if layer.general:
            dimension += layer.width**2
        elif layer.degree is not None:
            dimension += layer.width
        if layer.norm is not None and layer.norm.gamma is not None:
            dimension += layer.width * (2 if layer.bias is not None else 1)
    return dimension


def linear_fibre_dimension(structure: Structure, inputs: int, outputs: int, rank: int) -> int | None:
    """The dimension of all parameters that give a linear network's map, where the factors have full rank.

    P − r (m + n − r) for a map of rank r from m inputs to n outputs without biases; a bias of the last layer takes n
    more away; hidden biases without it act as one more input.

    Args:
        structure: of a network of dense layers without activations.
        inputs: m.
        outputs: n.
        rank: r, of the end-to-end matrix (with the constant as one more column, where only hidden layers are biased).

    Returns:
        None where the network is not linear, has normalisations, or is biased in some hidden layers only.
    """
    if not (structure.known and structure.dense and all(layer.general for layer in structure.layers)):
        return None
    *hidden, last = structure.biased.values()
    if last:
        return structure.parameter_count - outputs - rank * (inputs + outputs - rank)
    if not any(hidden):
        return structure.parameter_count - rank * (inputs + outputs - rank)
    return structure.parameter_count - rank * (inputs + 1 + outputs - rank) if hidden[0] else None


def _of_layer(
    layer: HiddenLayer,
    arrays: Mapping[str, np.ndarray[Any, Any]],
    shapes: Mapping[str, tuple[int, ...]],
    statistics: Statistics,
) -> Iterator[tuple[str, list[_Piece]]]:
    places = {name: np.arange(int(np.prod(shapes[name]))).reshape(shapes[name]) for name in _names(layer)}

    def piece(name: str, where: np.ndarray[Any, Any], what: np.ndarray[Any, Any]) -> _Piece:
        return name, where.ravel(), np.asarray(what, dtype=float).ravel()

    def incoming(name: str | None, unit: int, source: int, factor: float = 1.0) -> list[_Piece]:
        return [] if name is None else [piece(name, places[name][unit], factor * arrays[name][source])]

    columns, values = (_by_unit(each[layer.next_weight], layer) for each in (places, arrays))
    if layer.general:
        for to in range(layer.width):
            for source in range(layer.width):
                pieces = [*incoming(layer.weight, to, source), *incoming(layer.bias, to, source)]
                yield (
                    f"linear {layer.name} {to} {source}",
                    [
                        *pieces,
                        piece(layer.next_weight, columns[:, source], -values[:, to]),
                    ],
                )
        return
    norm = layer.norm
    free = norm is not None and norm.gamma is not None
    gain, offset = (norm.gamma, norm.beta) if norm is not None and free else (layer.weight, layer.bias)
    for unit in range(layer.width):
        if layer.degree is not None:
            outgoing = piece(layer.next_weight, columns[:, unit], -layer.degree * values[:, unit])
            yield (
                f"scaling {layer.name} {unit}",
                [*incoming(gain, unit, unit), *incoming(offset, unit, unit), outgoing],
            )
        if norm is None or norm.gamma is None or norm.beta is None:
            continue
        weights = [*incoming(layer.weight, unit, unit), *incoming(layer.bias, unit, unit)]
        one = np.ones(1)
        if statistics == "batch":
            yield f"norm scale {layer.name} {unit}", weights
            if layer.bias is not None:
                yield f"norm shift {layer.name} {unit}", [piece(layer.bias, places[layer.bias][unit], one)]
            continue
        mean, scale = norm_scale(norm, arrays)
        slope = arrays[norm.gamma][unit] / scale[unit]
        beta = places[norm.beta][unit]
        yield (
            f"norm scale {layer.name} {unit}",
            [*weights, *incoming(norm.gamma, unit, unit, -1.0), piece(norm.beta, beta, -slope * mean[unit] * one)],
        )
        if layer.bias is not None:
            shift = piece(layer.bias, places[layer.bias][unit], one)
            yield f"norm shift {layer.name} {unit}", [shift, piece(norm.beta, beta, -slope * one)]


def _names(layer: HiddenLayer) -> list[str]:
    norms = (layer.norm.gamma, layer.norm.beta) if layer.norm else ()
    return [name for name in (layer.weight, layer.bias, layer.next_weight, *norms) if name is not None]


def _by_unit(weights: np.ndarray[Any, Any], layer: HiddenLayer) -> np.ndarray[Any, Any]:
    """Outgoing weights as (outputs, units, numbers of one unit and output)."""
    return weights.reshape(weights.shape[0], layer.width, -1)
