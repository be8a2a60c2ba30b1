"""Drawn maps: each satisfies its rung's definition, breaks those that do not include it, and spoils no input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from identify_core.errors import UsageError
from identify_core.rungs import RUNGS, includes
from identify_core.testing.transformations import Map, draw_map, drawable_rungs, outside

POINTS = np.random.default_rng(99).standard_normal((200, 5))
WIDTHS = (1, 2, 5)
SEEDS = range(8)


def _matrix(f: Map, width: int) -> np.ndarray:
    """A with f(z) - f(0) = A z on the unit vectors."""
    origin = f(np.zeros((1, width)))
    return (f(np.eye(width)) - origin).T


def _keeps_origin(f: Map, width: int) -> bool:
    return np.allclose(f(np.zeros((1, width))), 0.0)


def _is_affine(f: Map, width: int) -> bool:
    points = POINTS[:, :width]
    return np.allclose(f(points), points @ _matrix(f, width).T + f(np.zeros((1, width))))


def _is_linear(f: Map, width: int) -> bool:
    return _is_affine(f, width) and _keeps_origin(f, width)


def _one_entry_each(matrix: np.ndarray) -> bool:
    there = np.abs(matrix) > 1e-9
    return bool((there.sum(0) == 1).all() and (there.sum(1) == 1).all())


def _monomial(f: Map, width: int, entry: Callable[[np.ndarray], np.ndarray]) -> bool:
    matrix = _matrix(f, width)
    return _is_linear(f, width) and _one_entry_each(matrix) and bool(entry(matrix[np.abs(matrix) > 1e-9]).all())


def _is_orthogonal(f: Map, width: int) -> bool:
    matrix = _matrix(f, width)
    return _is_linear(f, width) and np.allclose(matrix.T @ matrix, np.eye(width))


def _is_similarity(f: Map, width: int) -> bool:
    matrix = _matrix(f, width)
    gram = matrix.T @ matrix
    return _is_affine(f, width) and np.allclose(gram, gram[0, 0] * np.eye(width)) and gram[0, 0] > 1e-9


def _is_invertible(f: Map, width: int) -> bool:
    return bool(np.linalg.svd(_matrix(f, width), compute_uv=False).min() > 1e-9)


def _is_monotone(f: Map, width: int) -> bool:
    """Each output follows one input alone, and strictly."""
    order = np.linspace(-4, 4, 101)
    followed = []
    for column in range(width):
        line = np.tile(POINTS[:1, :width], (len(order), 1))
        line[:, column] = order
        moves = np.diff(f(line), axis=0)
        moving = np.flatnonzero(np.abs(moves).max(0) > 1e-9)
        if len(moving) != 1 or not (np.all(moves[:, moving] > 0) or np.all(moves[:, moving] < 0)):
            return False
        followed.append(int(moving[0]))
    return len(set(followed)) == width


def _stretches_nothing(f: Map, width: int) -> bool:
    points = POINTS[:, :width]
    before = np.linalg.norm(points[:, None] - points[None], axis=-1)
    after = np.linalg.norm(f(points)[:, None] - f(points)[None], axis=-1)
    return bool((after <= before + 1e-9).all())


def _is_injective(f: Map, width: int) -> bool:
    """No two of many points of a bounded region come to lie on each other's place, which a fold would bring about."""
    if width > 1:
        jacobians = np.stack([_jacobian(f, point) for point in POINTS[:, :width]])
        return len(set(np.sign(np.linalg.det(jacobians)))) == 1
    moves = np.diff(f(np.linspace(-4, 4, 101)[:, None]), axis=0)
    return bool((moves > 0).all() or (moves < 0).all())


def _jacobian(f: Map, point: np.ndarray) -> np.ndarray:
    step = 1e-6 * np.eye(len(point))
    return (f(point + step) - f(point - step)).T / 2e-6


