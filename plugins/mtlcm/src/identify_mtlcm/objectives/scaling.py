"""Scales in which training runs: targets of unit variance, whitened inputs; and how the trained numbers come back."""

from __future__ import annotations

from typing import Literal

import attrs
import torch
from torch import nn

from identify_core import OptionsError
from identify_mtlcm.networks.mlp import input_layer
from identify_mtlcm.objectives.refitting import Heads
from identify_mtlcm.objectives.rows import ROWS_AT_ONCE
from identify_mtlcm.tasks import TaskRows

# Directions of the inputs are whitened up to a thousandth of the largest spread, so that folding the map into float32
# weights costs no digits that matter, and rounding noise is not blown up; below a millionth they count as constant.
_FLOOR = 1e-6
_CONSTANT = 1e-12


@attrs.frozen(kw_only=True, eq=False)
class TargetScale:
    """y = mean + scale · y', task by task.

    Args:
        mean: (T,), float64.
        scale: (T,), float64, positive.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    @classmethod
    def none(cls, count: int, device: torch.device) -> TargetScale:
        """Targets as they are."""
        zeros = torch.zeros(count, dtype=torch.float64, device=device)
        return cls(mean=zeros, scale=torch.ones_like(zeros))

    @classmethod
    def of(cls, tasks: TaskRows) -> TargetScale:
        """The mean and the spread of each task's observed targets."""
        present = ~tasks.targets.isnan()
        y = torch.where(present, tasks.targets, 0.0).double()
        n = tasks.observed_counts().double()

        def total(values: torch.Tensor) -> torch.Tensor:
            if tasks.task is None:
                return values.sum(0)
            return torch.zeros_like(n).index_add_(0, tasks.task, values)

        mean = total(y) / n
        deviation = torch.where(present, y - (mean if tasks.task is None else mean[tasks.task]), 0.0)
        return cls(mean=mean, scale=(total(deviation.square()) / n).sqrt())

    def apply(self, tasks: TaskRows) -> torch.Tensor:
        """The targets in these scales, shaped and typed as they were."""
        mean, scale = (self.mean, self.scale) if tasks.task is None else (self.mean[tasks.task], self.scale[tasks.task])
        return ((tasks.targets.double() - mean) / scale).to(tasks.targets.dtype)

    def undo(self, heads: Heads) -> Heads:
        """Heads of scaled targets as heads of the targets themselves."""
        return Heads(weights=heads.weights * self.scale[:, None], biases=self.mean + heads.biases * self.scale)


@attrs.frozen(kw_only=True, eq=False)
class InputMap:
    """x' = (x − shift) Kᵀ.

    Args:
        shift: (D,), float64.
        matrix: K, (D', D), float64.
    """

    shift: torch.Tensor
    matrix: torch.Tensor

    @classmethod
    def of(cls, inputs: torch.Tensor, kind: Literal["standardise", "whiten", "half-whiten"]) -> InputMap:
        """The map under which inputs (n, D) have mean 0 and unit variances, or unit covariance, or something between.

        To whiten, features are standardised first. Directions whose spread is less than a thousandth of the largest are
        then brought to that thousandth; those that do not vary are taken out, since nothing is known about them.
        """
        n, D = inputs.shape
        shift = torch.stack([block.double().sum(0) for block in torch.split(inputs, ROWS_AT_ONCE)]).sum(0) / n
        covariance = torch.zeros(D, D, dtype=torch.float64, device=inputs.device)
        for block in torch.split(inputs, ROWS_AT_ONCE):
            centred = block.double() - shift
            covariance += centred.T @ centred / n
        variances = covariance.diagonal()
        scale = _inverse_root(variances, varies=variances > _CONSTANT * shift.square())
        if kind == "standardise":
            return cls(shift=shift, matrix=scale.diag())
        spread, vectors = torch.linalg.eigh(scale[:, None] * covariance * scale)
        whitening = _inverse_root(spread.clamp_min(spread[-1] * _FLOOR), varies=spread > _CONSTANT * spread[-1])
        if kind == "half-whiten":  # each direction keeps the root of its spread; the mean variance is 1
            whitening = whitening.sqrt()
            whitening = whitening / (spread.clamp_min(0.0) * whitening.square()).mean().sqrt().clamp_min(1e-300)
        return cls(shift=shift, matrix=whitening[:, None] * vectors.T * scale)

    def apply(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs (n, D) under the map, in their own type."""
        parts = [
            ((block.double() - self.shift) @ self.matrix.T).to(block.dtype)
            for block in torch.split(inputs, ROWS_AT_ONCE)
        ]
        return torch.cat(parts)

    def fold(self, encoder: nn.Module) -> nn.Module:
        """Change an encoder of mapped inputs, in place, into the same function of the inputs themselves."""
        layer = input_layer(encoder)
        assert layer is not None
        weight = layer.weight.double() @ self.matrix
        offset = weight @ self.shift
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(layer.bias.double() - offset)
        return encoder


def _inverse_root(values: torch.Tensor, *, varies: torch.Tensor) -> torch.Tensor:
    return torch.where(varies, values, torch.inf).rsqrt()


def input_map(
    inputs: torch.Tensor, encoder: nn.Module, kind: Literal["auto", "as-given", "standardise", "whiten", "half-whiten"]
) -> InputMap | None:
    """The map that an option asks for; None for inputs as they are.

    Raises:
        OptionsError: a map is asked for by name and the encoder has no first dense layer that could take it in.
    """
    layer = input_layer(encoder)
    dense = getattr(layer, "bias", None) is not None and inputs.ndim == 2
    if kind == "as-given" or (kind == "auto" and not dense):
        return None
    if not dense:
        raise OptionsError(
            f'inputs = "{kind}" needs an encoder that begins with a dense layer, which would take the map in',
            hint='choose inputs = "as-given", or the model mlp',
        )
    return InputMap.of(inputs, "half-whiten" if kind == "auto" else kind)
