"""Row spaces and null spaces of a Jacobian: in which directions the outputs on the data do not move to first order."""

from __future__ import annotations

import torch

from identify_core import UsageError


def row_space(jacobian: torch.Tensor, tolerance: float = 1e-6) -> tuple[torch.Tensor, torch.Tensor]:
    """An orthonormal basis of the row space, and the singular values that belong to it.

    Args:
        jacobian: (m, P).
        tolerance: singular values above this part of the largest count.

    Returns:
        (P, rank) and (rank,), the largest singular value first.
    """
    _, values, rows = torch.linalg.svd(jacobian, full_matrices=False)
    rank = count_above(values, tolerance)
    return rows[:rank].T, values[:rank]


def count_above(values: torch.Tensor, tolerance: float) -> int:
    """How many of the descending singular `values` are above `tolerance` times the largest; none where all are zero."""
    if len(values) == 0 or float(values[0]) == 0.0:
        return 0
    return int((values > tolerance * values[0]).sum())


def project_off(rows: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """The part of directions (..., P) that is orthogonal to the orthonormal columns of `rows` (P, rank).

    Applied twice, since one pass leaves rounding errors where a direction lies almost inside.
    """
    for _ in range(2):
        directions = directions - (directions @ rows) @ rows.T
    return directions


def null_space(jacobian: torch.Tensor, tolerance: float = 1e-6) -> torch.Tensor:
    """An orthonormal basis (P, nullity) of the null space, for few parameters: it makes a P × P matrix.

    Args:
        jacobian: (m, P).
        tolerance: as in `row_space`.
    """
    _, values, rows = torch.linalg.svd(jacobian, full_matrices=True)
    basis: torch.Tensor = rows[count_above(values, tolerance) :].T
    return basis


def null_directions(
    jacobian: torch.Tensor, count: int, *, generator: torch.Generator, tolerance: float = 1e-6
) -> torch.Tensor:
    """Some orthonormal directions (count, P) of the null space, drawn at random, without a P × P matrix.

    Args:
        jacobian: (m, P).
        count: how many; at most the nullity.
        generator: on the CPU.
        tolerance: as in `row_space`.

    Raises:
        UsageError: the null space has fewer dimensions.
    """
    rows, _ = row_space(jacobian, tolerance)
    nullity = jacobian.shape[1] - rows.shape[1]
    if count > nullity:
        raise UsageError(
            f"the null space has {nullity} dimensions at the tolerance {tolerance:g}, but {count} are wanted",
            hint="ask for fewer directions, or use a larger tolerance",
        )
    drawn = torch.randn(count, jacobian.shape[1], generator=generator, dtype=torch.float64).to(jacobian)
    directions: torch.Tensor = torch.linalg.qr(project_off(rows, drawn).T).Q.T
    return directions