DEFINITIONS: dict[str, Callable[[Map, int], bool]] = {
    "identity": lambda f, d: np.array_equal(f(POINTS[:, :d]), POINTS[:, :d]),
    "permutation": lambda f, d: _monomial(f, d, lambda entries: np.isclose(entries, 1)),
    "signed-permutation": lambda f, d: _monomial(f, d, lambda entries: np.isclose(np.abs(entries), 1)),
    "permutation-positive-scaling": lambda f, d: _monomial(f, d, lambda entries: entries > 0),
    "permutation-scaling": lambda f, d: _monomial(f, d, lambda entries: entries != 0),
    "permutation-monotone": _is_monotone,
    "orthogonal": _is_orthogonal,
    "similarity": _is_similarity,
    "linear": lambda f, d: _is_linear(f, d) and _is_invertible(f, d),
    "affine": lambda f, d: _is_affine(f, d) and _is_invertible(f, d),
    "lipschitz": _stretches_nothing,
    "homeomorphism": _is_injective,
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rung", sorted(DEFINITIONS))
def test_a_drawn_map_lies_in_its_rung(rung: str, width: int) -> None:
    for seed in SEEDS:
        assert DEFINITIONS[rung](draw_map(rung, width, np.random.default_rng(seed)), width)


@pytest.mark.parametrize("drawn", sorted(DEFINITIONS))
@pytest.mark.parametrize("rung", sorted(set(DEFINITIONS) - {"lipschitz"}))  # which depends on its constant
def test_a_drawn_map_lies_in_exactly_the_rungs_that_include_its_own(rung: str, drawn: str) -> None:
    inside = {DEFINITIONS[rung](draw_map(drawn, 5, np.random.default_rng(seed)), 5) for seed in SEEDS}
    assert inside == {includes(rung, drawn)}


def test_every_rung_that_depends_on_the_latents_alone_can_be_drawn() -> None:
    assert set(drawable_rungs()) == set(RUNGS) - {"isometry"} == set(DEFINITIONS)
    assert list(drawable_rungs()) == [name for name in RUNGS if name in drawable_rungs()]


@pytest.mark.parametrize("rung", drawable_rungs())
def test_what_is_outside_breaks_the_rung(rung: str) -> None:
    assert all(not includes(rung, name) for name in outside(rung))
    for name in outside(rung):
        assert not DEFINITIONS[rung](draw_map(name, 5, np.random.default_rng(3)), 5)


def test_what_is_outside_is_the_smallest_there_is() -> None:
    assert outside("identity") == ("permutation",)
    assert outside("permutation") == ("signed-permutation", "permutation-positive-scaling")
    assert outside("orthogonal") == ("permutation-positive-scaling", "similarity", "lipschitz")
    assert outside("similarity") == ("permutation-positive-scaling", "lipschitz")
    assert outside("affine") == ("permutation-monotone", "lipschitz")
    assert outside("affine", "permutation-monotone") == ("lipschitz", "homeomorphism")
    assert outside("homeomorphism") == ("lipschitz",)
    assert outside() == ("identity",)


def test_two_claims_leave_less_outside_than_one() -> None:
    assert outside("permutation-scaling") == ("permutation-monotone", "orthogonal")
    assert outside("permutation-scaling", "orthogonal") == (
        "permutation-monotone",
        "similarity",
        "linear",
        "lipschitz",
    )


@pytest.mark.parametrize("rung", drawable_rungs())
def test_a_map_is_the_same_from_the_same_state_and_leaves_its_input_alone(rung: str) -> None:
    points = POINTS.astype(np.float32)
    kept = points.copy()
    first, again, other = (draw_map(rung, 5, np.random.default_rng(seed))(points) for seed in (0, 0, 1))
    assert first.dtype == np.float32
    assert first.shape == points.shape
    assert np.array_equal(first, again)
    assert not np.shares_memory(first, points)
    assert np.array_equal(points, kept)
    if rung != "identity":
        assert not np.array_equal(first, points)
        assert not np.array_equal(first, other)


def test_whole_numbers_are_mapped_as_numbers() -> None:
    mapped = draw_map("permutation-positive-scaling", 2, np.random.default_rng(0))(np.array([[1, 3]]))
    assert mapped.dtype == np.float64
    assert sorted(mapped[0]) != sorted(np.floor(mapped[0]))


def test_a_permutation_copies_numbers_exactly() -> None:
    mapped = draw_map("permutation", 5, np.random.default_rng(0))(POINTS)
    assert np.array_equal(np.sort(mapped, axis=1), np.sort(POINTS, axis=1))


def test_maps_that_cannot_be_drawn_are_refused() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(UsageError, match="isometry' can be drawn: it depends on the two decoders") as refused:
        draw_map("isometry", 2, generator)
    assert "orthogonal" in (refused.value.hint or "")
    with pytest.raises(UsageError, match="there is no rung 'rotation'"):
        draw_map("rotation", 2, generator)
    with pytest.raises(UsageError, match="at least 1, not 0"):
        draw_map("linear", 0, generator)
    with pytest.raises(UsageError, match=r"takes arrays \(n, 2\), not \(4, 3\)"):
        draw_map("linear", 2, generator)(np.zeros((4, 3)))
    with pytest.raises(UsageError, match="there is no rung 'rotations'"):
        outside("rotations")
