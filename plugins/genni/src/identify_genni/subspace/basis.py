"""Affine subspaces of parameter space with an orthonormal basis in canonical signs."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import torch

from identify_core import OptionsError

_DEPENDENT = 1e-9  # of a direction's own length; float32 weights resolve about 1e-7


@attrs.frozen(kw_only=True, eq=False)
class Subspace:
    """The affine subspace c + span(b_1, …, b_K).

    Args:
        centre: c, shape (P,), float64.
        basis: b_k in rows, orthonormal, shape (K, P), float64.
        spanned_by: what each direction leads to, such as `replicate 3`, in the order of the rows.
        centre_name: what the centre is.
    """

    centre: torch.Tensor
    basis: torch.Tensor
    spanned_by: tuple[str, ...]
    centre_name: str

    @property
    def dimension(self) -> int:
        """K."""
        return len(self.basis)

    @property
    def rows(self) -> torch.Tensor:
        """The centre above the basis, shape (K + 1, P): a parameter vector is (1, a_1, …, a_K) @ rows."""
        return torch.cat([self.centre.unsqueeze(0), self.basis])

    def coordinates(self, points: torch.Tensor) -> torch.Tensor:
        """a_k = ⟨p − c, b_k⟩ for points (..., P), shape (..., K)."""
        found: torch.Tensor = (points.to(self.centre) - self.centre) @ self.basis.T
        return found

    def points(self, coordinates: torch.Tensor) -> torch.Tensor:
        """θ(a) = c + Σ_k a_k b_k for coordinates (..., K), shape (..., P)."""
        return self.centre + coordinates.to(self.centre) @ self.basis

    def distance(self, points: torch.Tensor) -> torch.Tensor:
        """How far points (..., P) are from the subspace, shape (...)."""
        nearest = self.points(self.coordinates(points))
        length: torch.Tensor = torch.linalg.vector_norm(points.to(self.centre) - nearest, dim=-1)
        return length


def span_directions(
    centre: torch.Tensor, directions: torch.Tensor, *, names: Sequence[str], centre_name: str = "the centre"
) -> Subspace:
    """The subspace through `centre` along `directions`, orthonormalised in their order.

    The reduced QR factorisation of the directions, its signs chosen so that each direction has a positive coordinate
    on its own axis: b_1 is parallel to the first direction, b_2 completes the span of the first two, and so on.
    LAPACK leaves those signs to the Householder reflections.

    Args:
        centre: (P,).
        directions: (K, P), any lengths.
        names: what each direction leads to, for messages and legends.
        centre_name: what the centre is.

    Raises:
        OptionsError: a direction is zero or depends linearly on those before it.

    Source: Lengyel et al. 2020, section 2.
    """
    centre, directions = centre.detach().double().cpu(), directions.detach().double().cpu()
    if len(directions) > centre.numel():
        raise OptionsError(
            f"{len(directions)} directions cannot be independent in a space of {centre.numel()} parameters",
            hint="lower `dimension`",
        )
    lengths = torch.linalg.vector_norm(directions, dim=1)
    for name, length in zip(names, lengths.tolist(), strict=True):
        if not length > _DEPENDENT * max(1.0, float(torch.linalg.vector_norm(centre))):
            raise OptionsError(
                f"the direction to {name} is zero: it is the same point as {centre_name}",
                hint="choose points that differ from the centre",
            )
    q, r = torch.linalg.qr((directions / lengths.unsqueeze(1)).T)
    diagonal = r.diagonal()
    for k, name in enumerate(names):
        if not abs(float(diagonal[k])) > _DEPENDENT:
            before = ", ".join(names[:k])
            raise OptionsError(
                f"the direction to {name} depends linearly on those to {before}: it spans nothing new",
                hint="leave it out and lower `dimension`, or choose another point",
            )
    basis = (q * diagonal.sign()).T.contiguous()
    return Subspace(centre=centre, basis=basis, spanned_by=tuple(names), centre_name=centre_name)


def span_points(
    centre: torch.Tensor, points: torch.Tensor, *, names: Sequence[str], centre_name: str = "the centre"
) -> Subspace:
    """The subspace through `centre` and `points`, (K, P): the offset orthonormal basis of the 2020 study."""
    centre, points = centre.detach().double().cpu(), points.detach().double().cpu()
    return span_directions(centre, points - centre, names=names, centre_name=centre_name)
