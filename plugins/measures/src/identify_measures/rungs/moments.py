"""Moments: all that second moments say of the fit part, as a triangular factor, without squaring condition numbers.

The factor R of [1 X Y] = Q R is updated block by block (R of the rows so far stacked on the next rows; Golub & Van
Loan, Matrix Computations, 4th edition, section 6.5), so that memory does not grow with n. Its first row is √n times the
means and the rows below are a factor of the centred data: neither what lies next to a large mean nor a small singular
value is lost, as both are in X'X − n m m'.
"""

from __future__ import annotations

import math

import attrs
import torch


@attrs.define(kw_only=True, eq=False)
class _Made:
    """What was computed from moments, centred or not."""

    cross: dict[bool, torch.Tensor] = attrs.field(factory=dict)
    polar: dict[bool, tuple[torch.Tensor, float]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Moments:
    """Second moments of two representations on the same rows.

    Args:
        count: rows, n.
        x: shape (k, d): x'x = X'X for the rows of X as they are; rows below the first are those of centred X.
        y: shape (k, e): the same of Y, so that x'y = X'Y.
        constant_x: shape (d,): whether a column has one value only.
        constant_y: shape (e,).
    """

    count: int
    x: torch.Tensor
    y: torch.Tensor
    constant_x: torch.Tensor
    constant_y: torch.Tensor
    _made: _Made = attrs.field(factory=_Made, repr=False)

    @property
    def mean_x(self) -> torch.Tensor:
        """Shape (d,)."""
        return self.x[0] / math.sqrt(self.count)

    @property
    def mean_y(self) -> torch.Tensor:
        """Shape (e,)."""
        return self.y[0] / math.sqrt(self.count)

    def factors(self, *, centred: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Factors (k, d) and (k, e) of the moments about the means, or about the origin."""
        return (self.x[1:], self.y[1:]) if centred else (self.x, self.y)

    def origins(self, *, centred: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """What is taken away from X and from Y before a map is fitted: the means, or nothing."""
        if centred:
            return self.mean_x, self.mean_y
        return torch.zeros_like(self.x[0]), torch.zeros_like(self.y[0])

    def cross(self, *, centred: bool) -> torch.Tensor:
        """X'Y, shape (d, e), about the means or about the origin."""
        if centred not in self._made.cross:
            x, y = self.factors(centred=centred)
            self._made.cross[centred] = x.T @ y
        return self._made.cross[centred]

    def polar(self, *, centred: bool) -> tuple[torch.Tensor, float]:
        """U V' and the nuclear norm of X'Y = U diag(s) V'; found on the CPU."""
        if centred not in self._made.polar:
            u, s, vt = torch.linalg.svd(self.cross(centred=centred).cpu(), full_matrices=False)
            self._made.polar[centred] = (u @ vt).to(self.x.device), float(s.sum())
        return self._made.polar[centred]

    def swapped(self) -> Moments:
        """The same with the two representations exchanged; what was made of one serves the other."""
        return Moments(
            count=self.count,
            x=self.y,
            y=self.x,
            constant_x=self.constant_y,
            constant_y=self.constant_x,
            made=_Made(
                cross={centred: cross.T for centred, cross in self._made.cross.items()},
                polar={centred: (matrix.T, norm) for centred, (matrix, norm) in self._made.polar.items()},
            ),
        )


class MomentsAccumulator:
    """Takes blocks of rows and keeps their factor only.

    Args:
        widths: d and e.
        device: where the factor lives.
    """

    def __init__(self, widths: tuple[int, int], device: torch.device) -> None:
        self._widths = widths
        self._factor = torch.zeros(0, 1 + sum(widths), dtype=torch.float64, device=device)
        self._low = torch.full((sum(widths),), math.inf, dtype=torch.float64, device=device)
        self._high = -self._low
        self._count = 0

    def add(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Take the next rows, (rows, d) and (rows, e) in float64."""
        if len(x) == 0:
            return
        both = torch.cat([x, y], dim=1)
        self._low = torch.minimum(self._low, both.amin(dim=0))
        self._high = torch.maximum(self._high, both.amax(dim=0))
        self._count += len(x)
        stacked = torch.cat([self._factor, torch.cat([torch.ones_like(x[:, :1]), both], dim=1)])
        self._factor = torch.linalg.qr(stacked, mode="r").R if len(stacked) > 1 else stacked

    def finish(self) -> Moments:
        """The moments of all rows taken."""
        d, _ = self._widths
        # QR leaves the signs of the rows open; the first must be + √n times the means.
        factor = self._factor * torch.where(self._factor[0, 0] < 0, -1.0, 1.0)
        constant = self._low == self._high
        # Of a constant column nothing is left about its mean; what rounding leaves would be taken for a signal.
        factor[1:, 1:][:, constant] = 0
        return Moments(
            count=self._count,
            x=factor[:, 1 : 1 + d],
            y=factor[:, 1 + d :],
            constant_x=constant[:d],
            constant_y=constant[d:],
        )
