"""The residual of one replicate as a function of its parameter vector, in float64: J(θ) = |ρ(θ)|²."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import torch
from torch.func import jacrev, vmap

from identify_core import Replicates

_MOST_NUMBERS = 2_500_000  # of a block of a Jacobian: larger ones take several times as long

ParameterFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def in_double(replicates: Replicates) -> Replicates:
    """A copy of the replicates in float64; on the CPU where the device has no float64."""
    device = torch.device("cpu") if replicates.device.type == "mps" else replicates.device
    return Replicates.from_state(replicates.template, replicates.state(), device=device, dtype=torch.float64)


@attrs.frozen(kw_only=True, eq=False)
class Residual:
    """ρ(θ) = (f(x; θ) − y) / √m over the m numbers that f gives on all samples, so that J(θ) = |ρ(θ)|² is the mean.

    Args:
        function: f(θ, x).
        inputs: x, (n, ...).
        targets: y, of the shape of f(θ, x).
        memory: bytes that Jacobians of several vectors may take together.
        together: whether several vectors run under vmap; convolutions on a CPU are faster one after the other.
    """

    function: ParameterFunction
    inputs: torch.Tensor
    targets: torch.Tensor
    memory: float = 5e8
    together: bool = True

    @property
    def size(self) -> int:
        """m = n times the number of outputs."""
        return self.targets.numel()

    def __call__(self, vector: torch.Tensor) -> torch.Tensor:
        """ρ of one vector (P,): (m,)."""
        return (self.function(vector, self.inputs) - self.targets).reshape(-1) / math.sqrt(self.size)

    def values(self, vectors: torch.Tensor) -> torch.Tensor:
        """ρ of W vectors (W, P): (W, m)."""
        with torch.no_grad():
            if not self.together:
                return torch.stack([self(vector) for vector in vectors])
            result: torch.Tensor = vmap(self.__call__, chunk_size=self._chunk(vectors))(vectors)
        return result

    def losses(self, vectors: torch.Tensor) -> torch.Tensor:
        """J of W vectors (W, P): (W,)."""
        return self.values(vectors).square().sum(-1)

    def jacobians(self, vectors: torch.Tensor) -> torch.Tensor:
        """∂ρ/∂θ at W vectors (W, P): (W, m, P). The caller keeps W within the memory."""

        def single(vector: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            return self.function(vector, x.unsqueeze(0)).reshape(-1)

        by_sample = vmap(jacrev(single), in_dims=(None, 0))  # in evaluation mode samples do not mix
        numbers = self.size * vectors.shape[-1]
        if numbers > _MOST_NUMBERS:
            parts = torch.split(self.inputs, max(1, len(self.inputs) * _MOST_NUMBERS // numbers))
            rows = torch.stack([torch.cat([by_sample(v, x).detach() for x in parts]) for v in vectors])
        elif self.together:
            rows = vmap(by_sample, in_dims=(0, None), chunk_size=self._chunk(vectors))(vectors, self.inputs)
        else:
            rows = torch.stack([by_sample(vector, self.inputs).detach() for vector in vectors])
        stacked: torch.Tensor = rows.detach().reshape(len(vectors), self.size, -1) / math.sqrt(self.size)
        return stacked

    def at_once(self, vectors: torch.Tensor) -> int:
        """How many Jacobians fit into the memory together; at least one."""
        return max(1, int(self.memory // (8 * self.size * vectors.shape[-1])))

    def _chunk(self, vectors: torch.Tensor) -> int:
        return min(len(vectors), self.at_once(vectors))
