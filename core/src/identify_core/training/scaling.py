"""Loss scaling for float16: each replicate's own factor, which keeps small gradients from vanishing."""

from __future__ import annotations

import attrs
import torch

_GROWTH_INTERVAL = 2000
_SMALLEST = 2.0**-14


@attrs.define(kw_only=True)
class LossScale:
    """One factor a replicate, grown while all goes well and halved after an overflow, as `torch.amp.GradScaler` does.

    Args:
        factors: (R,), float32.
        good_steps: updates since the last change, (R,), int64.
    """

    factors: torch.Tensor
    good_steps: torch.Tensor

    @classmethod
    def begin(cls, count: int, device: torch.device) -> LossScale:
        """The factors of R replicates before the first step."""
        factors = torch.full((count,), 2.0**16, device=device)
        return cls(factors=factors, good_steps=torch.zeros(count, dtype=torch.long, device=device))

    def follow(self, overflowed: torch.Tensor) -> torch.Tensor:
        """Change the factors after a step, and say who may still go on, (R,).

        Args:
            overflowed: whose gradient was not finite although its loss was, (R,).
        """
        self.good_steps = torch.where(overflowed, 0, self.good_steps + 1)
        grown = self.good_steps >= _GROWTH_INTERVAL
        self.good_steps = torch.where(grown, 0, self.good_steps)
        factors = torch.where(overflowed, self.factors / 2, self.factors)
        self.factors = torch.where(grown, factors * 2, factors)
        return self.factors >= _SMALLEST

    def select(self, rows: torch.Tensor) -> LossScale:
        """The factors of some replicates."""
        return LossScale(factors=self.factors[rows], good_steps=self.good_steps[rows])

    def state(self) -> dict[str, torch.Tensor]:
        """For a checkpoint."""
        return attrs.asdict(self, recurse=False)
