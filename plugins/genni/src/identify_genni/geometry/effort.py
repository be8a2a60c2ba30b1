"""How much work a search may do: counted in multiplications, so that the same spec ends at the same place anywhere."""

from __future__ import annotations

from collections.abc import Callable

import attrs

# What one entry of a Jacobian costs compared with its share of the factorisation, and what a value of J costs.
_ENTRY, _VALUE = 50, 5


def jacobian_work(size: int, columns: int) -> float:
    """Multiplications, about, for one Jacobian (m, P) and its Gauss–Newton step: m P (50 + min(m, P)).

    A CPU core of 2020 does between one and three billion of them in a second.

    Args:
        size: m.
        columns: P.
    """
    return float(size) * columns * (_ENTRY + min(size, columns))


def value_work(size: int, columns: int) -> float:
    """Multiplications, about, for J at one parameter vector."""
    return float(size) * columns * _VALUE


@attrs.define(kw_only=True)
class Effort:
    """An allowance of work, and what of it is spent.

    Args:
        limit: multiplications allowed.
        pause: called between steps; may raise to stop the work.
        spent: so far.
    """

    limit: float
    pause: Callable[[], None] = lambda: None
    spent: float = 0.0

    @property
    def left(self) -> float:
        """What may still be spent."""
        return self.limit - self.spent

    def part(self, share: float) -> Effort:
        """An allowance of its own of a share of what is left; give it back with `settle`."""
        return Effort(limit=share * self.left, pause=self.pause)

    def settle(self, part: Effort) -> None:
        """Count what a part has spent."""
        self.spent += part.spent
